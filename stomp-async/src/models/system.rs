//! A lock, the clock, timers and tasks, as `runtime` wants them, of the checker's making.

use std::cell::RefCell;
use std::sync::LockResult;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use shuttle::future::{JoinHandle, block_on};

use super::clock::{self, Wait};

pub(crate) use shuttle::sync::MutexGuard;

/// As the checker has it, but that nobody panics here and goes on.
#[derive(Debug)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.0.lock()
    }

    pub(crate) fn clear_poison(&self) {}
}

pub(crate) fn now() -> Instant {
    clock::now()
}

#[derive(Debug)]
pub(crate) struct Timer {
    due: Instant,
    wait: Option<Wait>,
}

impl Timer {
    pub(crate) fn after(time: Duration) -> Self {
        let due = now() + time;
        Self { due, wait: None }
    }

    pub(crate) fn reset(&mut self, due: Instant) {
        self.due = due;
        self.wait = None;
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.wait = None;
        if self.due <= now() {
            return Poll::Ready(());
        }
        self.wait = Some(Wait::until(self.due, false, cx.waker().clone()));
        Poll::Pending
    }
}

thread_local! {
    /// The tasks that were started.
    static STARTED: RefCell<Vec<JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    let task = shuttle::future::spawn(task);
    STARTED.with_borrow_mut(|started| started.push(task));
}

/// Waits for all of them: a client that is closed leaves none behind.
pub(crate) fn join_all() {
    while let Some(task) = STARTED.with_borrow_mut(Vec::pop) {
        // It has ended, or the model has ended it.
        let _ = block_on(task);
    }
}

/// Ends the task that was started first, which is the client's, as a runtime does that ends.
pub(crate) fn end_runtime() {
    let driver = STARTED.with_borrow(|started| started[0].abort_handle());
    driver.abort();
}
