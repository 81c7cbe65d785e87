//! nginx's tuning that means nothing here.

use crate::support::*;

#[test]
fn an_nginx_conf_full_of_tuning_is_accepted_without_a_word() {
    let site = Site::new()
        .file("page", "hello")
        .main(
            "pcre_jit on; worker_cpu_affinity auto; worker_priority -5; timer_resolution 100ms; master_process on;
            thread_pool files threads=16 max_queue=100;
            events { use epoll; accept_mutex on; accept_mutex_delay 100ms; worker_aio_requests 64; }",
        )
        .http(
            "server_names_hash_bucket_size 64; variables_hash_max_size 2048; connection_pool_size 512;
            request_pool_size 4k; output_buffers 1 32k; postpone_output 1460; aio threads=files; directio 4m;
            open_file_cache max=1000 inactive=20s; open_file_cache_valid 30s; open_file_cache_min_uses 2;
            open_file_cache_errors on; msie_padding off;",
        )
        .start();
    assert_eq!(site.get("/page").text(), "hello");
    assert!(!site.error_log().contains("warn"), "{}", site.error_log());
}

#[test]
fn files_are_fresh_whatever_the_cache_says() {
    let site =
        Site::new().file("page", "old").http("open_file_cache max=1000 inactive=1h; open_file_cache_valid 1h;").start();
    assert_eq!(site.get("/page").text(), "old");
    std::fs::write(site.path("page"), "newer").expect("the file is ours");
    assert_eq!(site.get("/page").text(), "newer");
}

#[test]
fn what_nginx_refuses_is_refused() {
    for (text, reason) in [
        ("events { use kqueue; } http { }", "invalid event type \"kqueue\""),
        ("events { } http { connection_pool_size 100; }", "the pool size must be no less than 112"),
        ("events { } http { open_file_cache on; }", "invalid \"open_file_cache\" parameter \"on\""),
        ("pcre_jit yes; events { } http { }", "it must be \"on\" or \"off\""),
        ("thread_pool a; events { } http { }", "invalid number of arguments"),
    ] {
        let checked = check_config(text);
        assert!(!checked.ok && checked.output.contains(reason), "{text}: {}", checked.output);
    }
}
