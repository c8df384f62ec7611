//! The engine behind its lock, and whoever waits for it.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use stomp_session::engine::{Engine, Event, Settle, Wake};
use stomp_session::{AckToken, Settled, Verdict};

use crate::runtime::{Mutex, MutexGuard, now};
use crate::wakers::Wakers;
use crate::{Error, log};

/// What all handles of a client and its driver work on.
pub(crate) struct Shared(Mutex<State>);

pub(crate) struct State {
    pub(crate) engine: Engine,
    pub(crate) wakers: Wakers,
}

/// What somebody who looks has found.
#[derive(Debug)]
pub(crate) enum Look<T> {
    Found(T),
    /// Nothing yet. This will tell when to look again.
    Later(Wake),
}

impl Shared {
    pub(crate) fn new(engine: Engine) -> Arc<Self> {
        let wakers = Wakers::default();
        Arc::new(Self(Mutex::new(State { engine, wakers })))
    }

    /// Works on the engine, and lets the consequences take place when the lock is released: wakers,
    /// what is dropped and what is logged may be the code of somebody else, who may come back here.
    ///
    /// No waker may be cloned in `work`, and nothing dropped that came from the application.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut panicked = Panicked { shared: Some(self) };
        let (result, consequences) = {
            let mut state = self.lock();
            let result = work(&mut state);
            (result, Consequences::of(&mut state))
        };
        panicked.shared = None;
        consequences.take_place();
        result
    }

    /// Looks for something, and leaves the waker there if it is not there yet.
    ///
    /// Looks twice, since a waker cannot be cloned under the lock: what comes in between is found
    /// the second time. Whoever finds it the first time clones nothing.
    pub(crate) fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        mut look: impl FnMut(&mut Engine, Instant) -> Look<T>,
    ) -> Poll<T> {
        let now = now();
        let first = self.with(|state| match look(&mut state.engine, now) {
            Look::Later(wake) if state.wakers.has(wake, cx.waker()) => None,
            found => Some(found),
        });
        match first {
            Some(Look::Found(found)) => return Poll::Ready(found),
            Some(Look::Later(_)) => {}
            None => return Poll::Pending,
        }
        let waker = cx.waker().clone();
        let (found, _spare) = self.with(|state| match look(&mut state.engine, now) {
            Look::Found(found) => (Poll::Ready(found), Some(waker)),
            Look::Later(wake) => (Poll::Pending, state.wakers.keep(wake, waker)),
        });
        found
    }

    /// Whoever has left a waker there does not wait any more; and what else is to be said about it.
    pub(crate) fn leave(&self, wake: Wake, say: impl FnOnce(&mut Engine, Instant)) {
        let now = now();
        drop(self.with(|state| {
            say(&mut state.engine, now);
            state.wakers.forget(wake)
        }));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| {
            self.0.clear_poison();
            give_up(poisoned)
        })
    }
}

/// Shows nothing: in what waits to be written there may be a passcode.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Somebody has panicked in the middle of something: nothing of it is used any more.
fn give_up(poisoned: PoisonError<MutexGuard<'_, State>>) -> MutexGuard<'_, State> {
    let mut state = poisoned.into_inner();
    state.engine.handle_panic("a call panicked in it");
    state
}

/// Tells everybody who waits, unless it is known that nobody has panicked under the lock.
struct Panicked<'a> {
    shared: Option<&'a Shared>,
}

impl Drop for Panicked<'_> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared {
            let consequences = Consequences::of(&mut shared.lock());
            consequences.take_place();
        }
    }
}

/// What is to be done without the lock.
struct Consequences {
    wakers: Vec<Waker>,
    events: Vec<Event>,
    /// May belong to somebody who wants to know when it goes.
    _garbage: Vec<Bytes>,
}

impl Consequences {
    fn of(state: &mut State) -> Self {
        let State { engine, wakers } = state;
        let mut woken = Vec::new();
        while let Some(wake) = engine.poll_wake() {
            wakers.take(wake, &mut woken);
        }
        Self {
            wakers: woken,
            events: std::iter::from_fn(|| engine.poll_log()).collect(),
            _garbage: std::iter::from_fn(|| engine.poll_garbage()).collect(),
        }
    }

    fn take_place(self) {
        self.wakers.into_iter().for_each(Waker::wake);
        self.events.iter().for_each(log::event);
    }
}

/// What every handle, subscription and message has: the client lives as long as one of them.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Settle for Handle {
    fn settle(&self, verdict: Verdict, token: &AckToken) -> Result<Settled, Error> {
        let now = now();
        self.shared
            .with(|state| state.engine.settle(verdict, token, now))
    }

    fn release(&self, token: &AckToken) {
        let now = now();
        self.shared.with(|state| state.engine.release(token, now));
    }

    fn is_stale(&self, token: &AckToken) -> bool {
        self.shared.with(|state| state.engine.is_stale(token))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let now = now();
        self.shared.with(|state| state.engine.handle_abandoned(now));
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicBool, Ordering};

    use stomp_session::engine::{Cause, Settings};

    use super::*;
    use crate::call::Call;

    #[derive(Default)]
    struct Flag(AtomicBool);

    impl std::task::Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_panic_under_the_lock_is_told_to_whoever_waits() {
        let uri = "stomp://broker".parse().unwrap();
        let mut engine = Engine::new(Settings::default(), uri, 1, now()).unwrap();
        let op = engine.connect(now());
        let shared = Shared::new(engine);
        let handle = Arc::new(Handle {
            shared: shared.clone(),
        });
        let mut waiting = [Call::asked(handle.clone(), op), Call::new(handle.clone())];
        let flags: Vec<_> = waiting.iter().map(|_| Arc::<Flag>::default()).collect();
        let mut poll = |n: usize| {
            let waker = Waker::from(flags[n].clone());
            let command = stomp_commands::Send::to("/queue/a");
            waiting[n].poll(&mut Context::from_waker(&waker), |engine, place, now| {
                engine.send(&command, true, None, place, now)
            })
        };
        assert!(poll(0).is_pending() && poll(1).is_pending());
        let panics = AssertUnwindSafe(|| shared.with(|_| panic!("as the test wants it")));
        catch_unwind(panics).unwrap_err();
        for (n, flag) in flags.iter().enumerate() {
            assert!(flag.0.load(Ordering::Relaxed), "{n} is not woken");
            let Poll::Ready(Err(error)) = poll(n) else {
                panic!("{n} waits on");
            };
            assert!(
                error.to_string().contains("a call panicked in it"),
                "{error}"
            );
        }
        assert!(shared.with(|state| matches!(state.engine.end(), Some(Cause::DriverGone(_)))));
    }

    #[test]
    fn whoever_looks_again_with_the_same_waker_leaves_no_other() {
        let uri = "stomp://broker".parse().unwrap();
        let mut engine = Engine::new(Settings::default(), uri, 1, now()).unwrap();
        let op = engine.connect(now());
        let shared = Shared::new(engine);
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(flag.clone());
        let mut looks = 0;
        for _ in 0..3 {
            let polled = shared.poll(&mut Context::from_waker(&waker), |_, _| {
                looks += 1;
                Look::<()>::Later(Wake::Operation(op))
            });
            assert!(polled.is_pending());
        }
        assert_eq!(looks, 4, "twice only the first time");
        assert_eq!(Arc::strong_count(&flag), 3, "it was cloned once");
    }
}
