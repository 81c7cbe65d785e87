//! Directives that nginx has: so that one which webserv lacks is not called unknown.
//!
//! Only the engine asks, and only for names that no table of ours has; a name that a module
//! implements one day may stay here.

/// A directive that nginx, or a well-known module for it, has and webserv has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Foreign {
    /// Whose it is.
    pub(super) from: From,
    /// What to do without it; empty if there is nothing to say.
    pub(super) hint: &'static str,
}

/// Whose a directive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// nginx itself.
    Nginx,
    /// A module that is built into nginx by others.
    ThirdParty,
}

impl Foreign {
    /// The beginning of a sentence: who has it.
    pub(super) fn owner(&self) -> &'static str {
        match self.from {
            From::Nginx => "nginx has",
            From::ThirdParty => "a module for nginx has",
        }
    }
}

/// Whose the directive is, if it is known from nginx.
pub(super) fn find(name: &str) -> Option<Foreign> {
    let among = |names: &str| names.split_ascii_whitespace().any(|own| own == name);
    let begins = |prefixes: &str| prefixes.split_ascii_whitespace().any(|prefix| name.starts_with(prefix));
    let group = GROUPS.iter().find(|group| among(group.names));
    let from = match group {
        Some(group) => group.from,
        None if begins(THIRD_PARTY_PREFIXES) => From::ThirdParty,
        None => return None,
    };
    let hint = HINTS.iter().find(|(names, prefixes, _)| among(names) || begins(prefixes));
    let hint = hint.map(|(_, _, hint)| *hint).or_else(|| group.map(|group| group.hint));
    Some(Foreign { from, hint: hint.unwrap_or_default() })
}

/// What to do without single directives: names, beginnings of names, advice.
const HINTS: &[(&str, &str, &str)] = &[
    ("load_module", "", "what webserv knows is built in, and nothing needs to be loaded: remove the line"),
    ("env", "", "set the environment where the server is started, for example in its systemd unit"),
    ("stub_status status status_format status_zone", "", "the access log has a line for each request"),
    ("", "ssi", "`add_before_body` and `add_after_body` put a common head and foot around pages"),
    ("", "sub_filter", "files are sent as they are: replace the text in the files"),
    ("", "xslt_ xml_entities", "transform the documents when they are published"),
    ("image_filter", "image_filter_", "scale the pictures when they are published"),
    ("flv hls mp4", "mp4_ hls_ f4f", "files are sent whole or by ranges, and players seek by ranges: remove the line"),
    (
        "gzip gunzip gzip_static",
        "gzip_ brotli zstd",
        "answers go out as they are: remove the line, or let a proxy in front compress",
    ),
    ("gunzip_buffers", "", "remove the line"),
    ("perl", "perl_ js_ lua_", "webserv runs no scripts inside itself"),
    ("http2 http3", "http2_ http3_ quic_", "all clients speak HTTP/1.1 as well: remove the line"),
    (
        "ancient_browser ancient_browser_value modern_browser modern_browser_value",
        "",
        "`map $http_user_agent $NAME { ... }` tells browsers apart",
    ),
    (
        "api api_location internal_redirect keyval keyval_zone mgmt",
        "auth_jwt session_log otel_ usage_report",
        "it belongs to nginx's commercial edition or to a separate module",
    ),
    ("working_directory worker_rlimit_core", "", "set it where the server is started, for example in its systemd unit"),
    ("postpone_gzipping", "", "remove the line"),
    ("more_set_headers", "", "`add_header NAME VALUE always` adds a field to every answer"),
    ("more_clear_headers", "", "`server_tokens off` hides the version, `etag off` the ETag"),
    ("echo echo_status", "", "`return 200 TEXT` answers with a text"),
    ("fancyindex", "fancyindex_", "`autoindex on` lists folders"),
    ("", "geoip_ geoip2", "`geo $NAME { include FILE; }` takes a list of networks; databases are not read"),
];

/// How directives of modules for nginx begin that have too many to list.
const THIRD_PARTY_PREFIXES: &str = "auth_ldap auth_pam brotli_ echo_ encrypted_session fancyindex_ lua_ modsecurity_ nchan_ \
    pagespeed passenger_ push_stream_ redis2_ rtmp_ set_escape_uri set_unescape_uri subs_filter upload_ \
    vhost_traffic_status_ zstd_";

struct Group {
    from: From,
    hint: &'static str,
    names: &'static str,
}

/// From the documentation of nginx 1.29; names of modules for `stream` and `mail` too, for they are
/// met when such a block is tried.
const GROUPS: &[Group] = &[
    Group {
        from: From::Nginx,
        hint: "",
        names: "absolute_redirect accept_mutex accept_mutex_delay access_log add_after_body add_before_body \
            add_header add_header_inherit add_trailer add_trailer_inherit addition_types aio aio_write alias \
            allow ancient_browser ancient_browser_value api api_location auth_basic auth_basic_user_file \
            auth_delay auth_jwt auth_jwt_claim_set auth_jwt_header_set auth_jwt_key_cache auth_jwt_key_file \
            auth_jwt_key_request auth_jwt_leeway auth_jwt_require auth_jwt_type auth_request auth_request_set \
            autoindex autoindex_exact_size autoindex_format autoindex_localtime charset charset_map \
            charset_types chunked_transfer_encoding client_body_buffer_size client_body_in_file_only \
            client_body_in_single_buffer client_body_temp_path client_body_timeout client_header_buffer_size \
            client_header_timeout client_max_body_size connection_pool_size create_full_put_path daemon \
            dav_access dav_methods debug_connection debug_points default_type deny directio directio_alignment \
            disable_symlinks early_hints empty_gif env epoll_events error_log error_page etag events expires f4f \
            f4f_buffer_size flv geo geoip_city geoip_country geoip_org geoip_proxy geoip_proxy_recursive \
            google_perftools_profiles hls hls_buffers hls_forward_args hls_fragment hls_mp4_buffer_size \
            hls_mp4_max_buffer_size http if_modified_since ignore_invalid_headers image_filter \
            image_filter_buffer image_filter_interlace image_filter_jpeg_quality image_filter_sharpen \
            image_filter_transparency image_filter_webp_quality include index internal internal_redirect \
            keepalive_disable keepalive_requests keepalive_time keepalive_timeout keyval keyval_zone \
            large_client_header_buffers limit_conn limit_conn_dry_run limit_conn_log_level limit_conn_status \
            limit_conn_zone limit_except limit_rate limit_rate_after limit_req limit_req_dry_run \
            limit_req_log_level limit_req_status limit_req_zone lingering_close lingering_time lingering_timeout \
            listen load_module location lock_file log_format log_not_found log_subrequest map \
            map_hash_bucket_size map_hash_max_size master_process max_headers max_ranges merge_slashes mgmt \
            min_delete_depth mirror mirror_request_body modern_browser modern_browser_value mp4 mp4_buffer_size \
            mp4_limit_rate mp4_limit_rate_after mp4_max_buffer_size mp4_start_key_frame msie_padding \
            msie_refresh multi_accept open_file_cache open_file_cache_errors open_file_cache_events \
            open_file_cache_min_uses open_file_cache_valid open_log_file_cache otel_exporter otel_service_name \
            otel_span_attr otel_span_name otel_trace otel_trace_context output_buffers override_charset pcre_jit \
            pid port_in_redirect post_action postpone_gzipping postpone_output random_index read_ahead \
            real_ip_header real_ip_recursive recursive_error_pages referer_hash_bucket_size \
            referer_hash_max_size request_pool_size reset_timedout_connection return root satisfy secure_link \
            secure_link_md5 secure_link_secret sendfile sendfile_max_chunk server server_name \
            server_name_in_redirect server_names_hash_bucket_size server_names_hash_max_size server_tokens \
            session_log session_log_format session_log_zone set_real_ip_from slice source_charset split_clients \
            ssi ssi_ignore_recycled_buffers ssi_last_modified ssi_min_file_chunk ssi_silent_errors ssi_types \
            ssi_value_length status status_format status_zone stub_status sub_filter sub_filter_last_modified \
            sub_filter_once sub_filter_types subrequest_output_buffer_size tcp_nodelay tcp_nopush thread_pool \
            timer_resolution try_files types types_hash_bucket_size types_hash_max_size underscores_in_headers \
            usage_report use user userid userid_domain userid_expires userid_flags userid_mark userid_name \
            userid_p3p userid_path userid_service valid_referers variables_hash_bucket_size \
            variables_hash_max_size worker_aio_requests worker_connections worker_cpu_affinity worker_priority \
            worker_processes worker_rlimit_core worker_rlimit_nofile worker_shutdown_timeout working_directory \
            xml_entities xslt_last_modified xslt_param xslt_string_param xslt_stylesheet xslt_types",
    },
    Group {
        from: From::Nginx,
        hint: "webserv forwards no requests yet: let the server in front send them to where they are answered",
        names: "grpc_bind grpc_buffer_size grpc_connect_timeout grpc_hide_header grpc_ignore_headers \
            grpc_intercept_errors grpc_next_upstream grpc_next_upstream_timeout grpc_next_upstream_tries \
            grpc_pass grpc_pass_header grpc_read_timeout grpc_send_timeout grpc_set_header grpc_socket_keepalive \
            grpc_ssl_certificate grpc_ssl_certificate_key grpc_ssl_ciphers grpc_ssl_conf_command grpc_ssl_crl \
            grpc_ssl_key_log grpc_ssl_name grpc_ssl_password_file grpc_ssl_protocols grpc_ssl_server_name \
            grpc_ssl_session_reuse grpc_ssl_trusted_certificate grpc_ssl_verify grpc_ssl_verify_depth hash \
            health_check health_check_timeout ip_hash keepalive least_conn least_time match memcached_bind \
            memcached_buffer_size memcached_connect_timeout memcached_gzip_flag memcached_next_upstream \
            memcached_next_upstream_timeout memcached_next_upstream_tries memcached_pass memcached_read_timeout \
            memcached_send_timeout memcached_socket_keepalive ntlm proxy_bind proxy_buffer_size proxy_buffering \
            proxy_buffers proxy_busy_buffers_size proxy_cache proxy_cache_background_update proxy_cache_bypass \
            proxy_cache_convert_head proxy_cache_key proxy_cache_lock proxy_cache_lock_age \
            proxy_cache_lock_timeout proxy_cache_max_range_offset proxy_cache_methods proxy_cache_min_uses \
            proxy_cache_path proxy_cache_purge proxy_cache_revalidate proxy_cache_use_stale proxy_cache_valid \
            proxy_connect_timeout proxy_cookie_domain proxy_cookie_flags proxy_cookie_path proxy_force_ranges \
            proxy_headers_hash_bucket_size proxy_headers_hash_max_size proxy_hide_header proxy_http_version \
            proxy_ignore_client_abort proxy_ignore_headers proxy_intercept_errors proxy_limit_rate \
            proxy_max_temp_file_size proxy_method proxy_next_upstream proxy_next_upstream_timeout \
            proxy_next_upstream_tries proxy_no_cache proxy_pass proxy_pass_header proxy_pass_request_body \
            proxy_pass_request_headers proxy_pass_trailers proxy_read_timeout proxy_redirect \
            proxy_request_buffering proxy_send_lowat proxy_send_timeout proxy_set_body proxy_set_header \
            proxy_socket_keepalive proxy_ssl_alpn proxy_ssl_certificate proxy_ssl_certificate_key \
            proxy_ssl_ciphers proxy_ssl_conf_command proxy_ssl_crl proxy_ssl_key_log proxy_ssl_name \
            proxy_ssl_password_file proxy_ssl_protocols proxy_ssl_server_name proxy_ssl_session_reuse \
            proxy_ssl_trusted_certificate proxy_ssl_verify proxy_ssl_verify_depth proxy_store proxy_store_access \
            proxy_temp_file_write_size proxy_temp_path queue random resolver resolver_timeout state sticky \
            sticky_cookie_insert tunnel_pass upstream upstream_conf zone",
    },
    Group {
        from: From::Nginx,
        hint: "webserv speaks to no running program yet; `cgi` starts one for each request",
        names: "fastcgi_bind fastcgi_buffer_size fastcgi_buffering fastcgi_buffers fastcgi_busy_buffers_size \
            fastcgi_cache fastcgi_cache_background_update fastcgi_cache_bypass fastcgi_cache_key \
            fastcgi_cache_lock fastcgi_cache_lock_age fastcgi_cache_lock_timeout fastcgi_cache_max_range_offset \
            fastcgi_cache_methods fastcgi_cache_min_uses fastcgi_cache_path fastcgi_cache_purge \
            fastcgi_cache_revalidate fastcgi_cache_use_stale fastcgi_cache_valid fastcgi_catch_stderr \
            fastcgi_connect_timeout fastcgi_force_ranges fastcgi_hide_header fastcgi_ignore_client_abort \
            fastcgi_ignore_headers fastcgi_index fastcgi_intercept_errors fastcgi_keep_conn fastcgi_limit_rate \
            fastcgi_max_temp_file_size fastcgi_next_upstream fastcgi_next_upstream_timeout \
            fastcgi_next_upstream_tries fastcgi_no_cache fastcgi_param fastcgi_pass fastcgi_pass_header \
            fastcgi_pass_request_body fastcgi_pass_request_headers fastcgi_read_timeout \
            fastcgi_request_buffering fastcgi_send_lowat fastcgi_send_timeout fastcgi_socket_keepalive \
            fastcgi_split_path_info fastcgi_store fastcgi_store_access fastcgi_temp_file_write_size \
            fastcgi_temp_path scgi_bind scgi_buffer_size scgi_buffering scgi_buffers scgi_busy_buffers_size \
            scgi_cache scgi_cache_background_update scgi_cache_bypass scgi_cache_key scgi_cache_lock \
            scgi_cache_lock_age scgi_cache_lock_timeout scgi_cache_max_range_offset scgi_cache_methods \
            scgi_cache_min_uses scgi_cache_path scgi_cache_purge scgi_cache_revalidate scgi_cache_use_stale \
            scgi_cache_valid scgi_connect_timeout scgi_force_ranges scgi_hide_header scgi_ignore_client_abort \
            scgi_ignore_headers scgi_intercept_errors scgi_limit_rate scgi_max_temp_file_size scgi_next_upstream \
            scgi_next_upstream_timeout scgi_next_upstream_tries scgi_no_cache scgi_param scgi_pass \
            scgi_pass_header scgi_pass_request_body scgi_pass_request_headers scgi_read_timeout \
            scgi_request_buffering scgi_send_timeout scgi_socket_keepalive scgi_store scgi_store_access \
            scgi_temp_file_write_size scgi_temp_path uwsgi_bind uwsgi_buffer_size uwsgi_buffering uwsgi_buffers \
            uwsgi_busy_buffers_size uwsgi_cache uwsgi_cache_background_update uwsgi_cache_bypass uwsgi_cache_key \
            uwsgi_cache_lock uwsgi_cache_lock_age uwsgi_cache_lock_timeout uwsgi_cache_max_range_offset \
            uwsgi_cache_methods uwsgi_cache_min_uses uwsgi_cache_path uwsgi_cache_purge uwsgi_cache_revalidate \
            uwsgi_cache_use_stale uwsgi_cache_valid uwsgi_connect_timeout uwsgi_force_ranges uwsgi_hide_header \
            uwsgi_ignore_client_abort uwsgi_ignore_headers uwsgi_intercept_errors uwsgi_limit_rate \
            uwsgi_max_temp_file_size uwsgi_modifier1 uwsgi_modifier2 uwsgi_next_upstream \
            uwsgi_next_upstream_timeout uwsgi_next_upstream_tries uwsgi_no_cache uwsgi_param uwsgi_pass \
            uwsgi_pass_header uwsgi_pass_request_body uwsgi_pass_request_headers uwsgi_read_timeout \
            uwsgi_request_buffering uwsgi_send_timeout uwsgi_socket_keepalive uwsgi_ssl_certificate \
            uwsgi_ssl_certificate_key uwsgi_ssl_ciphers uwsgi_ssl_conf_command uwsgi_ssl_crl uwsgi_ssl_key_log \
            uwsgi_ssl_name uwsgi_ssl_password_file uwsgi_ssl_protocols uwsgi_ssl_server_name \
            uwsgi_ssl_session_reuse uwsgi_ssl_trusted_certificate uwsgi_ssl_verify uwsgi_ssl_verify_depth \
            uwsgi_store uwsgi_store_access uwsgi_string uwsgi_temp_file_write_size uwsgi_temp_path",
    },
    Group {
        from: From::Nginx,
        hint: "until then, let a TLS proxy stand in front",
        names: "http2 http2_body_preread_size http2_chunk_size http2_idle_timeout http2_max_concurrent_pushes \
            http2_max_concurrent_streams http2_max_field_size http2_max_header_size http2_max_requests \
            http2_pool_size http2_push http2_push_preload http2_recv_buffer_size http2_recv_timeout \
            http2_streams_index_size http3 http3_hq http3_max_concurrent_streams http3_stream_buffer_size \
            quic_active_connection_id_limit quic_bpf quic_gso quic_host_key quic_retry ssl ssl_buffer_size \
            ssl_certificate ssl_certificate_cache ssl_certificate_compression ssl_certificate_key ssl_ciphers \
            ssl_client_certificate ssl_conf_command ssl_crl ssl_dhparam ssl_early_data ssl_ecdh_curve \
            ssl_ech_file ssl_engine ssl_key_log ssl_object_cache_inheritable ssl_ocsp ssl_ocsp_cache \
            ssl_ocsp_responder ssl_password_file ssl_prefer_server_ciphers ssl_protocols ssl_reject_handshake \
            ssl_session_cache ssl_session_ticket_key ssl_session_tickets ssl_session_timeout ssl_stapling \
            ssl_stapling_file ssl_stapling_responder ssl_stapling_verify ssl_trusted_certificate \
            ssl_verify_client ssl_verify_depth",
    },
    Group {
        from: From::Nginx,
        hint: "",
        names: "gunzip gunzip_buffers gzip gzip_buffers gzip_comp_level gzip_disable gzip_hash gzip_http_version \
            gzip_min_length gzip_no_buffer gzip_proxied gzip_static gzip_types gzip_vary gzip_window",
    },
    Group {
        from: From::Nginx,
        hint: "webserv runs no scripts inside itself",
        names: "js_access js_body_filter js_content js_context_reuse js_engine js_fetch_buffer_size js_fetch_ciphers \
            js_fetch_max_response_buffer_size js_fetch_protocols js_fetch_timeout js_fetch_trusted_certificate \
            js_fetch_verify js_fetch_verify_depth js_filter js_header_filter js_import js_include js_path \
            js_periodic js_preload_object js_preread js_set js_shared_dict_zone js_var perl perl_modules \
            perl_require perl_set",
    },
    Group {
        from: From::Nginx,
        hint: "webserv serves HTTP alone",
        names: "auth_http auth_http_header auth_http_pass_client_cert auth_http_timeout imap_auth imap_capabilities \
            imap_client_buffer mail max_errors pass pop3_auth pop3_capabilities preread_buffer_size \
            preread_timeout protocol proxy_buffer proxy_download_rate proxy_half_close proxy_pass_error_message \
            proxy_protocol proxy_protocol_timeout proxy_requests proxy_responses proxy_session_drop \
            proxy_smtp_auth proxy_ssl proxy_timeout smtp_auth smtp_capabilities smtp_client_buffer \
            smtp_greeting_delay ssl_alpn ssl_handshake_timeout ssl_preread starttls stream timeout xclient",
    },
    Group {
        from: From::ThirdParty,
        hint: "",
        names: "access_by_lua_block access_by_lua_file brotli brotli_buffers brotli_comp_level brotli_min_length \
            brotli_static brotli_types brotli_window content_by_lua content_by_lua_block content_by_lua_file \
            dav_ext_methods echo echo_status fancyindex geoip2 geoip2_proxy init_by_lua_block lua_package_path \
            lua_shared_dict modsecurity modsecurity_rules modsecurity_rules_file more_clear_headers \
            more_clear_input_headers more_set_headers more_set_input_headers pagespeed passenger_enabled \
            passenger_root passenger_ruby proxy_upload_rate rewrite_by_lua_block rtmp set_by_lua_block \
            upload_pass upload_store vhost_traffic_status_display vhost_traffic_status_zone zstd zstd_comp_level \
            zstd_static zstd_types",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_of_nginx_are_known_by_their_whole_name() {
        assert_eq!(find("proxy_pass").unwrap().from, From::Nginx);
        assert_eq!(find("more_set_headers").unwrap().from, From::ThirdParty);
        assert_eq!(find("lua_code_cache").unwrap().from, From::ThirdParty);
        assert_eq!(find("proxy"), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn what_to_do_without_them_is_told_by_name_or_by_group() {
        assert!(find("load_module").unwrap().hint.contains("built in"));
        assert!(find("gzip_types").unwrap().hint.contains("go out as they are"));
        assert!(find("ssl_certificate").unwrap().hint.contains("TLS proxy"));
        for (names, _, hint) in HINTS {
            for name in names.split_ascii_whitespace() {
                assert_eq!(find(name).map(|foreign| foreign.hint), Some(*hint), "{name}");
            }
        }
    }
}
