//! Children of a worker whose clock is moved by hand.

use std::cell::RefCell;
use std::fs;
use std::rc::Rc;
use std::time::Instant;

use super::*;
use crate::runtime::{Clock, Worker};

/// A worker, and a child of it with what it wrote.
struct Machine {
    worker: Worker,
    clock: Clock,
    handle: Handle,
}

type Shared<T> = Rc<RefCell<Option<T>>>;

impl Machine {
    fn new() -> Self {
        let clock = Clock::manual();
        let (worker, _mailbox) = Worker::new(clock.clone()).unwrap();
        let handle = worker.handle();
        Self { worker, clock, handle }
    }

    /// Turns that wait for events, until the condition holds.
    #[track_caller]
    fn turn_until(&mut self, condition: impl Fn() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < Duration::from_secs(30), "nothing happens");
            self.worker.turn(Some(Duration::from_secs(1))).unwrap();
        }
    }

    fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        self.worker.turn(Some(Duration::ZERO)).unwrap();
    }

    /// Runs the work in a task, to its end.
    #[track_caller]
    fn run<T: 'static>(&mut self, work: impl AsyncFnOnce(Handle) -> T + 'static) -> T {
        let result: Shared<T> = Rc::default();
        let (to, handle) = (Rc::clone(&result), self.handle.clone());
        self.handle.spawn(async move {
            let value = work(handle).await;
            to.replace(Some(value));
        });
        let done = Rc::clone(&result);
        self.turn_until(move || done.borrow().is_some());
        result.take().unwrap()
    }

    /// Starts a script in a task that keeps it until it is told to let go, and gives its number once it has said
    /// `ready`.
    #[track_caller]
    fn keep(&mut self, script: &str) -> Kept {
        let launch = shell(script, Input::Nothing);
        let (number, task) = self.keep_of(launch);
        Kept { watched: watch(number), task }
    }

    #[track_caller]
    fn keep_of(&mut self, launch: Launch) -> (u32, crate::runtime::TaskId) {
        let number: Shared<u32> = Rc::default();
        let (to, handle) = (Rc::clone(&number), self.handle.clone());
        let task = self.handle.spawn(async move {
            let started = start(&handle, launch).await.unwrap();
            assert_eq!(read(&handle, &started.output, b"ready\n".len()).await, "ready\n");
            to.replace(Some(started.child.id()));
            std::future::pending::<()>().await;
            drop(started);
        });
        let known = Rc::clone(&number);
        self.turn_until(move || known.borrow().is_some());
        (number.take().unwrap(), task)
    }
}

/// A child that a task keeps.
struct Kept {
    watched: Watched,
    task: crate::runtime::TaskId,
}

/// A process, seen from beside.
struct Watched {
    number: u32,
    pidfd: OwnedFd,
}

fn watch(number: u32) -> Watched {
    let pid = Pid::from_raw(i32::try_from(number).unwrap()).unwrap();
    Watched { number, pidfd: rustix::process::pidfd_open(pid, PidfdFlags::empty()).unwrap() }
}

impl Watched {
    fn runs(&self) -> bool {
        let mut polled = [PollFd::new(&self.pidfd, PollFlags::IN)];
        rustix::event::poll(&mut polled, Some(&Timespec::default())).unwrap() == 0
    }

    /// It has ended and was waited for.
    fn is_gone(&self) -> bool {
        !fs::exists(format!("/proc/{}", self.number)).unwrap()
    }
}

/// `sh -c SCRIPT`, with a grace of two seconds.
fn shell(script: &str, input: Input) -> Launch {
    Launch {
        program: "/bin/sh".into(),
        arguments: ["-c".into(), script.into()].into(),
        environment: vec![("A".into(), "b".into()), ("PATH".into(), "/usr/bin:/bin".into())],
        folder: "/".into(),
        input,
        errors: true,
        limits: ChildLimits::default(),
        grace: Duration::from_secs(2),
    }
}

/// So many bytes, or all up to the end.
async fn read(handle: &Handle, pipe: &PipeReader, length: usize) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let count = poll_fn(|_| {
            handle.with_scratch(|memory| {
                let read = pipe.poll_read(memory);
                if let Poll::Ready(Ok(count)) = read {
                    bytes.extend_from_slice(&memory[..count]);
                }
                read
            })
        });
        if count.await.unwrap() == 0 {
            break;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// What a script writes, and how it ended.
async fn output(handle: &Handle, launch: Launch) -> (String, ExitStatus) {
    let started = start(handle, launch).await.unwrap();
    let text = read(handle, &started.output, usize::MAX).await;
    poll_fn(|_| started.child.poll_exit()).await;
    (text, started.child.reap().unwrap())
}

#[test]
fn a_child_reads_and_writes_and_tells_how_it_ended() {
    let (text, status) = Machine::new().run(async |handle| {
        let mut started =
            start(&handle, shell("read line; echo \"$line, $A\"; pwd; exit 3", Input::Pipe)).await.unwrap();
        let input = started.input.take().unwrap();
        assert_eq!(poll_fn(|_| input.poll_write(b"hello\n")).await.unwrap(), 6);
        drop(input);
        let text = read(&handle, &started.output, usize::MAX).await;
        poll_fn(|_| started.child.poll_exit()).await;
        (text, started.child.reap().unwrap())
    });
    assert_eq!((&*text, status.code()), ("hello, b\n/\n", Some(3)));
}

#[test]
fn a_child_reads_a_file_from_its_beginning() {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, b"from a file").unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let (text, _) =
        Machine::new().run(async move |handle| output(&handle, shell("cat", Input::File(file.into()))).await);
    assert_eq!(text, "from a file");
}

#[test]
fn a_child_has_no_more_than_its_three_streams_and_its_environment() {
    keep_descriptors_from_children();
    let (text, _) =
        Machine::new().run(async |handle| output(&handle, shell("ls /proc/$$/fd; env", Input::Nothing)).await);
    let lines: Vec<&str> = text.lines().collect();
    let is_number = |line: &&&str| line.bytes().all(|byte| byte.is_ascii_digit());
    assert_eq!(lines.iter().filter(is_number).copied().collect::<Vec<_>>(), ["0", "1", "2"]);
    let mut names: Vec<&str> = lines.iter().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(names, ["A", "PATH", "PWD"], "the shell adds PWD");
}

#[test]
fn what_cannot_be_started_says_why() {
    let error = |program: &str| {
        let mut launch = shell("", Input::Nothing);
        launch.program = program.into();
        Machine::new().run(async |handle| match start(&handle, launch).await {
            Err(StartError::System(error)) => error.kind(),
            Err(StartError::Busy(error)) => panic!("{error}"),
            Ok(_) => panic!("it was started"),
        })
    };
    assert_eq!(error("/nowhere/at/all"), io::ErrorKind::NotFound);
    assert_eq!(error("/etc/passwd"), io::ErrorKind::PermissionDenied);
}

#[test]
fn limits_hold_for_the_child() {
    let mut launch = shell("sleep 0.01; ulimit -v; ulimit -t; ulimit -S -t", Input::Nothing);
    launch.limits = ChildLimits { memory_bytes: Some(64 << 20), cpu_seconds: Some(5), processes: None };
    let (text, _) = Machine::new().run(async move |handle| output(&handle, launch).await);
    assert_eq!(text.lines().next(), Some("65536"));
    assert!(text.lines().any(|line| line == "5"), "{text}");
}

#[test]
fn a_dropped_child_is_told_to_end_and_reaped() {
    let mut machine = Machine::new();
    let kept = machine.keep("echo ready; exec sleep 1000");
    assert!(machine.handle.cancel(kept.task));
    machine.turn_until(|| !kept.watched.runs());
    machine.pass(Duration::from_secs(2));
    machine.turn_until(|| kept.watched.is_gone());
    assert_eq!(machine.handle.tasks(), 0);
}

#[test]
fn a_child_that_does_not_end_is_killed_after_the_grace_with_what_it_started() {
    let mut machine = Machine::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!(
        "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > {0}; echo ready; while :; do sleep 1; done' & wait",
        file.display()
    );
    let kept = machine.keep(&script);
    let other = watch(fs::read_to_string(&file).unwrap().trim().parse().unwrap());
    machine.handle.cancel(kept.task);
    machine.pass(Duration::from_millis(1900));
    assert!(kept.watched.runs() && other.runs());
    machine.pass(Duration::from_millis(200));
    machine.turn_until(|| kept.watched.is_gone());
    machine.turn_until(|| !other.runs());
}

#[test]
fn a_child_that_has_ended_leaves_alone_what_it_started() {
    let mut machine = Machine::new();
    let (number, _) = machine.run(async |handle| {
        let started = start(&handle, shell("sleep 1000 >/dev/null 2>&1 & echo $!", Input::Nothing)).await.unwrap();
        let number = read(&handle, &started.output, usize::MAX).await;
        poll_fn(|_| started.child.poll_exit()).await;
        (number, started.child.reap())
    });
    let other = watch(number.trim().parse().unwrap());
    assert!(other.runs());
    rustix::process::pidfd_send_signal(&other.pidfd, Signal::KILL).unwrap();
}

#[test]
fn what_is_held_for_a_child_is_given_back_when_it_has_ended() {
    let mut machine = Machine::new();
    let held = Rc::new(());
    let place = Rc::clone(&held);
    let task = machine.run(async move |handle| {
        let mut started =
            start(&handle, shell("trap '' TERM; echo ready; while :; do sleep 1; done", Input::Nothing)).await.unwrap();
        started.child.hold(place);
        read(&handle, &started.output, 6).await;
        handle.spawn(async move {
            let _started = started;
            std::future::pending::<()>().await;
        })
    });
    machine.handle.cancel(task);
    assert_eq!(Rc::strong_count(&held), 2);
    machine.pass(Duration::from_millis(2100));
    let seen = Rc::clone(&held);
    machine.turn_until(move || Rc::strong_count(&seen) == 2);
}

#[test]
fn a_start_that_nobody_waits_for_any_more_leaves_no_child() {
    let begun = begin(shell("exec sleep 1000", Input::Nothing)).unwrap();
    let watched = watch(begun.parts.as_ref().unwrap().0.child.id());
    assert!(watched.runs());
    drop(begun);
    assert!(watched.is_gone());
}

#[test]
fn a_worker_that_ends_takes_its_children_with_it() {
    for script in ["echo ready; exec sleep 1000", "trap '' TERM; echo ready; while :; do sleep 1; done"] {
        let mut machine = Machine::new();
        let kept = machine.keep(script);
        drop(machine);
        assert!(kept.watched.is_gone(), "{script}");
    }
}
