//! The manual: what it says of each directive and variable is true, and what is promised is there.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use webserv::config::load::{Loaded, Origin, Request, load};
use webserv::config::manual::{self, Documented, default_line};
use webserv::config::render::{self, Colour};
use webserv::modules::MODULES;

use crate::support::{check_config, webserv};

#[test]
fn the_file_is_what_the_tables_say() {
    let file = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("MANUAL.md")).unwrap_or_default();
    let hint = "make it anew: cargo run -- directives --markdown >MANUAL.md";
    assert!(file == manual::markdown(MODULES), "MANUAL.md is not what the tables say; {hint}");
}

#[test]
fn it_is_printed_whole_by_directive_and_as_a_list() {
    let printed = |words: &[&str]| String::from_utf8(webserv(words).stdout).expect("it is text");
    let whole = printed(&["directives"]);
    assert!(whole.contains("\nautoindex\n") && whole.contains("$request_uri"), "{whole}");
    let one = printed(&["directives", "autoindex"]);
    assert!(one.starts_with("autoindex\n    syntax   autoindex on | off;\n"), "{one}");
    assert!(whole.contains(&one), "{one}");
    assert_eq!(printed(&["directives", "--markdown"]), manual::markdown(MODULES));
    assert!(printed(&["directives", "--list"]).lines().any(|line| line == "autoindex on | off;"));
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_webserv"))
        .args(["directives", "--markdown"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    drop(child.stdout.take());
    let mut errors = String::new();
    child.stderr.take().expect("it is piped").read_to_string(&mut errors).expect("it is text");
    assert!(child.wait().expect("it ends").success(), "{errors}");
    assert_eq!(errors, "");
}

#[test]
fn every_directive_of_nginx_that_is_promised_exists() {
    let known: Vec<&str> = manual::directives(MODULES).iter().map(|found| found.entry.name).collect();
    let missing: Vec<&str> = DIRECTIVES.split_whitespace().filter(|name| !known.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_does_nothing_here_says_so() {
    for name in WITHOUT_EFFECT.split_whitespace() {
        let text = manual::entry(MODULES, name).expect(name);
        assert!(text.contains("does nothing here"), "{text}");
    }
}

#[test]
fn every_variable_that_is_promised_can_be_used() {
    let text = format!("http {{ server {{ listen 127.0.0.1:0; return 200 '{VARIABLES}'; }} }}");
    let checked = check_config(&text);
    assert!(checked.ok, "{}", checked.output);
}

#[test]
fn every_directive_is_explained_with_an_example() {
    for Documented { entry, .. } in manual::directives(MODULES) {
        assert!(entry.doc.ends_with('.'), "{}: {:?}", entry.name, entry.doc);
        assert!(entry.example.starts_with(entry.name), "{}: {:?}", entry.name, entry.example);
    }
}

#[test]
fn every_example_is_accepted_wherever_its_directive_may_stand() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let logs = folder.path().display().to_string();
    for Documented { entry, .. } in manual::directives(MODULES) {
        // A machine need not have this folder, nor this user.
        let example = entry.example.replace("/var/log/webserv", &logs).replace("www-data", "root");
        for context in entry.contexts.names().filter(|context| !context.starts_with("if ")) {
            let (loaded, report) = loaded(&placed(context, &example), folder.path());
            assert!(loaded.result.is_ok(), "{} in {context}: {report}", entry.name);
        }
    }
}

#[test]
fn every_default_is_what_holds_without_the_directive() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    for Documented { entry, .. } in manual::directives(MODULES) {
        if entry.default.is_empty() || UNCOMPARED.iter().any(|(name, _reason)| *name == entry.name) {
            continue;
        }
        let line = default_line(&entry);
        // As long, so that places are the same.
        let nothing = " ".repeat(line.len());
        for context in entry.contexts.names().filter(|context| !context.starts_with("if ")) {
            let ((with, report), (without, _)) =
                (loaded(&placed(context, &line), folder.path()), loaded(&placed(context, &nothing), folder.path()));
            assert!(with.result.is_ok(), "{line} in {context}: {report}");
            let (without, with) = (shown(&without), shown(&with));
            let differing = without.iter().zip(&with).find(|(one, other)| one != other);
            assert!(without == with, "`{line}` in {context} is not the default: {differing:?}");
        }
    }
}

/// All that a configuration has decided, as lines. They are sorted, for maps have no order.
fn shown(loaded: &Loaded) -> Vec<String> {
    let configuration = loaded.result.as_ref().expect("it was accepted");
    let text = format!("{:#?}\n{:#?}", configuration.process, configuration.tree);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// A line in a block of this kind, behind what the examples name and do not define.
fn placed(context: &str, line: &str) -> String {
    let zones = "limit_req_zone $uri zone=one:32k rate=1r/s; limit_conn_zone $uri zone=addr:32k;";
    let zones = if line.contains("_zone") { "" } else { zones };
    let server = |lines: &str| format!("http {{ {zones} server {{ {lines} }} }}");
    match context {
        "main" if line.starts_with("http ") => line.to_owned(),
        "main" => format!("{line} {}", server("")),
        "events" => format!("events {{ {line} }} {}", server("")),
        "http" => format!("http {{ {zones} {line} server {{ }} }}"),
        "server" => server(line),
        "location" => server(&format!("location / {{ {line} }}")),
        "if in server" => server(&format!("if ($uri) {{ {line} }}")),
        "if in location" => server(&format!("location / {{ if ($uri) {{ {line} }} }}")),
        "limit_except" => server(&format!("location / {{ limit_except GET {{ {line} }} }}")),
        other => panic!("{other} is no context"),
    }
}

fn loaded(text: &str, prefix: &Path) -> (Loaded, String) {
    let request = Request {
        origin: Origin::BuiltIn(text.to_owned()),
        prefix: prefix.to_owned(),
        globals: Vec::new(),
        error_log: None,
        as_root: rustix::process::geteuid().is_root(),
        modules: MODULES,
    };
    let loaded = load(&request, None);
    let report = render::text(&loaded.report, Colour::Off);
    (loaded, report)
}

/// Directives whose default cannot be compared, each with its reason.
const UNCOMPARED: &[(&str, &str)] = &[
    ("log_format", "`combined` is not shown whole, and cannot be made again"),
    ("root", "the prefix stands before it when it is read, or when it is used"),
    ("user", "nobody is looked up when the server starts"),
];

/// nginx's directives with nginx's meaning.
const DIRECTIVES: &str = "
    client_header_timeout client_body_timeout send_timeout keepalive_timeout keepalive_requests keepalive_time
    lingering_close lingering_time lingering_timeout reset_timedout_connection client_header_buffer_size
    large_client_header_buffers client_body_buffer_size client_body_in_file_only client_max_body_size max_headers ignore_invalid_headers underscores_in_headers
    user worker_processes worker_rlimit_nofile worker_connections multi_accept pid error_log daemon include http server
    listen server_name server_tokens root alias index location types default_type error_page recursive_error_pages
    return internal try_files sendfile sendfile_max_chunk chunked_transfer_encoding keepalive_disable disable_symlinks
    open_log_file_cache tcp_nodelay tcp_nopush etag if_modified_since max_ranges absolute_redirect port_in_redirect
    server_name_in_redirect merge_slashes log_format access_log log_not_found log_subrequest add_header expires
    add_header_inherit add_trailer add_trailer_inherit
    charset charset_map charset_types override_charset source_charset empty_gif valid_referers
    secure_link secure_link_md5 secure_link_secret userid userid_domain userid_expires userid_flags userid_mark
    userid_name userid_p3p userid_path userid_service
    autoindex autoindex_exact_size autoindex_format autoindex_localtime limit_except allow deny client_body_temp_path
    satisfy auth_basic auth_basic_user_file auth_delay geo map split_clients
    events limit_req_zone limit_req limit_req_status limit_req_log_level limit_req_dry_run limit_conn_zone limit_conn
    limit_conn_status limit_conn_log_level limit_conn_dry_run
    set_real_ip_from real_ip_header real_ip_recursive limit_rate limit_rate_after
    rewrite if set break rewrite_log uninitialized_variable_warn";

/// nginx's tuning that has no meaning here.
const WITHOUT_EFFECT: &str = "
    postpone_output connection_pool_size request_pool_size server_names_hash_max_size server_names_hash_bucket_size
    types_hash_max_size types_hash_bucket_size variables_hash_max_size variables_hash_bucket_size output_buffers
    referer_hash_max_size referer_hash_bucket_size map_hash_max_size map_hash_bucket_size
    msie_padding msie_refresh accept_mutex use worker_priority master_process tcp_nopush client_body_in_single_buffer";

/// Each, or a member of each family.
const VARIABLES: &str = "
    $uri $request_uri $document_uri $args $arg_a $query_string $is_args $request $request_method $scheme $host $hostname
    $http_user_agent $sent_http_content_type $cookie_a $server_name $server_addr $server_port $server_protocol
    $remote_addr $remote_port $remote_user $binary_remote_addr $document_root $request_filename $realpath_root $status
    $body_bytes_sent $bytes_sent $request_length $request_time $request_id $connection $connection_requests $time_local
    $sent_trailer_a $invalid_referer $secure_link $secure_link_expires $uid_got $uid_set
    $request_body $request_body_file $time_iso8601 $msec $pid $content_type $content_length $limit_rate $nginx_version
    $limit_req_status $limit_conn_status
    $realip_remote_addr $realip_remote_port $proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr
    $proxy_protocol_server_port $proxy_protocol_tlv_alpn $proxy_protocol_tlv_0x01";
