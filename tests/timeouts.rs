//! Time-outs of connections, on a worker in this process whose clock is moved by hand.
//!
//! Nothing here waits for time to pass: the clock moves, the loop turns, and what must have happened has happened.

#![allow(clippy::unwrap_used, reason = "a test may unwrap")]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use webserv::config::load::{Origin, Request, load};
use webserv::config::schema::AnyModule;
use webserv::exchange::client::ListenerFacts;
use webserv::modules::MODULES;
use webserv::runtime::Clock;
use webserv::server::Published;
use webserv::server::worker::{Limits, NewListener, Prepared, Setup, SocketId, add_listeners};

#[path = "timeouts/client.rs"]
mod client;
#[path = "timeouts/receiving.rs"]
mod receiving;
#[path = "timeouts/scripts.rs"]
mod scripts;

use client::{Client, Seen};

/// A worker with one listener, turned by the test.
struct House {
    prepared: Prepared,
    clock: Clock,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl House {
    /// With these directives in its one server, and a file `/large` that no socket buffer holds.
    fn with(directives: &str) -> Self {
        Self::with_http("", directives)
    }

    /// As `with`, and with these in front of the server.
    fn with_http(http: &str, directives: &str) -> Self {
        Self::with_modules(MODULES, http, directives)
    }

    /// As `with_http`, with other modules.
    fn with_modules(modules: &'static [&'static dyn AnyModule], http: &str, directives: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::File::create(folder.path().join("large")).unwrap().set_len(64 << 20).unwrap();
        std::fs::write(folder.path().join("small"), "small").unwrap();
        let root = folder.path().display();
        let listen = if directives.contains("listen ") { "" } else { "listen 127.0.0.1:0;" };
        let text = format!(
            "error_log stderr emerg; events {{ }} http {{ {http} server {{ {listen} root {root}; {directives} }} }}"
        );
        let request = Request {
            origin: Origin::BuiltIn(text),
            prefix: folder.path().to_owned(),
            globals: Vec::new(),
            error_log: None,
            as_root: rustix::process::geteuid().is_root(),
            modules,
        };
        let loaded = load(&request, None);
        let Ok(mut configuration) = loaded.result else { panic!("{:?}", loaded.report.diagnostics) };
        let listened = configuration.tree.addresses[0].address.clone();
        configuration.resources.take_effect();
        let clock = Clock::manual();
        let setup = Setup {
            published: Arc::new(Published::new(Arc::new(configuration.tree))),
            connection_numbers: Arc::new(AtomicU64::new(0)),
            limits: Limits { connections_max: 16, multi_accept: false },
        };
        let prepared = Prepared::with_clock(&setup, clock.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        // As the server's own listeners; else small answers wait for each other.
        socket2::SockRef::from(&listener).set_tcp_nodelay(true).unwrap();
        let address = listener.local_addr().unwrap();
        let facts = Arc::new(ListenerFacts { address: address.to_string().into(), inet: Some(address) });
        let new = NewListener { address: listened, facts, id: SocketId(1), socket: listener.into() };
        add_listeners(&prepared.mailbox, vec![new]).unwrap();
        let mut house = Self { prepared, clock, address, folder };
        house.turn();
        house
    }

    fn connect(&mut self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
        self.turn_after_client();
        Client { stream, received: Vec::new() }
    }

    /// Turns until nothing is left to do that came of what a client has just done: a busy system may need a moment until
    /// the other side of a connection sees it.
    fn turn_after_client(&mut self) {
        self.prepared.worker().turn(Some(Duration::from_millis(50))).unwrap();
        self.turn();
    }

    /// Turns until nothing is left to do at this moment.
    fn turn(&mut self) {
        for _ in 0..64 {
            self.prepared.worker().turn(Some(Duration::ZERO)).unwrap();
        }
    }

    /// Turns, and waits for events, until something has come true.
    #[track_caller]
    fn turn_until(&mut self, mut is: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !is(self) {
            assert!(start.elapsed() < Duration::from_secs(20), "nothing happens");
            self.prepared.worker().turn(Some(Duration::from_millis(50))).unwrap();
        }
    }

    /// A path in the server's folder.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Moves the clock and lets the worker notice.
    fn pass(&mut self, seconds: u64) {
        self.pass_ms(seconds * 1000);
    }

    fn pass_ms(&mut self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
        self.turn();
    }
}

const REQUEST: &str = "GET /small HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_client_that_says_nothing_is_let_go_after_client_header_timeout() {
    let mut house = House::with("client_header_timeout 10s;");
    let mut client = house.connect();
    house.pass(9);
    assert_eq!(client.look(), Seen::Open);
    house.pass(2);
    assert_eq!(client.end(), Seen::Closed);
    assert_eq!(client.text(), "");
}

#[test]
fn a_proxy_header_and_the_first_byte_behind_it_must_come_within_client_header_timeout() {
    for header in ["", "PROXY TCP4 192.0.2.1 ", "PROXY UNKNOWN\r\n"] {
        let mut house = House::with("client_header_timeout 10s; listen 127.0.0.1:0 proxy_protocol;");
        let mut client = house.connect();
        client.send(header, &mut house);
        house.pass(9);
        assert_eq!(client.look(), Seen::Open, "after {header:?}");
        house.pass(2);
        assert_eq!(client.end(), Seen::Closed, "after {header:?}");
        assert_eq!(client.text(), "");
    }
}

#[test]
fn a_head_must_be_complete_within_client_header_timeout_however_often_a_byte_comes() {
    let mut house = House::with("client_header_timeout 10s;");
    let mut client = house.connect();
    for byte in ["G", "E", "T", " ", "/"] {
        client.send(byte, &mut house);
        house.pass(2);
        // The time counts from the first byte of the request.
        if byte != "/" {
            assert_eq!(client.look(), Seen::Open, "after {byte:?}");
        }
    }
    house.pass(1);
    assert_eq!(client.end(), Seen::Closed);
}

#[test]
fn an_idle_connection_is_kept_for_keepalive_timeout_after_its_last_response() {
    let mut house = House::with("keepalive_timeout 20s;");
    let mut client = house.connect();
    client.send(REQUEST, &mut house);
    house.pass(15);
    client.send(REQUEST, &mut house);
    house.pass(15);
    assert_eq!(client.look(), Seen::Open);
    assert_eq!(client.text().matches("200 OK").count(), 2);
    house.pass(6);
    assert_eq!(client.end(), Seen::Closed);
}

#[test]
fn keepalive_time_ends_a_connection_with_the_response_after_it() {
    let mut house = House::with("keepalive_time 60s; keepalive_timeout 50s;");
    let mut client = house.connect();
    client.send(REQUEST, &mut house);
    house.pass(40);
    client.send(REQUEST, &mut house);
    house.pass(40);
    assert_eq!(client.look(), Seen::Open);
    assert_eq!(client.text().matches("Connection: keep-alive").count(), 2);
    client.send(REQUEST, &mut house);
    assert_eq!(client.end(), Seen::Closed);
    assert_eq!(client.text().matches("Connection: close").count(), 1);
}

#[test]
fn a_client_that_takes_nothing_is_let_go_after_send_timeout() {
    let mut house = House::with("send_timeout 10s;");
    let mut client = house.connect();
    client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n", &mut house);
    house.pass(9);
    // It takes something: the time begins anew.
    assert_eq!(client.look(), Seen::Open);
    house.turn();
    house.pass(9);
    assert_eq!(client.look(), Seen::Open);
    house.turn();
    house.pass(11);
    assert_eq!(client.end(), Seen::Closed);
    assert!(client.received.len() < 64 << 20);
}

#[test]
fn reset_timedout_connection_ends_it_with_a_reset() {
    let mut house = House::with("send_timeout 10s; reset_timedout_connection on;");
    let mut client = house.connect();
    client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n", &mut house);
    house.pass(11);
    assert_eq!(client.end(), Seen::Reset);
}

#[test]
fn content_nobody_reads_is_taken_in_for_lingering_time_at_the_most() {
    let mut house = House::with("lingering_time 30s; location / { return 200 answer; }");
    let mut client = house.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", &mut house);
    assert_eq!(client.look(), Seen::Open);
    assert!(client.text().ends_with("answer"));
    for _ in 0..7 {
        client.send("x", &mut house);
        house.pass(4);
        assert_eq!(client.look(), Seen::Open);
    }
    house.pass(4);
    assert_eq!(client.end(), Seen::Closed);
}

#[test]
fn a_refused_client_that_still_sends_is_listened_to_for_lingering_timeout() {
    let mut house = House::with("client_max_body_size 10; lingering_time 30s; lingering_timeout 5s;");
    let mut client = house.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", &mut house);
    assert_eq!(client.end(), Seen::Closed, "the sending side is shut down at once");
    assert!(client.text().starts_with("HTTP/1.1 413 "));
    house.pass(4);
    client.send("more", &mut house);
    house.pass(4);
    assert_eq!(house.prepared.worker().handle().tasks(), 3, "the connection still takes in what comes");
    house.pass(6);
    assert_eq!(house.prepared.worker().handle().tasks(), 2, "it is gone");
}

const LARGE: &str = "GET /large HTTP/1.1\r\nHost: a\r\n\r\n";

/// How much a client was sent that takes all it can have, after each of so many seconds.
fn by_the_second(house: &mut House, client: &mut Client, seconds: usize) -> Vec<usize> {
    let received = (0..seconds).map(|_| {
        assert_eq!(client.look(), Seen::Open);
        let so_far = client.received.len();
        house.pass_ms(1005);
        so_far
    });
    received.collect()
}

#[test]
fn a_response_is_sent_at_the_pace_of_limit_rate_head_included() {
    for conf in ["", "sendfile on;", "sendfile on; sendfile_max_chunk 0;"] {
        let mut house = House::with(&format!("limit_rate 10k; {conf}"));
        let mut client = house.connect();
        client.send(LARGE, &mut house);
        assert_eq!(by_the_second(&mut house, &mut client, 4), [10240, 20480, 30720, 40960], "{conf}");
    }
}

#[test]
fn a_small_response_is_held_back_as_well_and_the_next_one_is_not() {
    let mut house = House::with("location /slow { limit_rate 100; return 200 slow; } location / { return 200 fast; }");
    let mut client = house.connect();
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        &mut house,
    );
    client.look();
    assert!(client.text().contains("\r\n\r\nfastHTTP/1.1 200 OK\r\n"), "what stands before it goes at once");
    let before = client.text().find("fast").unwrap() + 4;
    assert_eq!(client.received.len(), before + 100);
    house.pass_ms(1005);
    client.look();
    assert_eq!(client.text().matches("fast").count(), 2, "what comes behind it follows at once");
    assert_eq!(client.text().matches("slow").count(), 1);
}

#[test]
fn limit_rate_after_comes_at_once() {
    let mut house = House::with("limit_rate 10k; limit_rate_after 100k;");
    let mut client = house.connect();
    client.send(LARGE, &mut house);
    assert_eq!(by_the_second(&mut house, &mut client, 3), [112_640, 122_880, 133_120]);
}

#[test]
fn sendfile_max_chunk_spreads_the_bytes_of_a_second() {
    let mut house = House::with("sendfile on; limit_rate 10k; sendfile_max_chunk 5k;");
    let mut client = house.connect();
    client.send(LARGE, &mut house);
    let mut received = Vec::new();
    for _ in 0..4 {
        client.look();
        received.push(client.received.len());
        house.pass_ms(505);
    }
    assert_eq!(received, [5120, 10240, 15360, 20480]);
}

#[test]
fn content_that_comes_in_pieces_keeps_to_the_pace() {
    let mut house = House::with("limit_rate 500;");
    let mut client = house.connect();
    client.send("GET /large HTTP/1.1\r\nHost: a\r\nRange: bytes=0-999,4000-4999\r\n\r\n", &mut house);
    assert_eq!(by_the_second(&mut house, &mut client, 4), [500, 1000, 1500, 2000]);
    assert!(client.text().starts_with("HTTP/1.1 206 "));
}

#[test]
fn send_timeout_does_not_count_while_the_server_holds_the_response_back() {
    let mut house = House::with("limit_rate 10k; send_timeout 5s;");
    let mut client = house.connect();
    // The request began long before its end, so that much may be sent at once, and a long pause follows.
    client.send("G", &mut house);
    house.pass(20);
    client.send(&LARGE[1..], &mut house);
    assert_eq!(client.look(), Seen::Open);
    assert_eq!(client.received.len(), 21 * 10240);
    for _ in 0..20 {
        house.pass(1);
        assert_eq!(client.look(), Seen::Open);
    }
    assert_eq!(client.received.len(), 21 * 10240);
    house.pass_ms(1005);
    assert_eq!(client.look(), Seen::Open);
    assert_eq!(client.received.len(), 42 * 10240);
}

#[test]
fn a_client_that_takes_nothing_is_let_go_although_it_has_a_pace() {
    let mut house = House::with("limit_rate 100m; send_timeout 10s; sendfile on;");
    let mut client = house.connect();
    client.send(LARGE, &mut house);
    // The system takes something for it when the pace allows more; then no longer.
    house.pass(1);
    house.pass(11);
    house.pass(11);
    assert_eq!(client.end(), Seen::Closed);
    assert!(client.received.len() < 64 << 20);
}

/// Requests of all clients count together; one in a minute is one in 62.5 s, for nginx counts thousandths in a second.
const LIMIT_ZONE: &str = "limit_req_zone all zone=one:32k rate=1r/m;";

/// Clients that each send a request.
fn asking(house: &mut House, count: usize) -> Vec<Client> {
    let mut clients: Vec<Client> = (0..count).map(|_| house.connect()).collect();
    clients.iter_mut().for_each(|client| client.send(REQUEST, house));
    clients
}

/// The status each client has been answered with, or `-`.
fn statuses(clients: &mut [Client]) -> Vec<String> {
    let status = |client: &mut Client| {
        client.look();
        client.text().split(' ').nth(1).unwrap_or("-").to_owned()
    };
    clients.iter_mut().map(status).collect()
}

#[test]
fn limit_req_delays_a_burst_to_the_rate() {
    let mut house = House::with_http(LIMIT_ZONE, "limit_req zone=one burst=2;");
    let mut clients = asking(&mut house, 4);
    assert_eq!(statuses(&mut clients), ["200", "-", "-", "503"]);
    house.pass(62);
    assert_eq!(statuses(&mut clients), ["200", "-", "-", "503"]);
    house.pass(1);
    assert_eq!(statuses(&mut clients), ["200", "200", "-", "503"]);
    house.pass(61);
    assert_eq!(statuses(&mut clients), ["200", "200", "-", "503"]);
    house.pass(2);
    assert_eq!(statuses(&mut clients), ["200", "200", "200", "503"]);
}

#[test]
fn limit_req_has_room_again_as_time_passes() {
    let mut house = House::with_http(LIMIT_ZONE, "limit_req zone=one burst=1 nodelay;");
    assert_eq!(statuses(&mut asking(&mut house, 3)), ["200", "200", "503"]);
    house.pass(62);
    assert_eq!(statuses(&mut asking(&mut house, 1)), ["503"]);
    house.pass(1);
    assert_eq!(statuses(&mut asking(&mut house, 2)), ["200", "503"]);
    house.pass(1000);
    assert_eq!(statuses(&mut asking(&mut house, 3)), ["200", "200", "503"]);
}

#[test]
fn limit_req_delays_only_what_is_beyond_delay() {
    let mut house = House::with_http(LIMIT_ZONE, "limit_req zone=one burst=3 delay=2;");
    let mut clients = asking(&mut house, 5);
    assert_eq!(statuses(&mut clients), ["200", "200", "200", "-", "503"]);
    house.pass(63);
    assert_eq!(statuses(&mut clients), ["200", "200", "200", "200", "503"]);
}

#[test]
fn a_client_that_leaves_while_limit_req_delays_it_is_let_go_and_stays_counted() {
    let mut house = House::with_http(LIMIT_ZONE, "limit_req zone=one burst=5;");
    let clients = asking(&mut house, 3);
    assert_eq!(house.prepared.worker().handle().tasks(), 5);
    drop(clients);
    house.turn();
    assert_eq!(house.prepared.worker().handle().tasks(), 2);
    house.pass(62);
    let mut clients = asking(&mut house, 1);
    house.pass(63);
    assert_eq!(statuses(&mut clients), ["-"]);
    house.pass(63);
    assert_eq!(statuses(&mut clients), ["200"]);
}

#[test]
fn a_request_that_limit_req_delays_is_not_yet_counted_by_limit_conn() {
    let zones = format!("{LIMIT_ZONE} limit_conn_zone all zone=few:32k;");
    let mut house = House::with_http(&zones, "limit_req zone=one burst=5; limit_conn few 1;");
    let mut clients = asking(&mut house, 2);
    assert_eq!(statuses(&mut clients), ["200", "-"]);
    house.pass(63);
    assert_eq!(statuses(&mut clients), ["200", "200"]);
}
