//! The loop's behaviour, turn by turn: on socket pairs, loopback sockets, and a clock moved by hand.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::io::{IoSlice, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::thread;
use std::time::Instant;

use bytes::BytesMut;

use super::*;
use crate::runtime::handle::Hooks;
use crate::runtime::io::{self as sources, Io, Ready};
use crate::runtime::listen::{Acceptor, Address, ListenOptions, Peer, bind};
use crate::runtime::mailbox::{JOBS_WAITING_MAX, PostError};
use crate::runtime::timer::{Elapsed, TICK};
use crate::runtime::transport::Transport;

/// A worker whose clock stands still, and the mailbox to it.
struct Machine {
    worker: Worker,
    mailbox: Arc<Mailbox>,
    clock: Clock,
    handle: Handle,
}

impl Machine {
    fn new() -> Machine {
        let clock = Clock::manual();
        let (worker, mailbox) = Worker::new(clock.clone()).unwrap();
        let handle = worker.handle();
        Machine { worker, mailbox, clock, handle }
    }

    /// One turn that does not wait.
    fn turn(&mut self) {
        self.worker.turn(Some(Duration::ZERO)).unwrap();
    }

    /// Turns that wait for events, until the condition holds.
    fn turn_until(&mut self, condition: impl Fn() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < Duration::from_secs(30), "nothing happens");
            self.worker.turn(Some(Duration::from_secs(1))).unwrap();
        }
    }

    fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        self.turn();
    }

    fn sources(&self) -> usize {
        self.worker.shared.sources.borrow().len()
    }
}

/// Two connected ends: one for a task, one for the test.
fn pair() -> (OwnedFd, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (ours.into(), theirs)
}

fn transport(handle: &Handle, end: OwnedFd) -> Transport {
    Transport::accepted(handle, end, &Peer::Unix).unwrap()
}

async fn echo(handle: Handle, end: OwnedFd) {
    let transport = transport(&handle, end);
    let mut buffer = BytesMut::new();
    while transport.read(&mut buffer, 1024).await.unwrap() > 0 {
        assert!(!buffer.starts_with(b"panic"), "as asked for");
        transport.write_all(&mut [IoSlice::new(&buffer)], false).await.unwrap();
        buffer.clear();
    }
}

fn received(peer: &mut UnixStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    peer.read_exact(&mut bytes).unwrap();
    bytes
}

/// A counter that a task and the test share.
fn counter() -> (Rc<Cell<usize>>, Rc<Cell<usize>>) {
    let counter = Rc::new(Cell::new(0));
    (Rc::clone(&counter), counter)
}

fn count(counter: &Cell<usize>) {
    counter.set(counter.get() + 1);
}

#[test]
fn a_task_echoes_until_its_peer_hangs_up() {
    let mut machine = Machine::new();
    let (end, mut peer) = pair();
    machine.handle.spawn(echo(machine.handle.clone(), end));
    machine.turn();
    for message in [b"hello", b"again"] {
        peer.write_all(message).unwrap();
        machine.turn();
        assert_eq!(received(&mut peer, 5), message);
    }
    drop(peer);
    machine.turn();
    assert_eq!((machine.handle.tasks(), machine.sources()), (0, 0));
}

#[test]
fn a_panic_costs_one_task_and_its_descriptors_leave_the_map() {
    let mut machine = Machine::new();
    let (first, mut first_peer) = pair();
    let (second, mut second_peer) = pair();
    machine.handle.spawn(echo(machine.handle.clone(), first));
    machine.handle.spawn(echo(machine.handle.clone(), second));
    machine.turn();
    first_peer.write_all(b"panic").unwrap();
    second_peer.write_all(b"hello").unwrap();
    machine.turn();
    assert_eq!((machine.handle.tasks(), machine.sources()), (1, 1));
    assert_eq!(first_peer.read(&mut [0; 8]).unwrap(), 0);
    assert_eq!(received(&mut second_peer, 5), b"hello");
}

#[test]
fn a_descriptor_is_out_of_the_map_before_it_closes() {
    /// A descriptor whose drop looks at the map.
    struct Witness {
        end: OwnedFd,
        handle: Handle,
        seen: Rc<Cell<usize>>,
    }
    impl AsFd for Witness {
        fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
            self.end.as_fd()
        }
    }
    impl Drop for Witness {
        fn drop(&mut self) {
            self.seen.set(self.handle.shared.sources.borrow().len());
        }
    }
    for panics in [false, true] {
        let mut machine = Machine::new();
        let seen = Rc::new(Cell::new(usize::MAX));
        let (end, _peer) = pair();
        let witness = Witness { end, handle: machine.handle.clone(), seen: Rc::clone(&seen) };
        let handle = machine.handle.clone();
        machine.handle.spawn(async move {
            let _io = Io::new(&handle, witness, Ready::NONE).unwrap();
            handle.yield_now().await;
            assert!(!panics, "as asked for");
        });
        machine.turn();
        assert_eq!(machine.sources(), 1);
        machine.turn();
        assert_eq!((seen.get(), machine.handle.tasks()), (0, 0));
    }
}

#[test]
fn a_panic_in_a_tasks_drop_costs_that_task_alone() {
    struct Unlucky;
    impl Drop for Unlucky {
        fn drop(&mut self) {
            panic!("in a drop, as asked for");
        }
    }
    let mut machine = Machine::new();
    let unlucky = Unlucky;
    let task = machine.handle.spawn(async move {
        let _unlucky = unlucky;
        pending::<()>().await;
    });
    machine.turn();
    assert!(machine.handle.cancel(task));
    assert!(!machine.handle.cancel(task));
    assert_eq!(machine.handle.tasks(), 0);
}

#[test]
fn a_stale_event_does_not_reach_the_new_owner_of_a_slot() {
    let mut machine = Machine::new();
    let (old, mut old_peer) = pair();
    let (new, mut new_peer) = pair();
    let duplicate = old.try_clone().unwrap(); // keeps `old` in the poll after its entry is gone
    let (polls, polls_seen) = counter();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        drop(Io::new(&handle, old, Ready::NONE).unwrap());
        let new = Io::new(&handle, new, Ready::WRITABLE).unwrap();
        poll_fn(|_| {
            count(&polls);
            if new.ready().contains(Ready::READABLE) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
    machine.turn();
    assert_eq!(machine.sources(), 1);
    old_peer.write_all(b"stale").unwrap();
    machine.turn();
    assert!(!machine.worker.events.is_empty());
    assert_eq!((polls_seen.get(), machine.handle.tasks()), (1, 1));
    new_peer.write_all(b"new").unwrap();
    machine.turn();
    assert_eq!(machine.handle.tasks(), 0);
    drop(duplicate);
}

#[test]
fn a_duplicated_descriptor_is_taken_out_of_the_poll() {
    let mut machine = Machine::new();
    let (end, mut peer) = pair();
    let duplicate = end.try_clone().unwrap();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        let io = Io::duplicated(&handle, end, Ready::NONE).unwrap();
        io.readable().await;
    });
    machine.turn();
    peer.write_all(b"once").unwrap();
    machine.turn();
    assert_eq!(machine.handle.tasks(), 0);
    peer.write_all(b"more").unwrap();
    machine.turn();
    assert!(machine.worker.events.is_empty());
    drop(duplicate);
}

#[test]
fn a_descriptor_given_back_is_open_and_out_of_the_poll() {
    let mut machine = Machine::new();
    let (end, mut peer) = pair();
    let back = Rc::new(RefCell::new(None));
    let (handle, given) = (machine.handle.clone(), Rc::clone(&back));
    machine.handle.spawn(async move {
        let io = Io::new(&handle, end, Ready::NONE).unwrap();
        given.replace(Some(io.into_inner()));
    });
    machine.turn();
    assert_eq!(machine.sources(), 0);
    let mut back = UnixStream::from(back.take().unwrap());
    peer.write_all(b"x").unwrap();
    machine.turn();
    assert!(machine.worker.events.is_empty());
    assert_eq!(received(&mut back, 1), b"x");
}

#[test]
fn a_descriptor_is_registered_by_a_task_only() {
    let machine = Machine::new();
    let (end, _peer) = pair();
    assert!(Io::new(&machine.handle, end, Ready::NONE).is_err());
    assert_eq!(machine.sources(), 0);
}

#[test]
fn an_adopted_descriptor_wakes_its_new_task() {
    let mut machine = Machine::new();
    let (end, mut peer) = pair();
    let pool = Rc::new(RefCell::new(None));
    let (handle, put) = (machine.handle.clone(), Rc::clone(&pool));
    machine.handle.spawn(async move {
        put.replace(Some(Io::new(&handle, end, Ready::NONE).unwrap()));
    });
    machine.turn();
    let take = Rc::clone(&pool);
    machine.handle.spawn(async move {
        let io = take.take().unwrap();
        io.adopt().unwrap();
        io.readable().await;
    });
    machine.turn();
    assert_eq!(machine.handle.tasks(), 1);
    peer.write_all(b"x").unwrap();
    machine.turn();
    assert_eq!(machine.handle.tasks(), 0);
}

#[test]
fn a_deadline_is_never_early_and_late_by_a_tick_at_most() {
    let mut machine = Machine::new();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        handle.deadline(handle.now() + Duration::from_millis(101)).await;
    });
    machine.turn();
    machine.pass(Duration::from_millis(100));
    assert_eq!(machine.handle.tasks(), 1);
    machine.pass(Duration::from_millis(1) + TICK);
    assert_eq!(machine.handle.tasks(), 0);
}

#[test]
fn a_deadline_moved_later_polls_nobody_at_its_old_time() {
    let mut machine = Machine::new();
    let (end, mut peer) = pair();
    let (polls, polls_seen) = counter();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        let transport = transport(&handle, end);
        let mut buffer = BytesMut::new();
        let mut deadline = handle.deadline(handle.now() + Duration::from_secs(10));
        poll_fn(|context| {
            count(&polls);
            if transport.poll_read(&mut buffer, 16).is_ready() {
                deadline.reset(handle.now() + Duration::from_secs(10));
            }
            pin!(&mut deadline).poll(context)
        })
        .await;
    });
    machine.turn();
    machine.clock.advance(Duration::from_secs(6));
    peer.write_all(b"x").unwrap();
    machine.turn();
    assert_eq!(polls_seen.get(), 2);
    machine.pass(Duration::from_secs(5));
    assert_eq!(polls_seen.get(), 2);
    machine.pass(Duration::from_secs(5) + TICK);
    assert_eq!((polls_seen.get(), machine.handle.tasks()), (3, 0));
}

#[test]
fn an_earlier_deadline_comes_before_a_later_one_that_was_noted_first() {
    let mut machine = Machine::new();
    let (near, near_seen) = counter();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        let start = handle.now();
        let far = handle.timeout(start + Duration::from_secs(60), pending::<()>());
        let mut far = pin!(far);
        let first = handle.timeout(start + Duration::from_secs(1), far.as_mut()).await;
        assert_eq!(first, Err(Elapsed));
        count(&near);
        assert_eq!(far.await, Err(Elapsed));
    });
    machine.turn();
    machine.pass(Duration::from_secs(1) + TICK);
    assert_eq!((near_seen.get(), machine.handle.tasks()), (1, 1));
    machine.pass(Duration::from_secs(59) + TICK);
    assert_eq!(machine.handle.tasks(), 0);
}

#[test]
fn tasks_that_come_and_go_leave_one_timer_between_them() {
    let mut machine = Machine::new();
    for _ in 0..1000 {
        let handle = machine.handle.clone();
        let task = machine.handle.spawn(async move {
            handle.deadline(handle.now() + Duration::from_secs(60)).await;
        });
        machine.pass(TICK);
        machine.handle.cancel(task);
    }
    assert_eq!(machine.worker.shared.timers.borrow().len(), 1);
}

#[test]
fn a_task_that_alternates_between_near_and_far_deadlines_keeps_two_timers() {
    let mut machine = Machine::new();
    let (end, mut peer) = pair();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        let transport = transport(&handle, end);
        let mut buffer = BytesMut::new();
        loop {
            handle.deadline(handle.now() + Duration::from_millis(100)).await;
            let far = handle.now() + Duration::from_secs(60);
            let read = handle.timeout(far, pin!(transport.read(&mut buffer, 16))).await;
            assert_eq!(read.unwrap().unwrap(), 1);
        }
    });
    machine.turn();
    for _ in 0..100 {
        machine.pass(Duration::from_millis(100) + TICK);
        peer.write_all(b"x").unwrap();
        machine.turn();
    }
    assert_eq!(machine.handle.tasks(), 1);
    assert!(machine.worker.shared.timers.borrow().len() <= 2);
}

#[test]
fn a_future_in_time_wins_over_its_deadline() {
    let mut machine = Machine::new();
    let (end, mut peer) = pair();
    let result = Rc::new(Cell::new(None));
    let (handle, output) = (machine.handle.clone(), Rc::clone(&result));
    machine.handle.spawn(async move {
        let io = Io::new(&handle, end, Ready::NONE).unwrap();
        let at = handle.now() + Duration::from_secs(1);
        output.set(Some(handle.timeout(at, pin!(io.readable())).await));
    });
    machine.turn();
    peer.write_all(b"x").unwrap();
    machine.pass(Duration::from_secs(2));
    assert_eq!(result.get(), Some(Ok(())));
}

#[test]
fn several_futures_raced_in_one_task_lose_nothing() {
    let mut machine = Machine::new();
    let (left, mut left_peer) = pair();
    let (right, mut right_peer) = pair();
    let log = Rc::new(RefCell::new(Vec::new()));
    let (handle, seen) = (machine.handle.clone(), Rc::clone(&log));
    machine.handle.spawn(async move {
        let left = transport(&handle, left);
        let right = transport(&handle, right);
        let mut deadline = pin!(handle.deadline(handle.now() + Duration::from_secs(5)));
        let mut buffer = BytesMut::new();
        poll_fn(|context| {
            for (name, end) in [("left", &left), ("right", &right)] {
                if let Poll::Ready(read) = end.poll_read(&mut buffer, 16) {
                    seen.borrow_mut().push((name, read.unwrap()));
                }
            }
            deadline.as_mut().poll(context)
        })
        .await;
        seen.borrow_mut().push(("deadline", 0));
    });
    machine.turn();
    left_peer.write_all(b"1").unwrap();
    right_peer.write_all(b"22").unwrap();
    machine.turn();
    right_peer.write_all(b"333").unwrap();
    machine.turn();
    machine.pass(Duration::from_secs(6));
    assert_eq!(*log.borrow(), [("left", 1), ("right", 2), ("right", 3), ("deadline", 0)]);
}

/// Spawns a task that counts its polls and shows its waker.
fn spawn_sleeper(machine: &Machine) -> (Rc<Cell<usize>>, Rc<RefCell<Option<std::task::Waker>>>) {
    let (polls, polls_seen) = counter();
    let waker = Rc::new(RefCell::new(None));
    let shown = Rc::clone(&waker);
    machine.handle.spawn(poll_fn(move |context| {
        count(&polls);
        shown.replace(Some(context.waker().clone()));
        Poll::Pending
    }));
    (polls_seen, waker)
}

#[test]
fn another_threads_wakes_reach_the_task_once() {
    let mut machine = Machine::new();
    let (polls, waker) = spawn_sleeper(&machine);
    machine.turn();
    for expected in [2, 3] {
        let waker = waker.borrow().clone().unwrap();
        let wakes = move || (0..10).for_each(|_| waker.wake_by_ref());
        thread::spawn(wakes).join().unwrap();
        machine.worker.turn(None).unwrap();
        machine.turn();
        assert_eq!(polls.get(), expected);
    }
}

#[test]
fn a_wake_from_the_same_thread_is_served_in_the_same_turn_without_the_mailbox() {
    let mut machine = Machine::new();
    let (polls, waker) = spawn_sleeper(&machine);
    machine.turn();
    let waker = waker.take().unwrap();
    machine.handle.spawn(async move { waker.wake() });
    machine.turn();
    assert_eq!(polls.get(), 2);
    machine.turn();
    assert!(machine.worker.events.is_empty());
}

#[test]
fn a_wake_after_the_tasks_end_does_nothing() {
    let mut machine = Machine::new();
    let (_, waker) = spawn_sleeper(&machine);
    machine.turn();
    let waker = waker.take().unwrap();
    drop(machine);
    waker.wake();
}

#[test]
fn a_task_may_wake_another_by_its_name() {
    let mut machine = Machine::new();
    let (polls, polls_seen) = counter();
    let sleeper = machine.handle.spawn(poll_fn(move |_| {
        count(&polls);
        Poll::Pending
    }));
    machine.turn();
    machine.handle.wake(sleeper);
    machine.turn();
    assert_eq!(polls_seen.get(), 2);
}

#[test]
fn a_yielding_task_runs_once_a_turn_and_starves_nobody() {
    let mut machine = Machine::new();
    let (rounds, rounds_seen) = counter();
    let (selfish, selfish_seen) = counter();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        loop {
            count(&rounds);
            handle.yield_now().await;
        }
    });
    machine.handle.spawn(poll_fn(move |context| {
        count(&selfish);
        context.waker().wake_by_ref();
        Poll::Pending
    }));
    let (end, mut peer) = pair();
    machine.handle.spawn(echo(machine.handle.clone(), end));
    for turn in 1..=5 {
        machine.turn();
        assert_eq!((rounds_seen.get(), selfish_seen.get()), (turn, turn));
    }
    peer.write_all(b"hello").unwrap();
    machine.worker.turn(None).unwrap(); // does not wait: work is left
    assert_eq!(received(&mut peer, 5), b"hello");
}

#[test]
fn a_turn_polls_a_bounded_number_of_tasks_and_the_next_goes_on() {
    let mut machine = Machine::new();
    let (polls, polls_seen) = counter();
    for _ in 0..POLLS_PER_TURN + 10 {
        let polls = Rc::clone(&polls);
        machine.handle.spawn(async move { count(&polls) });
    }
    machine.turn();
    assert_eq!(polls_seen.get(), POLLS_PER_TURN);
    machine.worker.turn(None).unwrap();
    assert_eq!(polls_seen.get(), POLLS_PER_TURN + 10);
}

#[test]
fn a_spawned_task_runs_in_the_same_turn() {
    let mut machine = Machine::new();
    let (runs, runs_seen) = counter();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        handle.spawn(async move { count(&runs) });
    });
    machine.turn();
    assert_eq!(runs_seen.get(), 1);
}

#[test]
fn a_partial_write_resumes_when_the_peer_reads() {
    const LENGTH: usize = 4 << 20;
    let mut machine = Machine::new();
    let (end, mut peer) = pair();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        let transport = transport(&handle, end);
        let bytes: Vec<u8> = (0..LENGTH).map(|index| index as u8).collect();
        let (first, second) = bytes.split_at(LENGTH / 3);
        transport.write_all(&mut [IoSlice::new(first), IoSlice::new(second)], false).await.unwrap();
    });
    machine.turn();
    peer.set_nonblocking(true).unwrap();
    let mut all = Vec::new();
    let mut chunk = vec![0; 100_000];
    while all.len() < LENGTH {
        match peer.read(&mut chunk) {
            Ok(count) => all.extend_from_slice(&chunk[..count]),
            Err(_) => machine.turn(),
        }
    }
    assert!(all.iter().enumerate().all(|(index, byte)| *byte == index as u8));
    machine.turn();
    assert_eq!(machine.handle.tasks(), 0);
}

#[test]
fn a_head_and_a_file_arrive_in_order_over_tcp_and_unix() {
    const LENGTH: usize = 1 << 20;
    let content: Vec<u8> = (0..LENGTH).map(|index| (index / 7) as u8).collect();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&content).unwrap();
    let (unix, unix_peer) = pair();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp_peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (tcp, address) = listener.accept().unwrap();
    tcp.set_nonblocking(true).unwrap();
    for (end, kind, peer) in
        [(unix, Peer::Unix, OwnedFd::from(unix_peer)), (tcp.into(), Peer::Inet(address), tcp_peer.into())]
    {
        let mut machine = Machine::new();
        let (handle, file) = (machine.handle.clone(), file.try_clone().unwrap());
        machine.handle.spawn(async move {
            let transport = Transport::accepted(&handle, end, &kind).unwrap();
            transport.set_nodelay(true).unwrap();
            transport.write_all(&mut [IoSlice::new(b"head")], true).await.unwrap();
            let mut offset = 10;
            while transport.sendfile(file.as_fd(), &mut offset, LENGTH).await.unwrap() > 0 {}
            assert_eq!(offset, LENGTH as u64);
        });
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            std::fs::File::from(peer).read_to_end(&mut bytes).unwrap();
            bytes
        });
        let handle = machine.handle.clone();
        machine.turn_until(|| handle.tasks() == 0);
        let bytes = reader.join().unwrap();
        assert!(bytes.starts_with(b"head") && bytes[4..] == content[10..]);
    }
}

#[test]
fn a_half_close_is_seen_and_what_came_before_is_still_read() {
    let mut machine = Machine::new();
    let (end, mut peer) = pair();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        let transport = transport(&handle, end);
        transport.closed().await;
        let mut buffer = BytesMut::new();
        assert_eq!(transport.read(&mut buffer, 1024).await.unwrap(), 4);
        assert_eq!(transport.read(&mut buffer, 1024).await.unwrap(), 0);
        assert!(transport.is_closed_by_peer());
        transport.write_all(&mut [IoSlice::new(b"bye")], false).await.unwrap();
        transport.shutdown_write().unwrap();
    });
    machine.turn();
    peer.write_all(b"last").unwrap();
    machine.turn();
    assert_eq!(machine.handle.tasks(), 1);
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    machine.turn();
    assert_eq!(machine.handle.tasks(), 0);
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"bye");
}

#[test]
fn a_read_of_nothing_is_no_end_of_the_stream() {
    let mut machine = Machine::new();
    let (end, _peer) = pair();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        let error = transport(&handle, end).read(&mut BytesMut::new(), 0).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    });
    machine.turn();
    assert_eq!(machine.handle.tasks(), 0);
}

#[test]
fn a_reset_connection_is_reset_for_its_peer_too() {
    let mut machine = Machine::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, address) = listener.accept().unwrap();
    server.set_nonblocking(true).unwrap();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        let transport = Transport::accepted(&handle, server.into(), &Peer::Inet(address)).unwrap();
        transport.reset_on_close().unwrap();
    });
    machine.turn();
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn a_listener_spawns_a_task_for_each_connection() {
    let mut machine = Machine::new();
    let options = ListenOptions::default();
    let listener = bind(&Address::Inet("127.0.0.1:0".parse().unwrap()), &options).unwrap();
    let bound = rustix::net::getsockname(&listener).unwrap();
    let (peers, seen) = (Rc::new(RefCell::new(Vec::new())), machine.handle.clone());
    let accepted = Rc::clone(&peers);
    machine.handle.spawn(async move {
        let acceptor = Acceptor::new(&seen, listener).unwrap();
        loop {
            let (socket, peer) = acceptor.accept().await.unwrap();
            let handle = seen.clone();
            let local = acceptor.local_address().unwrap();
            accepted.borrow_mut().push(peer);
            seen.spawn(async move {
                let transport = Transport::accepted(&handle, socket, &peer).unwrap();
                assert_eq!(transport.local_address().unwrap(), local);
                transport.write_all(&mut [IoSlice::new(b"hi")], false).await.unwrap();
            });
        }
    });
    let bound = std::net::SocketAddr::try_from(bound).unwrap();
    let mut clients: Vec<_> = (0..3).map(|_| TcpStream::connect(bound).unwrap()).collect();
    machine.turn_until(|| peers.borrow().len() == 3);
    for client in &mut clients {
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"hi");
        assert!(peers.borrow().contains(&Peer::Inet(client.local_addr().unwrap())));
    }
    assert_eq!(machine.handle.tasks(), 1);
}

#[test]
fn a_job_runs_on_the_worker_and_its_panic_costs_it_alone() {
    let mut machine = Machine::new();
    let mailbox = Arc::clone(&machine.mailbox);
    thread::spawn(move || {
        mailbox.post(Box::new(|_| panic!("as asked for"))).unwrap();
        mailbox
            .post(Box::new(|handle| {
                handle.spawn(pending());
            }))
            .unwrap();
    })
    .join()
    .unwrap();
    machine.worker.turn(None).unwrap();
    assert_eq!(machine.handle.tasks(), 1);
}

#[test]
fn a_full_mailbox_and_an_ended_worker_refuse_jobs() {
    let mut machine = Machine::new();
    for _ in 0..JOBS_WAITING_MAX {
        machine.mailbox.post(Box::new(|_| {})).unwrap();
    }
    assert!(matches!(machine.mailbox.post(Box::new(|_| {})), Err(PostError::Full)));
    machine.turn();
    machine.mailbox.post(Box::new(|_| {})).unwrap();
    let mailbox = Arc::clone(&machine.mailbox);
    drop(machine);
    assert!(matches!(mailbox.post(Box::new(|_| {})), Err(PostError::Closed)));
}

#[test]
fn a_worker_runs_until_it_is_stopped_or_its_last_task_has_ended() {
    let mut machine = Machine::new();
    machine.handle.spawn(pending());
    machine.mailbox.post(Box::new(|handle| handle.stop())).unwrap();
    machine.worker.run().unwrap();
    assert_eq!(machine.handle.tasks(), 1);

    let mut machine = Machine::new();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        handle.retire();
        assert!(handle.is_retiring());
        handle.yield_now().await;
    });
    machine.worker.run().unwrap();
    assert_eq!(machine.handle.tasks(), 0);
}

#[test]
fn the_end_of_a_worker_drops_its_tasks_and_what_their_drops_spawn() {
    struct Spawner(Handle);
    impl Drop for Spawner {
        fn drop(&mut self) {
            self.0.spawn(pending());
        }
    }
    let mut machine = Machine::new();
    let (end, mut peer) = pair();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        let _spawner = Spawner(handle.clone());
        let _io = Io::new(&handle, end, Ready::NONE).unwrap();
        pending::<()>().await;
    });
    machine.turn();
    drop(machine.worker);
    assert_eq!(machine.handle.tasks(), 0);
    assert_eq!(peer.read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn a_task_may_cancel_itself() {
    let mut machine = Machine::new();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        let own = handle.current().unwrap();
        assert!(handle.cancel(own));
        pending::<()>().await;
    });
    machine.turn();
    assert_eq!(machine.handle.tasks(), 0);
}

#[test]
fn hooks_run_around_the_tasks_of_a_turn() {
    struct Log(RefCell<Vec<&'static str>>);
    impl Hooks for Log {
        fn turn_begins(&self) {
            self.0.borrow_mut().push("begins");
        }
        fn turn_ends(&self) {
            self.0.borrow_mut().push("ends");
        }
    }
    let mut machine = Machine::new();
    let log = Rc::new(Log(RefCell::default()));
    machine.handle.set_hooks(Rc::clone(&log) as Rc<dyn Hooks>);
    let inside = Rc::clone(&log);
    machine.handle.spawn(async move { inside.0.borrow_mut().push("task") });
    machine.turn();
    assert_eq!(*log.0.borrow(), ["begins", "task", "ends"]);
}

#[test]
fn the_time_stands_still_within_a_turn() {
    let mut machine = Machine::new();
    let clock = machine.clock.clone();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        let (now, wall) = (handle.now(), handle.wall());
        clock.advance(Duration::from_secs(1));
        assert_eq!((handle.now(), handle.wall()), (now, wall));
        handle.yield_now().await;
        assert_eq!(handle.now(), now + Duration::from_secs(1));
        assert_eq!(handle.wall(), wall + Duration::from_secs(1));
    });
    machine.turn();
    machine.turn();
    assert_eq!(machine.handle.tasks(), 0);
}

#[test]
fn one_use_of_the_scratch_buffer_within_another_gets_its_own() {
    let machine = Machine::new();
    let outer = machine.handle.with_scratch(|outer| {
        outer[0] = 1;
        machine.handle.with_scratch(|inner| inner[0] = 2);
        outer[0]
    });
    assert_eq!(outer, 1);
}

#[test]
fn an_idle_connection_costs_little_beside_its_future() {
    let bookkeeping =
        crate::runtime::task::BYTES_PER_TASK + sources::BYTES_PER_SOURCE + crate::runtime::timer::BYTES_PER_TIMER;
    assert!(bookkeeping <= 216, "{bookkeeping} bytes");
    assert!(size_of::<Transport>() <= 32);
}

#[test]
fn a_connection_is_polled_only_once_somebody_must_wait_for_it() {
    let mut machine = Machine::new();
    let (ours, mut peer) = pair();
    peer.write_all(b"first").unwrap();
    let handle = machine.handle.clone();
    machine.handle.spawn(async move {
        let io = Io::polled_when_waiting(&handle, ours, Ready::READABLE).unwrap();
        let read = |io: &Io<OwnedFd>| {
            let mut memory = [0; 16];
            io.try_io(Ready::READABLE, |fd| Ok(rustix::io::read(fd, &mut memory)?))
        };
        assert!(matches!(read(&io), Poll::Ready(Ok(5))), "what has come is read without the poll");
        poll_fn(|_| if matches!(read(&io), Poll::Ready(Ok(6))) { Poll::Ready(()) } else { Poll::Pending }).await;
    });
    machine.turn();
    assert_eq!(machine.handle.tasks(), 1, "it waits for more");
    peer.write_all(b"second").unwrap();
    machine.turn();
    assert_eq!(machine.handle.tasks(), 0, "the poll told of it");
}
