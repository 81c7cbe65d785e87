//! What the listeners and connections of one worker share: its view of the routing tree, its listeners, its count of
//! connections, its date. Belongs to one thread; nothing in it is locked.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::SystemTime;

use super::counters::Counters;
use super::in_use::InUse;
use super::listener::{ListenerState, Rank, SocketId};
use super::outbound::Outbox;
use super::published::Published;
use crate::base::log_buffer;
use crate::exchange::client::ListenerFacts;
use crate::exchange::shared_file;
use crate::http::date::{self, CachedDate, DateCache};
use crate::runtime::{Address, Handle, Hooks, TaskId};

/// How many outboxes a worker keeps for the next requests.
const SPARE_OUTBOXES_MAX: usize = 32;

/// The largest outbox that is kept; a larger one was needed once and goes back to the system.
const SPARE_OUTBOX_BYTES_MAX: usize = 64 * 1024;

/// The room in a new outbox: a head and a small page.
const OUTBOX_BYTES: usize = 4096;

/// One worker's share of the server.
pub(super) struct Station {
    pub(super) handle: Handle,
    published: Arc<Published>,
    generation: Cell<u64>,
    listeners: RefCell<Vec<Rc<ListenerState>>>,
    limits: Cell<Limits>,
    connections: Cell<usize>,
    /// What the control thread sees of this worker.
    pub(super) counters: Arc<Counters>,
    /// Whether this worker ends with its last connection, while others go on.
    leaving: Cell<bool>,
    /// Whether each connection ends with its next answer.
    last_answers: Cell<bool>,
    connection_numbers: Arc<AtomicU64>,
    /// Listeners that wait for a connection to end.
    waiting: RefCell<Vec<TaskId>>,
    /// `Date`, as it is sent in this turn.
    date: Cell<[u8; date::LENGTH]>,
    dates: RefCell<CachedDate>,
    /// `Last-Modified` of files that were asked for lately.
    file_dates: RefCell<DateCache>,
    spare_outboxes: RefCell<Vec<Outbox>>,
    /// The task that writes buffered log lines, and whether it has a timer.
    housekeeper: Cell<Option<TaskId>>,
    flush_armed: Cell<bool>,
}

/// `worker_connections` and `multi_accept`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many connections one worker has open at the most.
    pub connections_max: usize,
    /// Whether a listener takes all waiting connections in one turn.
    pub multi_accept: bool,
}

impl Station {
    pub(super) fn new(
        handle: Handle,
        published: Arc<Published>,
        connection_numbers: Arc<AtomicU64>,
        limits: Limits,
    ) -> Rc<Self> {
        let station = Rc::new(Self {
            handle: handle.clone(),
            generation: Cell::new(published.generation()),
            published,
            listeners: RefCell::default(),
            limits: Cell::new(limits),
            connections: Cell::new(0),
            counters: Arc::default(),
            leaving: Cell::new(false),
            last_answers: Cell::new(false),
            connection_numbers,
            waiting: RefCell::default(),
            date: Cell::new(date::format(handle.wall())),
            dates: RefCell::default(),
            file_dates: RefCell::default(),
            spare_outboxes: RefCell::default(),
            housekeeper: Cell::new(None),
            flush_armed: Cell::new(false),
        });
        handle.set_hooks(Rc::new(TurnHooks(Rc::clone(&station))));
        station
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits.get()
    }

    pub(super) fn set_limits(&self, limits: Limits) {
        self.limits.set(limits);
        self.wake_waiting();
    }

    /// What listeners at an address share: one that is there, or a new one with its routes.
    pub(super) fn listener(&self, address: Address, facts: Arc<ListenerFacts>) -> Rc<ListenerState> {
        let mut listeners = self.listeners.borrow_mut();
        if let Some(known) = listeners.iter().find(|known| known.address == address) {
            return Rc::clone(known);
        }
        let listener = ListenerState::new(address, facts);
        listener.set_routes(InUse::new(&self.published.tree(), &listener.address));
        listeners.push(Rc::clone(&listener));
        listener
    }

    /// The listener that takes connections to this place: one bound to it before one that takes all.
    pub(super) fn listener_for(&self, local: SocketAddr) -> Option<Rc<ListenerState>> {
        let listeners = self.listeners.borrow();
        let taking = listeners.iter().filter_map(|listener| listener.takes(local).map(|rank| (rank, listener)));
        let best = taking.max_by_key(|(rank, _)| *rank).map(|(_, listener)| Rc::clone(listener));
        drop(listeners);
        best.or_else(|| self.listener_of_others(local))
    }

    /// The same, of an address that only other workers listen on: this one is leaving.
    fn listener_of_others(&self, local: SocketAddr) -> Option<Rc<ListenerState>> {
        let tree = self.published.tree();
        let taking = tree.addresses.iter().filter_map(|routes| match routes.address {
            Address::Inet(bound) => Some((Rank::of(bound, routes.options.ipv6only, local)?, bound)),
            Address::Unix(_) | Address::Named(_) => None,
        });
        let (_, bound) = taking.max_by_key(|(rank, _)| *rank)?;
        let facts = ListenerFacts { address: bound.to_string().into(), inet: Some(bound) };
        Some(self.listener(Address::Inet(bound), Arc::new(facts)))
    }

    /// Has the listeners at addresses finish: they take what waits in their queues and close.
    pub(super) fn close(&self, addresses: &[Address]) {
        self.listeners.borrow_mut().retain(|listener| {
            let goes = addresses.contains(&listener.address);
            if goes {
                listener.close();
            }
            !goes
        });
        self.handle.wake_all();
    }

    /// Has listeners finish, for other workers have their sockets now; connections that they made go on.
    pub(super) fn release(&self, sockets: &[SocketId]) {
        for listener in self.listeners.borrow().iter() {
            listener.release(sockets);
        }
        self.handle.wake_all();
    }

    /// No more connections: listeners finish, and the worker ends with its last connection.
    pub(super) fn leave(&self) {
        self.leaving.set(true);
        self.handle.leave();
        self.handle.wake_all();
    }

    /// No more connections, and no more than one answer on each that is open.
    pub(super) fn step_back(&self) {
        self.last_answers.set(true);
        self.leave();
    }

    /// Whether an answer should be its connection's last, unless the next request is there already.
    pub(super) fn gives_last_answers(&self) -> bool {
        self.last_answers.get()
    }

    /// Whether listeners should end when their queues are empty.
    pub(super) fn accepts_no_more(&self) -> bool {
        self.leaving.get() || self.handle.is_retiring()
    }

    /// A number for a connection that no other of this process has had.
    pub(super) fn next_connection_number(&self) -> u64 {
        self.connection_numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A place for one more connection, or none when `worker_connections` are open.
    pub(super) fn seat(self: &Rc<Self>) -> Option<Seat> {
        if self.connections.get() >= self.limits.get().connections_max {
            return None;
        }
        self.connections.set(self.connections.get() + 1);
        self.counters.opened();
        Some(Seat(Rc::clone(self)))
    }

    /// Has this task polled when a connection ends.
    pub(super) fn wait_for_seat(&self, task: TaskId) {
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.contains(&task) {
            waiting.push(task);
        }
    }

    fn wake_waiting(&self) {
        for task in self.waiting.borrow_mut().drain(..) {
            self.handle.wake(task);
        }
    }

    /// `Date` of now.
    pub(super) fn date(&self) -> [u8; date::LENGTH] {
        self.date.get()
    }

    /// `Last-Modified` of a file.
    pub(super) fn file_date(&self, modified: SystemTime) -> [u8; date::LENGTH] {
        self.file_dates.borrow_mut().format(modified)
    }

    /// An empty outbox with room in it, one used before if there is one.
    pub(super) fn take_outbox(&self) -> Outbox {
        self.spare_outboxes.borrow_mut().pop().unwrap_or_else(|| Outbox::with_room(OUTBOX_BYTES))
    }

    /// Takes back an outbox that is empty again: an idle connection owns none.
    pub(super) fn give_outbox(&self, outbox: Outbox) {
        let mut spare = self.spare_outboxes.borrow_mut();
        if spare.len() < SPARE_OUTBOXES_MAX && (1..=SPARE_OUTBOX_BYTES_MAX).contains(&outbox.room()) {
            spare.push(outbox);
        }
    }

    /// Takes up a tree that was published since the last turn.
    pub(super) fn refresh(&self) {
        let generation = self.published.generation();
        if generation == self.generation.get() {
            return;
        }
        self.generation.set(generation);
        // A log that has left the configuration may have lines that wait for no time.
        log_buffer::flush_all();
        let tree = self.published.tree();
        for listener in self.listeners.borrow().iter() {
            listener.set_routes(InUse::new(&tree, &listener.address));
        }
    }
}

/// A place among `worker_connections`, and the way to its station; given back when dropped.
pub(super) struct Seat(Rc<Station>);

impl Deref for Seat {
    type Target = Station;

    fn deref(&self) -> &Station {
        &self.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let were = self.0.connections.get();
        self.0.connections.set(were - 1);
        self.0.counters.closed();
        if were >= self.0.limits.get().connections_max {
            self.0.wake_waiting();
        }
    }
}

/// What the station does in each turn of the loop.
struct TurnHooks(Rc<Station>);

impl Hooks for TurnHooks {
    fn turn_begins(&self) {
        let station = &self.0;
        station.refresh();
        station.date.set(station.dates.borrow_mut().at(station.handle.wall()));
    }

    fn turn_ends(&self) {
        let station = &self.0;
        log_buffer::flush_turn(station.handle.now());
        shared_file::end_turn();
        if !station.flush_armed.get()
            && log_buffer::next_flush().is_some()
            && let Some(housekeeper) = station.housekeeper.get()
        {
            station.handle.wake(housekeeper);
        }
    }
}

/// Writes buffered log lines when they are due (`flush=`); sleeps without a timer while there are none.
pub(super) async fn flush_logs_when_due(station: Rc<Station>) {
    let handle = &station.handle;
    station.housekeeper.set(handle.current());
    let mut deadline = handle.deadline(handle.now());
    poll_fn(|context| -> Poll<()> {
        log_buffer::flush_due(handle.now());
        station.flush_armed.set(false);
        if let Some(at) = log_buffer::next_flush() {
            deadline.reset(at);
            station.flush_armed.set(true);
            let _not_due_yet = Pin::new(&mut deadline).poll(context);
        }
        Poll::Pending
    })
    .await;
}
