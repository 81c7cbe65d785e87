//! Variables that nginx has and webserv has not, so that one is not called unknown, and what to write instead.
//!
//! Only asked for names that nobody defines; a name that a module brings one day may stay here.

/// What to do without variables: names, beginnings of names, advice. From the documentation of nginx 1.29.
const FOREIGN: &[(&str, &str, &str)] = &[
    (
        "",
        "upstream_",
        "requests are passed to no upstream; in `auth_request_set` the answer's own are `$status` and `$sent_http_NAME`",
    ),
    (
        "proxy_add_x_forwarded_for proxy_host proxy_port proxy_internal_body_length proxy_internal_chunked",
        "",
        "requests are passed to no upstream",
    ),
    ("fastcgi_path_info fastcgi_script_name", "", "scripts are run by `cgi`, which gives them their own environment"),
    ("", "ssl_ early_data", "connections are not encrypted; `$https` is empty and `$scheme` is http"),
    ("http2 http3", "", "`$server_protocol` tells the protocol"),
    ("gzip_ratio", "brotli_ zstd_", "answers go out as they are"),
    ("", "geoip_ geoip2_", "`geo $NAME { include FILE; }` takes a list of networks; databases are not read"),
    ("ancient_browser modern_browser msie", "", "`map $http_user_agent $NAME { ... }` tells browsers apart"),
    ("date_gmt date_local", "", "`$time_iso8601` and `$time_local` tell the time"),
    ("tcpinfo_rtt tcpinfo_rttvar tcpinfo_snd_cwnd tcpinfo_rcv_space", "", ""),
    ("connections_active connections_reading connections_waiting connections_writing", "", ""),
    ("memcached_key slice_range spdy spdy_request_priority", "image_ jwt_ session_log_ otel_ api_ status_", ""),
];

/// Whether nginx has such a variable, and what to do without it; empty if there is nothing to say.
pub(super) fn find(name: &str) -> Option<&'static str> {
    let among = |names: &str| names.split_ascii_whitespace().any(|own| own == name);
    let begins = |prefixes: &str| prefixes.split_ascii_whitespace().any(|prefix| name.starts_with(prefix));
    let found = FOREIGN.iter().find(|(names, prefixes, _)| among(names) || begins(prefixes));
    found.map(|(_, _, hint)| *hint)
}

/// For the manual: a line for each kind, as Markdown.
pub(super) fn markdown() -> String {
    let line = |(names, prefixes, hint): &(&str, &str, &str)| {
        let names = names.split_ascii_whitespace().map(|name| format!("`${name}`"));
        let families = prefixes.split_ascii_whitespace().map(|prefix| format!("`${prefix}*`"));
        let all = names.chain(families).collect::<Vec<_>>().join(", ");
        if hint.is_empty() { format!("- {all}\n") } else { format!("- {all}: {hint}\n") }
    };
    FOREIGN.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nginx_has_is_known_by_name_and_by_family() {
        assert!(find("upstream_http_x_user").unwrap().contains("$sent_http_NAME"));
        assert!(find("ssl_client_s_dn").unwrap().contains("not encrypted"));
        assert_eq!(find("tcpinfo_rtt"), Some(""));
        assert_eq!(find("upstrem_addr"), None);
        assert!(markdown().contains("- `$http2`, `$http3`: "));
    }
}
