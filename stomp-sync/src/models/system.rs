//! Locks, threads and the clock, as `sync` wants them, of the checker's making.

use std::cell::RefCell;
use std::sync::{Arc, LockResult, PoisonError};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use shuttle::thread::JoinHandle;

use super::clock::{self, Wait};

pub(crate) use shuttle::sync::{Mutex, MutexGuard};

pub(crate) fn now() -> Instant {
    clock::now()
}

pub(crate) fn sleep(time: Duration) {
    let (lock, nobody) = (Mutex::new(()), Condvar::default());
    let until = now() + time;
    let mut guard = lock.lock().expect("nobody else has it");
    while let Some(left) = until
        .checked_duration_since(now())
        .filter(|left| !left.is_zero())
    {
        guard = match nobody.wait_timeout(guard, left) {
            Ok((guard, ())) => guard,
            Err(_) => unreachable!("nobody else has it"),
        };
    }
}

/// The checker's never wakes by itself.
#[derive(Debug, Default)]
pub(crate) struct Condvar(Arc<Alarm>);

#[derive(Debug, Default)]
struct Alarm(shuttle::sync::Condvar);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.notify_all();
    }
}

impl Condvar {
    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.0.wait(guard)
    }

    pub(crate) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        patience: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        if patience.is_zero() {
            return Ok((guard, ()));
        }
        let _wait = Wait::until(now() + patience, true, Waker::from(self.0.clone()));
        match self.wait(guard) {
            Ok(guard) => Ok((guard, ())),
            Err(poisoned) => Err(PoisonError::new((poisoned.into_inner(), ()))),
        }
    }

    pub(crate) fn notify_all(&self) {
        self.0.0.notify_all();
    }
}

thread_local! {
    /// The threads that the client has started.
    static STARTED: RefCell<Vec<JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
    /// What those are called that have not ended.
    static RUNNING: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// How many threads of this name have not ended.
pub(crate) fn running(name: &str) -> usize {
    RUNNING.with_borrow(|running| running.iter().filter(|one| *one == name).count())
}

#[derive(Default)]
pub(crate) struct Builder(String);

impl Builder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn name(self, name: String) -> Self {
        Self(name)
    }

    pub(crate) fn spawn(self, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let Self(name) = self;
        RUNNING.with_borrow_mut(|running| running.push(name.clone()));
        let thread = shuttle::thread::Builder::new().name(name.clone());
        let thread = thread.spawn(move || {
            work();
            RUNNING.with_borrow_mut(|running| {
                let place = running.iter().position(|one| *one == name);
                running.swap_remove(place.expect("it was running"));
            });
        })?;
        STARTED.with_borrow_mut(|started| started.push(thread));
        Ok(())
    }
}

/// Waits for all of them: a client that is closed leaves none behind.
pub(crate) fn join_all() {
    while let Some(thread) = STARTED.with_borrow_mut(Vec::pop) {
        thread.join().expect("it has not panicked");
    }
}
