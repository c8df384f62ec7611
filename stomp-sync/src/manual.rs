//! Working without threads of ours: whoever waits does the work.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stomp_session::engine::Work;

use crate::io::{Heard, left_until};
use crate::keeper;
use crate::shared::{Shared, State, earliest};
use crate::sync::{MutexGuard, Sleeper, now};
use crate::transport::Mode;

/// How soon whoever works looks again whether another thread has brought about something to do: he
/// sleeps in the transport, where nobody can wake him.
const SOON: Duration = Duration::from_millis(500);

impl Shared {
    /// Works until something may have changed, until `until` at most. Of several threads that wait,
    /// one works, and the others wait for what it brings about.
    pub(crate) fn work<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        sleeper: &Arc<Sleeper>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        let Some(working) = self.working.try_lock() else {
            let until = earliest(until, state.engine.poll_timeout());
            state.idle.push(sleeper.clone());
            state = sleeper.sleep(state, until);
            state.idle.retain(|idle| !Arc::ptr_eq(idle, sleeper));
            state.engine.handle_timeout(now());
            return state;
        };
        drop(state);
        self.guard(|| self.step(until));
        drop(working);
        // Behind the lock, so that nobody who has just failed to get it misses that it is free.
        let mut state = self.lock();
        if let Some(next) = state.idle.pop() {
            drop(state);
            next.wake();
            state = self.lock();
        }
        state
    }

    /// Does once what can be done at once, if no thread of ours does it.
    pub(crate) fn step_if_alone(&self) {
        if self.mode == Mode::Alone
            && let Some(_working) = self.working.try_lock()
        {
            self.guard(|| self.step(Some(now())));
        }
    }

    /// Writes, reads, dials and keeps time, once.
    fn step(&self, until: Option<Instant>) {
        let io = self.lock().io.clone();
        if let Some(io) = &io {
            io.write(self, Duration::ZERO, None);
            let wants = self.lock().engine.wants_read(io.link);
            if wants && io.read(self, Some(Duration::ZERO)) != Heard::Nothing {
                return self.finish_step();
            }
            self.with(|engine| {
                if engine.wants_read_dry(io.link) {
                    engine.handle_read_dry(io.link, now());
                }
            });
        }
        if self.finish_step_if_any() {
            return;
        }
        let mut state = self.lock();
        let wants = io
            .as_ref()
            .is_some_and(|io| state.engine.wants_read(io.link));
        let writable = io.as_ref().is_none_or(|io| !io.is_writing());
        let until = earliest(until, state.engine.sleep(writable));
        let after = state.after();
        if !after.is_nothing() {
            drop(state);
            return self.deliver(after);
        }
        match io {
            Some(io) if wants || io.is_writing() => {
                drop(state);
                let patience = left_until(until).map_or(SOON, |left| left.min(SOON));
                io.wait(wants, Some(patience));
            }
            _ => {
                let soon = now().checked_add(SOON);
                drop(self.keeper.sleep(state, earliest(until, soon)));
            }
        }
        self.finish_step();
    }

    fn finish_step(&self) {
        self.finish_step_if_any();
    }

    /// Does what is due, and says whether there was any.
    fn finish_step_if_any(&self) -> bool {
        let mut any = false;
        loop {
            let work = self.with(|engine| {
                engine.handle_timeout(now());
                engine.poll_work(now())
            });
            match work {
                None | Some(Work::End) => return any,
                Some(work) => {
                    any = true;
                    keeper::act(&self.share(), work);
                }
            }
        }
    }
}
