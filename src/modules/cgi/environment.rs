//! What a script is told of its request: RFC 3875 section 4.1, and what scripts expect by habit.
//!
//! Nothing of the server's own environment is passed on. `HTTP_PROXY` is never set, for programs take it for an order;
//! credentials only where the configuration says so.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::LazyLock;

use super::script::Script;
use super::settings::Conf;
use crate::exchange::Exchange;
use crate::exchange::core_variables;
use crate::exchange::error_pages::{NAME, SIGNATURE};
use crate::exchange::settings::ServerTokens;
use crate::exchange::template::Template;

/// Names and values.
pub(super) type Environment = Vec<(OsString, OsString)>;

/// The environment of a script; `content_length` is that of the content it can read.
pub(super) fn environment(
    exchange: &Exchange,
    conf: &Conf,
    script: &Script,
    content_length: Option<u64>,
) -> Environment {
    let mut variables = Variables { list: Vec::with_capacity(ROOM) };
    variables.add("PATH", conf.path.as_bytes());
    variables.add("GATEWAY_INTERFACE", b"CGI/1.1");
    variables.add("SERVER_SOFTWARE", software(&exchange.plan.settings.server_tokens));
    // php-cgi refuses to run without it, lest somebody call it by its own name.
    variables.add("REDIRECT_STATUS", b"200");
    for (name, template) in FROM_VARIABLES.iter() {
        let value = template.render(exchange);
        if !value.is_empty() || *name == "QUERY_STRING" {
            variables.add(name, &value);
        }
    }
    variables.add("REQUEST_METHOD", exchange.method.as_str().as_bytes());
    let root = exchange.document_root();
    variables.add("DOCUMENT_ROOT", &root);
    variables.add("SCRIPT_FILENAME", &script.file);
    variables.add("SCRIPT_NAME", &script.name);
    if !script.path_info.is_empty() {
        variables.add("PATH_INFO", &script.path_info);
        variables.add("PATH_TRANSLATED", &joined(root, &script.path_info));
    }
    if let Some(user) = &exchange.user {
        variables.add("AUTH_TYPE", b"Basic");
        variables.add("REMOTE_USER", user);
    }
    if let Some(length) = content_length {
        variables.add("CONTENT_LENGTH", length.to_string().as_bytes());
    }
    variables.add_fields(exchange, conf.pass_authorization);
    for (name, template) in conf.variables.iter() {
        variables.set(name, &template.render(exchange));
    }
    variables.list.into_iter().map(|(name, value)| (OsString::from_vec(name), OsString::from_vec(value))).collect()
}

struct Variables {
    list: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Variables {
    /// Adds a variable that is not there yet. What has a NUL in it cannot be passed on.
    fn add(&mut self, name: &str, value: &[u8]) {
        if !value.contains(&0) {
            self.list.push((name.as_bytes().to_vec(), value.to_vec()));
        }
    }

    /// What the configuration says: in place of what was there; an empty value takes it away.
    fn set(&mut self, name: &str, value: &[u8]) {
        self.list.retain(|(other, _)| other != name.as_bytes());
        if !value.is_empty() {
            self.add(name, value);
        }
    }

    /// The request's fields (section 4.1.18), several of a name as one.
    fn add_fields(&mut self, exchange: &Exchange, authorization: bool) {
        let first = self.list.len();
        for field in exchange.request.headers() {
            let name = variable_name(&field.name);
            if is_withheld(&name, authorization) {
                continue;
            }
            let same = self.list[first..].iter_mut().find(|(other, _)| *other == name);
            if let Some((_, value)) = same {
                let separator: &[u8] = if name == b"HTTP_COOKIE" { b"; " } else { b", " };
                value.extend_from_slice(separator);
                value.extend_from_slice(&field.value);
            } else {
                self.list.push((name, field.value.to_vec()));
            }
        }
    }
}

/// `HTTP_ACCEPT_LANGUAGE` of `Accept-Language`.
fn variable_name(field: &[u8]) -> Vec<u8> {
    let mut name = b"HTTP_".to_vec();
    name.extend(field.iter().map(|byte| if *byte == b'-' { b'_' } else { byte.to_ascii_uppercase() }));
    name
}

/// Fields that have a variable of their own, are about the connection or the transfer, or would do harm.
fn is_withheld(name: &[u8], authorization: bool) -> bool {
    const WITHHELD: [&[u8]; 12] = [
        b"HTTP_CONNECTION",
        b"HTTP_CONTENT_LENGTH",
        b"HTTP_CONTENT_TYPE",
        b"HTTP_EXPECT",
        b"HTTP_KEEP_ALIVE",
        b"HTTP_PROXY",
        b"HTTP_PROXY_AUTHORIZATION",
        b"HTTP_PROXY_CONNECTION",
        b"HTTP_TE",
        b"HTTP_TRAILER",
        b"HTTP_TRANSFER_ENCODING",
        b"HTTP_UPGRADE",
    ];
    WITHHELD.contains(&name) || (name == b"HTTP_AUTHORIZATION" && !authorization)
}

/// `PATH_TRANSLATED`: where the path behind the script would be in the document root.
fn joined(root: Vec<u8>, path_info: &[u8]) -> Vec<u8> {
    let mut path = root;
    if path.ends_with(b"/") {
        path.pop();
    }
    path.extend_from_slice(path_info);
    path
}

fn software(tokens: &ServerTokens) -> &[u8] {
    match tokens {
        ServerTokens::On | ServerTokens::Build => SIGNATURE.as_bytes(),
        ServerTokens::Off => NAME.as_bytes(),
        ServerTokens::Text(text) if text.is_empty() => NAME.as_bytes(),
        ServerTokens::Text(text) => text,
    }
}

/// About so many variables a browser's request has.
const ROOM: usize = 40;

/// What a variable of the configuration language has already. Empty ones are left out but for the query, which RFC 3875
/// section 4.1.7 wants set.
static FROM_VARIABLES: LazyLock<Vec<(&str, Template)>> = LazyLock::new(|| {
    let known = [
        ("QUERY_STRING", "$args"),
        ("REQUEST_URI", "$request_uri"),
        ("REQUEST_SCHEME", "$scheme"),
        ("HTTPS", "$https"),
        ("SERVER_PROTOCOL", "$server_protocol"),
        ("SERVER_NAME", "$host"),
        ("SERVER_ADDR", "$server_addr"),
        ("SERVER_PORT", "$server_port"),
        ("REMOTE_ADDR", "$remote_addr"),
        ("REMOTE_PORT", "$remote_port"),
        ("CONTENT_TYPE", "$content_type"),
    ];
    let compile = |text| Template::compile(text, core_variables::resolve).expect("these variables are in the table");
    known.into_iter().map(|(name, text)| (name, compile(text))).collect()
});

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::exchange::plan::PlanBuilder;
    use crate::exchange::test_support::{Bench, template};

    fn variables(conf: &Conf, head: &str) -> Vec<String> {
        let mut plan = PlanBuilder::new("/");
        plan.settings.root.path = Template::literal("/srv/www/");
        let exchange = Bench::new().exchange_in(plan, &format!("{head}\r\n\r\n"));
        let script = Script {
            file: b"/srv/www/cgi-bin/run".to_vec(),
            name: Bytes::from_static(b"/cgi-bin/run"),
            path_info: Bytes::from_static(b"/a b"),
        };
        let list = environment(&exchange, conf, &script, Some(5));
        let shown = |text: OsString| String::from_utf8(text.into_vec()).unwrap();
        list.into_iter().map(|(name, value)| format!("{}={}", shown(name), shown(value))).collect()
    }

    #[track_caller]
    fn has(variables: &[String], line: &str) {
        assert!(variables.iter().any(|variable| variable == line), "{line} is missing in {variables:#?}");
    }

    fn has_no(variables: &[String], name: &str) {
        let found = variables.iter().find(|variable| variable.split('=').next() == Some(name));
        assert_eq!(found, None);
    }

    #[test]
    fn a_script_is_told_of_its_request() {
        let head = "POST /cgi-bin/run/a%20b?x=1&y HTTP/1.1\r\nHost: Site.example:8080\r\nContent-Length: 5\r\n\
                    Content-Type: text/plain";
        let variables = variables(&Conf::default(), head);
        for line in [
            "PATH=/usr/local/bin:/usr/bin:/bin",
            "GATEWAY_INTERFACE=CGI/1.1",
            "REDIRECT_STATUS=200",
            "QUERY_STRING=x=1&y",
            "REQUEST_URI=/cgi-bin/run/a%20b?x=1&y",
            "REQUEST_METHOD=POST",
            "REQUEST_SCHEME=http",
            "SERVER_PROTOCOL=HTTP/1.1",
            "SERVER_NAME=site.example",
            "SERVER_ADDR=198.51.100.1",
            "SERVER_PORT=8080",
            "REMOTE_ADDR=192.0.2.7",
            "REMOTE_PORT=4321",
            "DOCUMENT_ROOT=/srv/www/",
            "SCRIPT_FILENAME=/srv/www/cgi-bin/run",
            "SCRIPT_NAME=/cgi-bin/run",
            "PATH_INFO=/a b",
            "PATH_TRANSLATED=/srv/www/a b",
            "CONTENT_LENGTH=5",
            "CONTENT_TYPE=text/plain",
            "HTTP_HOST=Site.example:8080",
        ] {
            has(&variables, line);
        }
        for name in ["HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTPS", "HOME"] {
            has_no(&variables, name);
        }
    }

    #[test]
    fn fields_of_one_name_are_one_variable() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nAccept: x\r\nCookie: a=1\r\nAccept: y\r\ncookie: b=2";
        let variables = variables(&Conf::default(), head);
        has(&variables, "HTTP_ACCEPT=x, y");
        has(&variables, "HTTP_COOKIE=a=1; b=2");
        has(&variables, "QUERY_STRING=");
    }

    #[test]
    fn a_proxy_is_never_passed_on_and_credentials_only_when_asked_for() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nProxy: evil\r\nAuthorization: Basic eA==\r\nConnection: close";
        let withheld = variables(&Conf::default(), head);
        for name in ["HTTP_PROXY", "HTTP_AUTHORIZATION", "HTTP_CONNECTION"] {
            has_no(&withheld, name);
        }
        let passed = variables(&Conf { pass_authorization: true, ..Conf::default() }, head);
        has(&passed, "HTTP_AUTHORIZATION=Basic eA==");
        has_no(&passed, "HTTP_PROXY");
    }

    #[test]
    fn the_configuration_adds_replaces_and_takes_away() {
        let set = [("A", "$uri"), ("SERVER_NAME", "other"), ("REMOTE_PORT", "")];
        let set = set.map(|(name, text)| (name.into(), template(text)));
        let conf = Conf { variables: set.into(), path: "/bin".into(), ..Conf::default() };
        let variables = variables(&conf, "GET /x HTTP/1.1\r\nHost: a");
        has(&variables, "A=/x");
        has(&variables, "SERVER_NAME=other");
        has(&variables, "PATH=/bin");
        has_no(&variables, "REMOTE_PORT");
    }
}
