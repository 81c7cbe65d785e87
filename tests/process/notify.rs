//! What a service manager is told: a test is the manager.

use std::os::unix::net::UnixDatagram;

use crate::support::{Folder, PATIENCE, Running, Site};

/// A service manager.
struct Manager(UnixDatagram);

impl Manager {
    fn new(folder: &tempfile::TempDir) -> Self {
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("the folder can be written to");
        socket.set_read_timeout(Some(PATIENCE)).expect("PATIENCE is some time");
        Self(socket)
    }

    /// The next message, by its lines.
    #[track_caller]
    fn told(&self) -> Vec<String> {
        let mut buffer = [0; 4096];
        let length = self.0.recv(&mut buffer).expect("the manager is told something");
        String::from_utf8_lossy(&buffer[..length]).lines().map(str::to_owned).collect()
    }

    /// The next message that has a line.
    #[track_caller]
    fn wait_for(&self, line: &str) -> Vec<String> {
        loop {
            let told = self.told();
            if told.iter().any(|told| told == line) {
                return told;
            }
        }
    }
}

/// A manager and what it is reached by.
fn manager() -> (tempfile::TempDir, Manager, String) {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let manager = Manager::new(&folder);
    let name = folder.path().join("notify").to_str().expect("temporary folders have plain names").to_owned();
    (folder, manager, name)
}

fn microseconds(text: &str) -> u64 {
    text.strip_prefix("MONOTONIC_USEC=").expect("it is the time").parse().expect("a number")
}

#[test]
fn it_is_told_of_the_start_of_reloads_and_of_the_end() {
    let (_folder, manager, name) = manager();
    let site = Site::new().env("NOTIFY_SOCKET", &name).conf("return 200 said;").start();
    assert_eq!(manager.told(), ["READY=1", "STATUS=serving 1 servers on 1 addresses"]);
    let before = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    site.reload();
    let reloading = manager.told();
    assert_eq!((&*reloading[0], &*reloading[2]), ("RELOADING=1", "STATUS=reloading the configuration"));
    assert!(microseconds(&reloading[1]) >= u64::try_from(before.tv_sec).expect("it is positive") * 1_000_000);
    assert_eq!(manager.told(), ["READY=1", "STATUS=serving 1 servers on 1 addresses, generation 2 (HUP)"]);
    site.configure("events { } http { nonsense; }");
    assert!(site.try_reload().is_err());
    assert_eq!(manager.told()[0], "RELOADING=1");
    let refused = manager.told();
    assert_eq!(refused[0], "READY=1");
    let status = &refused[1];
    assert!(status.starts_with("STATUS=reload refused (HUP), serving as before: ") && status.contains("nonsense"));
    site.signal("QUIT");
    assert_eq!(manager.told(), ["STOPPING=1", "STATUS=finishing what runs"]);
    assert_eq!(site.wait().status.code(), Some(0));
}

#[test]
fn an_end_at_once_is_told_as_well() {
    let (_folder, manager, name) = manager();
    let site = Site::new().env("NOTIFY_SOCKET", &name).start();
    manager.wait_for("READY=1");
    assert_eq!(site.stop().signal(), Some(15));
    manager.wait_for("STOPPING=1");
}

#[test]
fn a_server_that_does_not_start_is_not_ready() {
    let (_folder, manager, name) = manager();
    let folder: Folder = Site::new().conf("nonsense;").unstarted();
    let output = folder.command().env("NOTIFY_SOCKET", &name).output().expect("the program can be started");
    assert!(!output.status.success());
    manager.0.set_nonblocking(true).expect("it is a socket");
    assert!(manager.0.recv(&mut [0; 16]).is_err(), "nothing was told");
}

#[test]
fn it_hears_that_the_workers_are_alive_while_they_are() {
    let (_folder, manager, name) = manager();
    let site = Site::new()
        .main("worker_processes 2;")
        .env("NOTIFY_SOCKET", &name)
        .env("WATCHDOG_USEC", "40000")
        .conf("return 200 said;")
        .start();
    manager.wait_for("READY=1");
    for _ in 0..3 {
        assert_eq!(manager.told(), ["WATCHDOG=1"]);
    }
    answers(&site);
}

#[test]
fn a_watchdog_of_another_process_is_not_fed() {
    let (_folder, manager, name) = manager();
    let site = Site::new()
        .env("NOTIFY_SOCKET", &name)
        .env("WATCHDOG_USEC", "1000")
        .env("WATCHDOG_PID", "1")
        .conf("return 200 said;")
        .start();
    manager.wait_for("READY=1");
    for _ in 0..20 {
        answers(&site);
    }
    site.reload();
    assert_eq!(manager.told()[0], "RELOADING=1", "no other message came before");
}

#[test]
fn a_manager_that_is_not_there_costs_a_warning() {
    let site = Site::new().env("NOTIFY_SOCKET", "/no/such/socket").conf("return 200 said;").start();
    site.wait_for_log("the service manager cannot be told (2: No such file or directory)");
    answers(&site);
    let site = Site::new().env("NOTIFY_SOCKET", "vsock:2:1").conf("return 200 said;").start();
    site.wait_for_log("the service manager at \"vsock:2:1\" cannot be told");
    answers(&site);
}

#[track_caller]
fn answers(site: &Running) {
    assert_eq!(site.get("/").text(), "said");
}
