//! Work off the loop: held up by channels, awaited by tasks of a worker.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use super::*;
use crate::runtime::{Clock, Worker};

/// A worker, and a pool beside it.
struct Machine {
    worker: Worker,
    pool: Pool,
}

impl Machine {
    fn new(threads: usize, waiting_max: usize) -> Self {
        let (worker, _mailbox) = Worker::new(Clock::manual()).unwrap();
        Self { worker, pool: Pool::new(threads, waiting_max) }
    }

    /// Turns that wait for wakers, until the condition holds.
    fn turn_until(&mut self, condition: impl Fn() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < Duration::from_secs(30), "nothing happens");
            self.worker.turn(Some(Duration::from_secs(1))).unwrap();
        }
    }

    /// What becomes of the work, awaited by a task.
    fn outcome<T: 'static>(&mut self, work: Work<T>) -> Result<T, JobError> {
        let result = Rc::new(RefCell::new(None));
        let kept = Rc::clone(&result);
        self.worker.handle().spawn(async move {
            kept.replace(Some(work.await));
        });
        self.turn_until(|| result.borrow().is_some());
        result.take().unwrap()
    }
}

/// Work that says when it begins, and ends when it is told to or the test forgets it.
fn held(pool: &Pool) -> (Work<()>, Receiver<()>, Sender<()>) {
    let (begun, begins) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let work = pool.start(move || {
        begun.send(()).unwrap();
        let _ended_either_way = released.recv();
    });
    (work, begins, release)
}

#[test]
fn the_value_comes_back_to_the_task() {
    let mut machine = Machine::new(1, 8);
    let here = thread::current().id();
    let work =
        machine.pool.start(move || (thread::current().id() != here, thread::current().name().map(str::to_owned)));
    let (elsewhere, name) = machine.outcome(work).unwrap();
    assert!(elsewhere);
    assert_eq!(name.as_deref(), Some("jobs 0"));
}

#[test]
fn other_tasks_run_while_work_is_under_way() {
    let mut machine = Machine::new(1, 8);
    let (work, begins, release) = held(&machine.pool);
    let order = Rc::new(RefCell::new(Vec::new()));
    let handle = machine.worker.handle();
    let waits = Rc::clone(&order);
    handle.spawn(async move {
        work.await.unwrap();
        waits.borrow_mut().push("job");
    });
    begins.recv().unwrap();
    let other = Rc::clone(&order);
    handle.spawn(async move { other.borrow_mut().push("other") });
    machine.turn_until(|| order.borrow().len() == 1);
    release.send(()).unwrap();
    machine.turn_until(|| order.borrow().len() == 2);
    assert_eq!(*order.borrow(), ["other", "job"]);
}

#[test]
fn a_worker_has_the_pool_of_the_process() {
    let mut machine = Machine::new(1, 8);
    let work = machine.worker.handle().job(|| 6 * 7);
    assert_eq!(machine.outcome(work).unwrap(), 42);
}

#[test]
fn a_panic_costs_one_job() {
    let mut machine = Machine::new(1, 8);
    let work = machine.pool.start(|| panic!("as asked for"));
    assert!(matches!(machine.outcome(work), Err(JobError::Panicked)));
    let work = machine.pool.start(|| "still there");
    assert_eq!(machine.outcome(work).unwrap(), "still there");
}

#[test]
fn work_beyond_the_queue_is_refused_at_once() {
    let mut machine = Machine::new(1, 2);
    let (first, begins, release) = held(&machine.pool);
    begins.recv().unwrap();
    let second = machine.pool.start(|| 2);
    let third = machine.pool.start(|| 3);
    let fourth = machine.pool.start(|| 4);
    assert!(matches!(machine.outcome(fourth), Err(JobError::Full)));
    release.send(()).unwrap();
    machine.outcome(first).unwrap();
    assert_eq!((machine.outcome(second).unwrap(), machine.outcome(third).unwrap()), (2, 3));
}

#[test]
fn work_that_nobody_awaits_is_not_begun_and_gives_back_its_place() {
    let mut machine = Machine::new(1, 1);
    let (first, begins, release) = held(&machine.pool);
    begins.recv().unwrap();
    let (told, tells) = mpsc::channel();
    drop(machine.pool.start(move || told.send("done")));
    let second = machine.pool.start(|| "in its place");
    release.send(()).unwrap();
    machine.outcome(first).unwrap();
    assert_eq!(machine.outcome(second).unwrap(), "in its place");
    assert!(tells.try_recv().is_err());
}

#[test]
fn the_value_of_work_that_was_forgotten_is_dropped() {
    struct Witness(Sender<&'static str>);
    impl Drop for Witness {
        fn drop(&mut self) {
            self.0.send("dropped").unwrap();
        }
    }
    let machine = Machine::new(1, 8);
    let (told, tells) = mpsc::channel();
    let (begun, begins) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let work = machine.pool.start(move || {
        begun.send(()).unwrap();
        released.recv().unwrap();
        Witness(told)
    });
    begins.recv().unwrap();
    drop(work);
    release.send(()).unwrap();
    assert_eq!(tells.recv(), Ok("dropped"));
}

#[test]
fn work_begins_in_the_order_in_which_it_came() {
    let mut machine = Machine::new(1, 8);
    let (first, begins, release) = held(&machine.pool);
    begins.recv().unwrap();
    let (told, tells) = mpsc::channel();
    let works: Vec<_> = (0..5)
        .map(|number| {
            let told = told.clone();
            machine.pool.start(move || told.send(number).unwrap())
        })
        .collect();
    release.send(()).unwrap();
    machine.outcome(first).unwrap();
    works.into_iter().for_each(|work| machine.outcome(work).unwrap());
    assert_eq!(tells.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

#[test]
fn there_are_no_more_threads_than_may_be_and_none_without_work() {
    let machine = Machine::new(2, 8);
    assert_eq!(machine.pool.lock().threads, 0);
    let (_first, first_begins, _first_release) = held(&machine.pool);
    let (_second, second_begins, _second_release) = held(&machine.pool);
    first_begins.recv().unwrap();
    second_begins.recv().unwrap();
    let (_third, third_begins, _third_release) = held(&machine.pool);
    let (threads, waiting) = {
        let state = machine.pool.lock();
        (state.threads, state.waiting.len())
    };
    assert_eq!((threads, waiting), (2, 1));
    assert!(third_begins.try_recv().is_err());
}

#[test]
fn several_pieces_of_work_are_awaited_by_one_task() {
    let mut machine = Machine::new(2, 8);
    let sum = Rc::new(Cell::new(0));
    let (first, second) = (machine.pool.start(|| 1), machine.pool.start(|| 2));
    let kept = Rc::clone(&sum);
    machine.worker.handle().spawn(async move { kept.set(second.await.unwrap() + first.await.unwrap()) });
    machine.turn_until(|| sum.get() > 0);
    assert_eq!(sum.get(), 3);
}
