//! A worker thread: its event loop, its station, its listeners; and the messages the control thread sends it.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::Sender;

use super::listener::{self, ListenerState};
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

/// A listening socket on its way to a worker.
#[derive(Debug)]
pub struct NewListener {
    /// As configured; its name across reloads.
    pub address: Address,
    /// What requests may ask about it.
    pub facts: Arc<ListenerFacts>,
    /// The socket.
    pub socket: OwnedFd,
}

/// A worker that was made and not yet run: made on its thread, for nothing of it can move to another.
pub struct Prepared {
    worker: Worker,
    /// Takes messages for it from any thread.
    pub mailbox: Arc<Mailbox>,
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
        handle.spawn(station::flush_logs_when_due(Rc::clone(&station)));
        STATION.with_borrow_mut(|current| *current = Some(station));
        Ok(Self { worker, mailbox })
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

/// Has a worker listen on a socket.
///
/// # Errors
/// When the worker has ended.
pub fn add_listener(mailbox: &Mailbox, new: NewListener) -> Result<(), PostError> {
    mailbox.post(Box::new(move |handle| {
        with_station(|station| {
            let state = ListenerState::new(new.address, new.facts);
            station.add(Rc::clone(&state));
            handle.spawn(listener::listen(Rc::clone(station), state, new.socket));
        });
    }))
}

/// Has a worker close its listener at an address, once its queue is empty.
///
/// # Errors
/// When the worker has ended.
pub fn close_listener(mailbox: &Mailbox, address: Address) -> Result<(), PostError> {
    mailbox.post(Box::new(move |_| with_station(|station| station.close(&address))))
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
