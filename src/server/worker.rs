//! A worker thread: its event loop, its station, its listeners; and the messages the control thread sends it.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::Sender;

use super::counters::Counters;
use super::listener;
pub use super::listener::SocketId;
use super::published::Published;
pub use super::station::Limits;
use super::station::{self, Station};
use crate::base::log_buffer;
use crate::exchange::client::ListenerFacts;
use crate::runtime::{Address, Clock, Mailbox, PostError, Worker};

thread_local! {
    /// The station of this worker thread, for jobs that come by mail.
    static STATION: RefCell<Option<Rc<Station>>> = const { RefCell::new(None) };
}

/// What a worker needs to begin.
#[derive(Debug)]
pub struct Setup {
    /// Where the routing tree is.
    pub published: Arc<Published>,
    /// Counts the connections of all workers.
    pub connection_numbers: Arc<AtomicU64>,
    /// Its limits.
    pub limits: Limits,
}

impl Setup {
    /// The same with other limits.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Self {
        let (published, numbers) = (Arc::clone(&self.published), Arc::clone(&self.connection_numbers));
        Self { published, connection_numbers: numbers, limits }
    }
}

/// A listening socket on its way to a worker.
#[derive(Debug)]
pub struct NewListener {
    /// As configured; its name across reloads.
    pub address: Address,
    /// What requests may ask about it.
    pub facts: Arc<ListenerFacts>,
    /// Which socket it is.
    pub id: SocketId,
    /// A descriptor of it.
    pub socket: OwnedFd,
}

/// A worker that was made and not yet run: made on its thread, for nothing of it can move to another.
pub struct Prepared {
    worker: Worker,
    /// Takes messages for it from any thread.
    pub mailbox: Arc<Mailbox>,
    /// What it counts.
    pub counters: Arc<Counters>,
}

impl Prepared {
    /// Makes the loop and the station.
    ///
    /// # Errors
    /// When the system gives no poll.
    pub fn new(setup: &Setup) -> io::Result<Self> {
        Self::with_clock(setup, Clock::system())
    }

    /// The same on a clock that a test moves by hand.
    ///
    /// # Errors
    /// When the system gives no poll.
    pub fn with_clock(setup: &Setup, clock: Clock) -> io::Result<Self> {
        let (worker, mailbox) = Worker::new(clock)?;
        let handle = worker.handle();
        let numbers = Arc::clone(&setup.connection_numbers);
        let station = Station::new(handle.clone(), Arc::clone(&setup.published), numbers, setup.limits);
        handle.spawn_background(station::flush_logs_when_due(Rc::clone(&station)));
        let counters = Arc::clone(&station.counters);
        STATION.with_borrow_mut(|current| *current = Some(station));
        Ok(Self { worker, mailbox, counters })
    }

    /// Serves until told to end.
    ///
    /// # Errors
    /// When the system's poll fails.
    pub fn run(mut self) -> io::Result<()> {
        let result = self.worker.run();
        drop(self.worker);
        STATION.with_borrow_mut(|current| *current = None);
        log_buffer::flush_all();
        result
    }

    /// The loop, for a test that turns it by hand.
    pub fn worker(&mut self) -> &mut Worker {
        &mut self.worker
    }
}

/// Has a worker listen on sockets.
///
/// # Errors
/// When the worker has ended.
pub fn add_listeners(mailbox: &Mailbox, listeners: Vec<NewListener>) -> Result<(), PostError> {
    mailbox.post(Box::new(move |handle| {
        with_station(|station| {
            for new in listeners {
                let state = station.listener(new.address, new.facts);
                state.adopt(new.id);
                handle.spawn(listener::listen(Rc::clone(station), state, new.id, new.socket));
            }
        });
    }))
}

/// Has a worker close its listeners at addresses, once their queues are empty.
///
/// # Errors
/// When the worker has ended.
pub fn close_listeners(mailbox: &Mailbox, addresses: Vec<Address>) -> Result<(), PostError> {
    mailbox.post(Box::new(move |_| with_station(|station| station.close(&addresses))))
}

/// Has a worker take no more from listening sockets, which other workers have now. Connections that came by them go on.
///
/// # Errors
/// When the worker has ended.
pub fn release_listeners(mailbox: &Mailbox, sockets: Vec<SocketId>) -> Result<(), PostError> {
    mailbox.post(Box::new(move |_| with_station(|station| station.release(&sockets))))
}

/// Has a worker accept no more and end with its last connection, which it does not hasten; others go on.
///
/// # Errors
/// When the worker has ended.
pub fn leave(mailbox: &Mailbox) -> Result<(), PostError> {
    mailbox.post(Box::new(|_| with_station(|station| station.leave())))
}

/// Has a worker accept no more and end with its last connection, for another process serves now: each answer from here on
/// ends its connection, and an idle one is kept as long as it may be, for its client may be asking at this moment.
///
/// # Errors
/// When the worker has ended.
pub fn step_back(mailbox: &Mailbox) -> Result<(), PostError> {
    mailbox.post(Box::new(|_| with_station(|station| station.step_back())))
}

/// Gives a worker new limits.
///
/// # Errors
/// When the worker has ended.
pub fn set_limits(mailbox: &Mailbox, limits: Limits) -> Result<(), PostError> {
    mailbox.post(Box::new(move |_| with_station(|station| station.set_limits(limits))))
}

/// Has a worker write out all buffered log lines, and say so when it has.
///
/// # Errors
/// When the worker has ended.
pub fn flush_logs(mailbox: &Mailbox, done: Sender<()>) -> Result<(), PostError> {
    mailbox.post(Box::new(move |_| {
        log_buffer::flush_all();
        // Who asked may have stopped waiting.
        let _nobody_waits = done.send(());
    }))
}

/// Has a worker answer by the tree that is published, from now on, and say so when it does.
///
/// # Errors
/// When the worker has ended.
pub fn take_up(mailbox: &Mailbox, done: Sender<()>) -> Result<(), PostError> {
    mailbox.post(Box::new(move |_| {
        with_station(|station| station.refresh());
        // Who asked may have stopped waiting.
        let _nobody_waits = done.send(());
    }))
}

/// Has a worker say that its loop turns.
///
/// # Errors
/// When the worker has ended.
pub fn ping(mailbox: &Mailbox, done: Sender<()>) -> Result<(), PostError> {
    mailbox.post(Box::new(move |_| {
        // Who asked may have stopped waiting.
        let _nobody_waits = done.send(());
    }))
}

/// Has a worker accept no more, finish what runs, close idle connections, and end.
///
/// # Errors
/// When the worker has ended.
pub fn retire(mailbox: &Mailbox) -> Result<(), PostError> {
    mailbox.post(Box::new(|handle| {
        handle.retire();
        handle.wake_all();
    }))
}

/// Has a worker end now, with all its connections.
///
/// # Errors
/// When the worker has ended.
pub fn stop(mailbox: &Mailbox) -> Result<(), PostError> {
    mailbox.post(Box::new(|handle| handle.stop()))
}

fn with_station(use_station: impl FnOnce(&Rc<Station>)) {
    let station = STATION.with_borrow(Clone::clone);
    if let Some(station) = station {
        use_station(&station);
    }
}
