//! Locks, threads and the clock, all that is taken of the system for waiting.

use std::io;
use std::sync::{PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// The model checker decides itself who runs when, and what time it is.
#[cfg(all(test, shuttle))]
use crate::models::system;
pub(crate) use system::{MutexGuard, now, sleep};

#[cfg(not(all(test, shuttle)))]
mod system {
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::thread::{Builder, sleep};
    use std::time::Instant;

    pub(crate) fn now() -> Instant {
        Instant::now()
    }
}

/// Starts a thread that nobody waits for.
pub(crate) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = system::Builder::new().name(name.to_owned());
    thread.spawn(work).map(drop)
}

/// A lock that goes on behind a panic: what it guards says by itself whether it is whole.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(system::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(system::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks. Should somebody have panicked while he held it, `mend` comes first.
    pub(crate) fn lock_mended(&self, mend: impl FnOnce(&mut T)) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(|poisoned| {
            let mut guard = poisoned.into_inner();
            mend(&mut guard);
            guard
        })
    }

    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Somebody who waits: for one thing, with a condition variable of his own.
#[derive(Debug, Default)]
pub(crate) struct Sleeper(system::Condvar);

impl Sleeper {
    /// Sleeps until woken, until `deadline` at most.
    pub(crate) fn sleep<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, T> {
        let Some(deadline) = deadline else {
            let woken = self.0.wait(guard);
            return woken.unwrap_or_else(PoisonError::into_inner);
        };
        let patience = deadline.saturating_duration_since(now());
        // Longer than any clock of the system counts is as good as this.
        let patience = patience.min(Duration::from_secs(1 << 30));
        let woken = self.0.wait_timeout(guard, patience);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn wake(&self) {
        self.0.notify_all();
    }
}
