//! What the handles and the threads of a client share: one engine behind one lock, and those who
//! wait.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use stomp_session::engine::{Cause, Engine, Error, Event, Level, OpId, Outcome, Sent, Wake};

use crate::dial::Dialler;
use crate::io::{HasEngine, Io, Wrote};
use crate::sync::{Mutex, MutexGuard, Sleeper, now};
use crate::transport::{Mode, SLICE};

pub(crate) struct Shared {
    /// For the threads that it starts.
    me: Weak<Self>,
    state: Mutex<State>,
    pub(crate) dialler: Dialler,
    pub(crate) mode: Mode,
    /// The thread that writes and keeps time.
    pub(crate) keeper: Sleeper,
    /// The thread that reads, while it must not.
    pub(crate) reader: Sleeper,
    /// Held by whoever does the work, where no thread of ours does.
    pub(crate) working: Mutex<()>,
}

pub(crate) struct State {
    pub(crate) engine: Engine,
    /// The connection that is up.
    pub(crate) io: Option<Arc<Io>>,
    /// Who waits for what.
    sleepers: HashMap<Wake, Arc<Sleeper>>,
    /// Who waits for anything.
    watchers: Vec<Arc<Sleeper>>,
    /// Who waits while another one does the work.
    pub(crate) idle: Vec<Arc<Sleeper>>,
}

/// What is to be done when the lock is released: waking, logging, and dropping what may be the
/// user's, none of which may happen under it.
#[derive(Default)]
pub(crate) struct After {
    sleepers: Vec<Arc<Sleeper>>,
    driver: bool,
    reader: bool,
    garbage: Vec<Bytes>,
    log: Vec<Event>,
}

impl Shared {
    pub(crate) fn new(engine: Engine, dialler: Dialler, mode: Mode) -> Arc<Self> {
        let state = State {
            engine,
            io: None,
            sleepers: HashMap::new(),
            watchers: Vec::new(),
            idle: Vec::new(),
        };
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            state: Mutex::new(state),
            dialler,
            mode,
            keeper: Sleeper::default(),
            reader: Sleeper::default(),
            working: Mutex::default(),
        })
    }

    /// For a thread that is started.
    pub(crate) fn share(&self) -> Arc<Self> {
        self.me.upgrade().expect("whoever calls holds one")
    }

    /// Locks. Should somebody have panicked while he held it, nothing half changed is used.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock_mended(|state| state.engine.handle_panic("a call panicked in it"))
    }

    /// Does something with the engine, and what follows from it.
    pub(crate) fn with<T>(&self, call: impl FnOnce(&mut Engine) -> T) -> T {
        let _panicked = Panicked(self);
        let mut state = self.lock();
        let result = call(&mut state.engine);
        let after = state.after();
        drop(state);
        self.deliver(after);
        result
    }

    /// The same for a call of the application: without threads of ours, it writes by itself.
    pub(crate) fn call<T>(&self, call: impl FnOnce(&mut Engine) -> T) -> T {
        let mut state = self.lock();
        let result = call(&mut state.engine);
        let after = state.after();
        drop(state);
        self.deliver_and_flush(after);
        result
    }

    fn deliver_and_flush(&self, after: After) {
        self.deliver(after);
        if self.mode == Mode::Alone {
            self.flush();
        }
    }

    /// Wakes, logs and drops.
    pub(crate) fn deliver(&self, after: After) {
        for sleeper in after.sleepers {
            sleeper.wake();
        }
        if after.driver {
            self.keeper.wake();
        }
        if after.reader {
            self.reader.wake();
        }
        for event in after.log {
            log(&event);
        }
    }

    /// Writes what can be written without waiting.
    fn flush(&self) {
        let io = self.lock().io.clone();
        if let Some(io) = io {
            self.guard(|| io.write(self, Duration::ZERO, None));
        }
    }

    /// Does work in a thread of the application's. Should the transport panic, that is not its
    /// fault: the client is closed, as when a thread of ours panics.
    pub(crate) fn guard<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(work));
        if done.is_err() {
            self.give_up("its transport panicked");
        }
        done.ok()
    }

    /// Waits for what `key` stands for, until `until` at most: `look` tells whether it has come.
    pub(crate) fn wait<T>(
        &self,
        key: Wake,
        until: Option<Instant>,
        mut look: impl FnMut(&mut Engine) -> Option<T>,
    ) -> Option<T> {
        let mut sleeper: Option<Arc<Sleeper>> = None;
        let mut state = self.lock();
        loop {
            let found = look(&mut state.engine);
            let late = until.is_some_and(|until| until <= now());
            if found.is_some() || late {
                if let Some(sleeper) = &sleeper {
                    state.forget(key, sleeper);
                }
                let after = state.after();
                drop(state);
                self.deliver(after);
                return found;
            }
            let after = state.after();
            if !after.is_nothing() {
                drop(state);
                self.deliver(after);
                if self.mode == Mode::Alone {
                    self.flush();
                }
                state = self.lock();
                continue;
            }
            let due = match key {
                Wake::Operation(op) => state.engine.deadline(op),
                _ => None,
            };
            let sleeper = sleeper.get_or_insert_with(Arc::default);
            state.remember(key, sleeper);
            let earliest = earliest(until, due);
            state = match self.mode {
                Mode::Threads => sleeper.sleep(state, earliest),
                Mode::Alone => self.work(state, sleeper, earliest),
            };
            if due.is_some_and(|due| due <= now()) {
                // It does not depend on the thread that keeps time.
                state.engine.handle_timeout(now());
            }
        }
    }

    /// Does something with the engine that may be answered. Whoever waits for an answer writes his
    /// frame by himself: that is one thread less to wait for.
    fn ask(&self, command: impl FnOnce(&mut Engine) -> Result<Sent, Error>) -> Result<Sent, Error> {
        let mut state = self.lock();
        let sent = command(&mut state.engine);
        let mut after = state.after();
        let (io, due) = match sent {
            Ok(Sent::Asked(op)) if after.driver => (state.io.clone(), state.engine.deadline(op)),
            _ => (None, None),
        };
        drop(state);
        after.driver &= io.is_none();
        self.deliver(after);
        if let Some(io) = io {
            // What others have to say is written along, but for no longer than he has time.
            let until = earliest(now().checked_add(SLICE), due);
            match self.guard(|| io.write(self, SLICE, until)) {
                Some(Wrote::All) => self.with(Engine::sleep_on),
                _ => {
                    // Behind the lock, or he who is about to sleep may miss it.
                    drop(self.lock());
                    self.keeper.wake();
                }
            }
        }
        sent
    }

    /// Enters a command, having waited in the line for it if need be. Returns what to wait for, if
    /// there is an answer.
    pub(crate) fn enter(
        &self,
        mut command: impl FnMut(&mut Engine, Option<OpId>) -> Result<Sent, Error>,
    ) -> Result<Option<OpId>, Error> {
        let mut place = None;
        loop {
            let command = |engine: &mut Engine| command(engine, place);
            let sent = match self.mode {
                Mode::Threads => self.ask(command),
                Mode::Alone => self.call(command),
            };
            match sent? {
                Sent::Done => return Ok(None),
                Sent::Asked(op) => return Ok(Some(op)),
                Sent::Wait(op) => {
                    place = Some(op);
                    let is_turn = |engine: &mut Engine| engine.is_turn(op).then_some(());
                    self.wait(Wake::Operation(op), None, is_turn);
                }
            }
        }
    }

    /// Waits for the end of an operation.
    pub(crate) fn answer(&self, op: OpId) -> Result<Outcome, Error> {
        let outcome = |engine: &mut Engine| engine.outcome(op);
        let result = self.wait(Wake::Operation(op), None, outcome);
        result.unwrap_or_else(|| Err(self.closed()))
    }

    /// Waits until the client is closed.
    pub(crate) fn wait_for_end(&self) {
        let is_over = |engine: &mut Engine| {
            engine.watch();
            engine.end().is_some().then_some(())
        };
        self.wait(Wake::Watcher, None, is_over);
    }

    /// Tells everybody that the client will never work again.
    pub(crate) fn give_up(&self, why: &'static str) {
        self.with(|engine| engine.handle_driver_gone(why));
    }

    /// Why the client is closed.
    pub(crate) fn closed(&self) -> Error {
        let cause = self.lock().engine.end().cloned();
        Error::Closed(cause.unwrap_or(Cause::Disconnected))
    }
}

impl HasEngine for Shared {
    fn with<T>(&self, call: impl FnOnce(&mut Engine) -> T) -> T {
        self.with(call)
    }
}

/// Tells everybody who waits when a call panics under the lock: nobody else would.
struct Panicked<'a>(&'a Shared);

impl Drop for Panicked<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut state = self.0.lock();
            let after = state.after();
            drop(state);
            self.0.deliver(after);
        }
    }
}

impl State {
    /// Collects what is to be done when the lock is released.
    pub(crate) fn after(&mut self) -> After {
        let mut after = After::default();
        while let Some(wake) = self.engine.poll_wake() {
            match wake {
                Wake::Driver => after.driver = true,
                Wake::Reader => after.reader = true,
                Wake::Watcher => after.sleepers.append(&mut self.watchers),
                Wake::Everybody => {
                    (after.driver, after.reader) = (true, true);
                    after
                        .sleepers
                        .extend(self.sleepers.drain().map(|(_, sleeper)| sleeper));
                    after.sleepers.append(&mut self.watchers);
                    after.sleepers.append(&mut self.idle);
                }
                one => after.sleepers.extend(self.sleepers.remove(&one)),
            }
        }
        after
            .garbage
            .extend(std::iter::from_fn(|| self.engine.poll_garbage()));
        after
            .log
            .extend(std::iter::from_fn(|| self.engine.poll_log()));
        after
    }

    fn remember(&mut self, key: Wake, sleeper: &Arc<Sleeper>) {
        match key {
            Wake::Watcher => self.watchers.push(sleeper.clone()),
            key => drop(self.sleepers.insert(key, sleeper.clone())),
        }
    }

    fn forget(&mut self, key: Wake, sleeper: &Arc<Sleeper>) {
        self.sleepers.remove(&key);
        self.watchers
            .retain(|watcher| !Arc::ptr_eq(watcher, sleeper));
    }
}

impl After {
    pub(crate) fn is_nothing(&self) -> bool {
        let woken = self.driver || self.reader || !self.sleepers.is_empty();
        !woken && self.garbage.is_empty() && self.log.is_empty()
    }
}

/// One line for each event, without secrets.
fn log(event: &Event) {
    match event.level() {
        Level::Error => tracing::error!("{event}"),
        Level::Warn => tracing::warn!("{event}"),
        Level::Info => tracing::info!("{event}"),
        Level::Debug => tracing::debug!("{event}"),
    }
}

pub(crate) fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    [a, b].into_iter().flatten().min()
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
