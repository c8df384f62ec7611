use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::{Broker, Config, ConnectionId};

/// The broker, and everybody who waits for it: one lock, never held across I/O or foreign code.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// For blocking readers, writers and tests.
    changed: Condvar,
    /// For the thread that watches the timers of blocking links.
    timers: Condvar,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) broker: Broker,
    waiting: BTreeMap<ConnectionId, Waiting>,
    /// Tests that wait for a condition.
    watchers: Vec<Waker>,
    /// Tasks that wait for the end, or for connections to be refused.
    control_watchers: Vec<Waker>,
    /// The ports, each with its node and whether it is open.
    ports: BTreeMap<usize, (usize, bool)>,
    /// How many threads sleep on `changed`.
    sleepers: usize,
    /// Whether the timer thread runs, and until when it sleeps.
    timer_thread: Option<Option<Instant>>,
    stopped: bool,
}

impl State {
    fn ports_are_settled(&self) -> bool {
        let mut ports = self.ports.values();
        ports.all(|(node, open)| *open != self.broker.refuses(*node))
    }

    /// When the timer thread has something to do.
    fn next_deadline(&self) -> Option<Instant> {
        self.waiting
            .iter()
            .filter(|(_, waiting)| waiting.blocking)
            .filter_map(|(id, _)| self.broker.poll_timeout(*id))
            .min()
    }
}

/// Who waits for something to happen on a connection.
#[derive(Debug, Default)]
struct Waiting {
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// The timer's task, and the deadline it sleeps to.
    timer: Option<(Waker, Option<Instant>)>,
    /// Its timer is watched by the thread.
    blocking: bool,
}

impl Shared {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                broker: Broker::new(config),
                waiting: BTreeMap::new(),
                watchers: Vec::new(),
                control_watchers: Vec::new(),
                ports: BTreeMap::new(),
                sleepers: 0,
                timer_thread: None,
                stopped: false,
            }),
            changed: Condvar::new(),
            timers: Condvar::new(),
        })
    }

    /// Works with the broker, and wakes whoever has something to do afterwards.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Broker) -> T) -> T {
        let mut state = self.lock();
        let result = work(&mut state.broker);
        self.publish(state);
        result
    }

    /// Looks at the broker without changing it.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Broker) -> T) -> T {
        look(&self.lock().broker)
    }

    /// Like [`with`](Self::with), but keeps the waker for later when the work is not done.
    pub(crate) fn poll_with<T>(
        &self,
        id: ConnectionId,
        who: Who,
        cx: &mut Context<'_>,
        work: impl FnOnce(&mut Broker) -> Poll<T>,
    ) -> Poll<T> {
        let mut state = self.lock();
        let result = work(&mut state.broker);
        if result.is_pending() {
            let waiting = state.waiting.entry(id).or_default();
            let waker = match who {
                Who::Reader => &mut waiting.reader,
                Who::Writer => &mut waiting.writer,
            };
            *waker = Some(cx.waker().clone());
        }
        self.publish(state);
        result
    }

    /// Blocks until the work is done, or until the deadline: then `None`.
    pub(crate) fn wait_with<T>(
        &self,
        deadline: Option<Instant>,
        mut work: impl FnMut(&mut Broker) -> Poll<T>,
    ) -> Option<T> {
        let mut state = self.lock();
        loop {
            let result = work(&mut state.broker);
            self.publish(state);
            if let Poll::Ready(result) = result {
                return Some(result);
            }
            state = self.lock();
            // Somebody may have changed the broker between the two locks.
            if let Poll::Ready(result) = work(&mut state.broker) {
                self.publish(state);
                return Some(result);
            }
            state.sleepers += 1;
            let mut expired = false;
            state = match deadline {
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    expired = left.is_zero();
                    let slept = self.changed.wait_timeout(state, left);
                    slept.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.sleepers -= 1;
            if expired {
                return None;
            }
        }
    }

    /// Resolves when `check` finds what it looks for. Wakes at every change of the broker.
    pub(crate) fn poll_watch<T>(
        &self,
        cx: &mut Context<'_>,
        check: impl FnOnce(&Broker) -> Option<T>,
    ) -> Poll<T> {
        let mut state = self.lock();
        match check(&state.broker) {
            Some(found) => Poll::Ready(found),
            None => {
                keep(&mut state.watchers, cx.waker());
                Poll::Pending
            }
        }
    }

    /// Ends everything that belongs to this broker.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.broker.close_all(Instant::now());
        let waiting = std::mem::take(&mut state.waiting);
        let mut wakers = std::mem::take(&mut state.watchers);
        wakers.append(&mut state.control_watchers);
        drop(state);
        for waiting in waiting.into_values() {
            wakers.extend(waiting.reader);
            wakers.extend(waiting.writer);
            wakers.extend(waiting.timer.map(|(waker, _)| waker));
        }
        wakers.into_iter().for_each(Waker::wake);
        self.changed.notify_all();
        self.timers.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Takes up a connection, unless the broker is gone or refuses.
    pub(crate) fn open(&self, node: usize, now: Instant) -> Option<ConnectionId> {
        let mut state = self.lock();
        if state.stopped || state.broker.refuses(node) {
            return None;
        }
        let id = state.broker.handle_open_at(node, now);
        self.publish(state);
        Some(id)
    }

    /// Like [`with`](Self::with), for work that may begin or end the refusal of connections; returns
    /// when ports are closed and opened accordingly.
    pub(crate) fn control<T>(&self, work: impl FnOnce(&mut Broker) -> T) -> T {
        const LIMIT: Duration = Duration::from_secs(5);
        let mut state = self.lock();
        let result = work(&mut state.broker);
        let wakers = std::mem::take(&mut state.control_watchers);
        self.publish(state);
        wakers.into_iter().for_each(Waker::wake);
        let state = self.lock();
        // Woken by `set_port` and `stop`.
        drop(self.changed.wait_timeout_while(state, LIMIT, |state| {
            !state.stopped && !state.ports_are_settled()
        }));
        result
    }

    /// Resolves when a node's port has to be closed (`refused`) or may be opened again; also when
    /// the broker has stopped.
    pub(crate) fn poll_refusal(
        &self,
        node: usize,
        refused: bool,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let mut state = self.lock();
        if state.stopped || state.broker.refuses(node) == refused {
            return Poll::Ready(());
        }
        keep(&mut state.control_watchers, cx.waker());
        Poll::Pending
    }

    /// Notes that a port of a node was opened or closed.
    pub(crate) fn set_port(&self, number: usize, node: usize, open: bool) {
        self.lock().ports.insert(number, (node, open));
        self.changed.notify_all();
    }

    /// Resolves when [`stop`](Self::stop) was called.
    pub(crate) fn poll_stopped(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.stopped {
            return Poll::Ready(());
        }
        keep(&mut state.control_watchers, cx.waker());
        Poll::Pending
    }

    /// Forgets who waits for a connection, as it is gone.
    pub(crate) fn forget(&self, id: ConnectionId) {
        self.lock().waiting.remove(&id);
    }

    /// Unlocks, and wakes whoever has something to do.
    fn publish(&self, mut state: MutexGuard<'_, State>) {
        let mut wakers = Wakers::default();
        let mut timer_moved = false;
        while let Some(id) = state.broker.poll_ready() {
            let State {
                broker,
                waiting,
                timer_thread,
                ..
            } = &mut *state;
            let Some(waiting) = waiting.get_mut(&id) else {
                continue;
            };
            wakers.extend(waiting.reader.take());
            wakers.extend(waiting.writer.take());
            let deadline = broker.poll_timeout(id);
            if let Some((_, armed)) = &waiting.timer
                && (is_earlier(deadline, *armed) || !broker.is_open(id))
            {
                wakers.extend(waiting.timer.take().map(|(waker, _)| waker));
            }
            if waiting.blocking && timer_thread.is_some_and(|armed| is_earlier(deadline, armed)) {
                timer_moved = true;
            }
        }
        wakers.0.append(&mut state.watchers);
        let sleepers = state.sleepers;
        drop(state);
        wakers.0.into_iter().for_each(Waker::wake);
        if sleepers > 0 {
            self.changed.notify_all();
        }
        if timer_moved {
            self.timers.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked inside the broker has failed already; the others may go on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The timers of the connections: a task of the user's runtime watches those of asynchronous links,
/// a thread of ours those of blocking ones.
impl Shared {
    /// Fires what is due on a connection, and says when to come again. The task is woken when that
    /// becomes earlier, and when the connection is gone.
    pub(crate) fn fire_timer(&self, id: ConnectionId, cx: &mut Context<'_>, now: Instant) -> Timer {
        let mut state = self.lock();
        if state.stopped || !state.broker.is_open(id) {
            return Timer::Gone;
        }
        state.broker.handle_timeout(id, now);
        let deadline = state.broker.poll_timeout(id);
        let waiting = state.waiting.entry(id).or_default();
        waiting.timer = Some((cx.waker().clone(), deadline));
        self.publish(state);
        deadline.map_or(Timer::Idle, Timer::At)
    }

    /// Has the timer of a connection watched by the thread, and starts it if need be.
    pub(crate) fn watch_from_thread(self: &Arc<Self>, id: ConnectionId) {
        let mut state = self.lock();
        state.waiting.entry(id).or_default().blocking = true;
        if state.timer_thread.is_none() {
            state.timer_thread = Some(None);
            let shared = Arc::clone(self);
            let thread = std::thread::Builder::new().name("stomp-testbroker timers".into());
            // Without the thread heart-beats are missing, and the test that needs them fails.
            drop(thread.spawn(move || shared.run_timers()));
        } else {
            drop(state);
            self.timers.notify_all();
        }
    }

    fn run_timers(&self) {
        let mut state = self.lock();
        while !state.stopped {
            let now = Instant::now();
            let ids: Vec<_> = state
                .waiting
                .iter()
                .filter_map(|(id, waiting)| waiting.blocking.then_some(*id))
                .collect();
            for id in &ids {
                state.broker.handle_timeout(*id, now);
            }
            self.publish(state);
            state = self.lock();
            if state.stopped {
                return;
            }
            // Under the lock that is given up only to sleep, so that no deadline set meanwhile is
            // missed.
            let next = state.next_deadline();
            state.timer_thread = Some(next);
            state = match next {
                None => self
                    .timers
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(next) => {
                    let left = next.saturating_duration_since(Instant::now());
                    let slept = self.timers.wait_timeout(state, left);
                    slept.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// Which half of a link waits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    Reader,
    Writer,
}

/// What a connection's timer is about to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Timer {
    At(Instant),
    Idle,
    /// The connection is closed.
    Gone,
}

/// Those to be woken once the lock is released.
#[derive(Debug, Default)]
struct Wakers(Vec<Waker>);

impl Wakers {
    fn extend(&mut self, waker: Option<Waker>) {
        self.0.extend(waker);
    }
}

/// Adds a waker, unless the same task waits already.
fn keep(wakers: &mut Vec<Waker>, waker: &Waker) {
    if !wakers.iter().any(|other| other.will_wake(waker)) {
        wakers.push(waker.clone());
    }
}

fn is_earlier(deadline: Option<Instant>, armed: Option<Instant>) -> bool {
    match (deadline, armed) {
        (Some(deadline), Some(armed)) => deadline < armed,
        (Some(_), None) => true,
        (None, _) => false,
    }
}
