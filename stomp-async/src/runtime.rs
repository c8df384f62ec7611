//! All that is taken of the runtime and of the system for waiting: a lock, the clock, timers, a task.

/// The model checker decides itself who runs when, and what time it is.
#[cfg(all(test, shuttle))]
use crate::models::system;
pub(crate) use system::{Mutex, MutexGuard, Timer, now, spawn};

#[cfg(not(all(test, shuttle)))]
mod system {
    pub(crate) use std::sync::{Mutex, MutexGuard};

    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::{Duration, Instant};

    use tokio::time::{Sleep, sleep};

    /// The time: tokio's, so that tests can stop it.
    pub(crate) fn now() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    /// Starts a task that nobody waits for.
    pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    /// Wakes whoever has polled it last, when its time has come.
    #[derive(Debug)]
    pub(crate) struct Timer(Pin<Box<Sleep>>);

    impl Timer {
        pub(crate) fn after(time: Duration) -> Self {
            Self(Box::pin(sleep(time)))
        }

        pub(crate) fn reset(&mut self, due: Instant) {
            self.0.as_mut().reset(due.into());
        }

        pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
            self.0.as_mut().poll(cx)
        }
    }
}
