//! How many scripts of a location run at once, and who is next: `cgi_max` and `cgi_queue`.
//!
//! One gate serves all workers, and goes on through a reload. Whoever finds it full waits; networks of clients (/24 of
//! IPv4, /64 of IPv6) have their turns one after the other, so one that asks much waits for itself alone. When no more
//! may wait, the network that waits most gives up its last place to one that waits less.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::settings::Crowd;

/// The gate of a location.
#[derive(Debug, Default)]
pub(super) struct Gate {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    /// By the configuration that was last asked under.
    running_max: usize,
    waiting: usize,
    queues: HashMap<Network, VecDeque<Arc<Ticket>>>,
    /// Networks that wait, the next in front; each stands here once.
    turns: VecDeque<Network>,
}

/// Clients that count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Network {
    V4([u8; 3]),
    V6([u8; 8]),
    /// A Unix domain socket.
    Local,
}

#[derive(Debug)]
struct Ticket {
    network: Network,
    state: Mutex<TicketState>,
}

#[derive(Debug)]
enum TicketState {
    Waits(Option<Waker>),
    /// The place is taken, in its name.
    Called,
    /// It had to make room.
    Refused,
}

/// No more may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// A place to run, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Permit {
    gate: Arc<Gate>,
}

/// A place in the queue, given up when it is dropped; a future of a place to run.
#[derive(Debug)]
pub(super) struct Place {
    gate: Arc<Gate>,
    /// None once it was called or refused.
    ticket: Option<Arc<Ticket>>,
}

/// What one finds at the gate.
#[derive(Debug)]
pub(super) enum Entry {
    Open(Permit),
    Wait(Place),
}

impl Gate {
    /// Asks for a place to run.
    ///
    /// # Errors
    /// Too many wait, and none has more waiting than this network.
    pub(super) fn enter(self: &Arc<Self>, crowd: &Crowd, network: impl FnOnce() -> Network) -> Result<Entry, Full> {
        let mut state = self.lock();
        state.running_max = crowd.running_max;
        if state.running < state.running_max && state.waiting == 0 {
            state.running += 1;
            drop(state);
            return Ok(Entry::Open(Permit { gate: Arc::clone(self) }));
        }
        let network = network();
        if state.waiting >= crowd.waiting_max {
            state.make_room(network)?;
        }
        let ticket = Arc::new(Ticket { network, state: Mutex::new(TicketState::Waits(None)) });
        state.queue(Arc::clone(&ticket));
        // There may be room by now: the configuration allows more than before.
        state.call_next();
        drop(state);
        Ok(Entry::Wait(Place { gate: Arc::clone(self), ticket: Some(ticket) }))
    }

    fn leave(&self) {
        let mut state = self.lock();
        state.running -= 1;
        state.call_next();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn queue(&mut self, ticket: Arc<Ticket>) {
        let network = ticket.network;
        let queue = self.queues.entry(network).or_default();
        if queue.is_empty() {
            self.turns.push_back(network);
        }
        queue.push_back(ticket);
        self.waiting += 1;
    }

    /// Lets in whoever is next, as long as there is room.
    fn call_next(&mut self) {
        while self.running < self.running_max
            && let Some(network) = self.turns.pop_front()
        {
            let Some(queue) = self.queues.get_mut(&network) else { continue };
            let Some(ticket) = queue.pop_front() else { continue };
            if queue.is_empty() {
                self.queues.remove(&network);
            } else {
                self.turns.push_back(network);
            }
            self.waiting -= 1;
            self.running += 1;
            ticket.settle(TicketState::Called);
        }
    }

    /// Takes the last place of the network that waits most, if that is fairer than to refuse this one.
    fn make_room(&mut self, network: Network) -> Result<(), Full> {
        let own = self.queues.get(&network).map_or(0, VecDeque::len);
        let most = self.queues.iter().max_by_key(|(_, queue)| queue.len());
        let (most, length) = most.map(|(network, queue)| (*network, queue.len())).ok_or(Full)?;
        if length <= own + 1 {
            return Err(Full);
        }
        let refused = self.queues.get_mut(&most).and_then(VecDeque::pop_back).ok_or(Full)?;
        self.waiting -= 1;
        refused.settle(TicketState::Refused);
        Ok(())
    }

    /// Takes somebody out of the queue who does not want to wait any more.
    fn forget(&mut self, ticket: &Arc<Ticket>) {
        let Some(queue) = self.queues.get_mut(&ticket.network) else { return };
        let before = queue.len();
        queue.retain(|other| !Arc::ptr_eq(other, ticket));
        self.waiting -= before - queue.len();
        if queue.is_empty() {
            self.queues.remove(&ticket.network);
            self.turns.retain(|network| *network != ticket.network);
        }
    }
}

impl Ticket {
    fn settle(&self, outcome: TicketState) {
        let before = std::mem::replace(&mut *self.lock(), outcome);
        if let TicketState::Waits(Some(waker)) = before {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, TicketState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Future for Place {
    type Output = Result<Permit, Full>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(ticket) = &self.ticket else { return Poll::Pending };
        let mut state = ticket.lock();
        let outcome = match &mut *state {
            TicketState::Waits(waker) => {
                *waker = Some(context.waker().clone());
                return Poll::Pending;
            }
            TicketState::Called => Ok(Permit { gate: Arc::clone(&self.gate) }),
            TicketState::Refused => Err(Full),
        };
        drop(state);
        self.ticket = None;
        Poll::Ready(outcome)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        let mut state = self.gate.lock();
        match &*ticket.lock() {
            TicketState::Waits(_) => {}
            // Called, and nobody comes.
            TicketState::Called => {
                state.running -= 1;
                state.call_next();
                return;
            }
            TicketState::Refused => return,
        }
        state.forget(&ticket);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.leave();
    }
}

impl Network {
    /// Of an address.
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A gate for so many, and those who come to it.
    struct Scene {
        gate: Arc<Gate>,
        crowd: Crowd,
    }

    impl Scene {
        fn new(running_max: usize, waiting_max: usize) -> Self {
            let crowd = Crowd { running_max, waiting_max, patience: Duration::from_secs(1) };
            Self { gate: Arc::default(), crowd }
        }

        fn come(&self, network: u8) -> Result<Entry, Full> {
            self.gate.enter(&self.crowd, || Network::V4([network, 0, 0]))
        }

        fn run(&self, network: u8) -> Permit {
            match self.come(network) {
                Ok(Entry::Open(permit)) => permit,
                other => panic!("expected a place to run, found {other:?}"),
            }
        }

        fn wait(&self, network: u8) -> Place {
            match self.come(network) {
                Ok(Entry::Wait(place)) => place,
                other => panic!("expected a place to wait, found {other:?}"),
            }
        }
    }

    fn look(place: &mut Place) -> Poll<Result<Permit, Full>> {
        Pin::new(place).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[track_caller]
    fn called(place: &mut Place) -> Permit {
        match look(place) {
            Poll::Ready(Ok(permit)) => permit,
            other => panic!("expected to be called, found {other:?}"),
        }
    }

    #[test]
    fn so_many_run_and_the_next_waits_until_one_is_done() {
        let scene = Scene::new(2, 8);
        let first = scene.run(1);
        let _second = scene.run(1);
        let mut third = scene.wait(1);
        assert!(look(&mut third).is_pending());
        drop(first);
        let _third = called(&mut third);
        assert!(matches!(scene.come(1), Ok(Entry::Wait(_))));
    }

    #[test]
    fn networks_have_their_turns_one_after_the_other() {
        let scene = Scene::new(1, 8);
        let mut running = scene.run(9);
        let mut waiting: Vec<(u8, Place)> = [1, 1, 1, 2, 3, 2].map(|network| (network, scene.wait(network))).into();
        let mut order = Vec::new();
        while !waiting.is_empty() {
            drop(running);
            let ready = waiting.iter_mut().enumerate().find_map(|(at, (network, place))| match look(place) {
                Poll::Ready(Ok(permit)) => Some((at, *network, permit)),
                _ => None,
            });
            let (at, network, permit) = ready.unwrap();
            waiting.remove(at);
            order.push(network);
            running = permit;
        }
        assert_eq!(order, [1, 2, 3, 1, 2, 1]);
    }

    #[test]
    fn when_no_more_may_wait_one_is_told() {
        let scene = Scene::new(1, 2);
        let _running = scene.run(1);
        let _first = scene.wait(1);
        let _second = scene.wait(1);
        assert_eq!(scene.come(1).unwrap_err(), Full);
    }

    #[test]
    fn a_network_that_waits_most_makes_room_for_another() {
        let scene = Scene::new(1, 3);
        let _running = scene.run(1);
        let _first = scene.wait(1);
        let mut second = scene.wait(1);
        let mut third = scene.wait(1);
        let _other = scene.wait(2);
        assert!(matches!(look(&mut third), Poll::Ready(Err(Full))), "it came last");
        assert!(look(&mut second).is_pending());
        assert_eq!(scene.come(2).unwrap_err(), Full, "each has its share");
    }

    #[test]
    fn whoever_leaves_the_queue_is_forgotten() {
        let scene = Scene::new(1, 1);
        let running = scene.run(1);
        drop(scene.wait(1));
        let mut other = scene.wait(2);
        drop(running);
        let _other = called(&mut other);
        assert_eq!(scene.gate.lock().waiting, 0);
    }

    #[test]
    fn a_call_that_nobody_hears_goes_to_the_next() {
        let scene = Scene::new(1, 2);
        let running = scene.run(1);
        let first = scene.wait(1);
        let mut second = scene.wait(2);
        drop(running);
        drop(first);
        drop(called(&mut second));
        let _free_again = scene.run(3);
    }

    #[test]
    fn a_configuration_that_allows_more_lets_more_in() {
        let mut scene = Scene::new(1, 8);
        let _first = scene.run(1);
        let mut second = scene.wait(1);
        scene.crowd.running_max = 3;
        let mut third = scene.wait(1);
        let _second = called(&mut second);
        let _third = called(&mut third);
    }

    #[test]
    fn neighbours_are_one_network() {
        let network = |text: &str| Network::of(text.parse().unwrap());
        assert_eq!(network("192.0.2.1"), network("192.0.2.200"));
        assert_ne!(network("192.0.2.1"), network("192.0.3.1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
    }
}
