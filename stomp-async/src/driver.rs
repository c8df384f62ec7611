//! The task behind a client: it dials, moves octets and keeps time, as the engine wants it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use stomp_session::TransportError;
use stomp_session::engine::{AttemptId, Dial, Wake, Work};

use crate::dialler::{Dialler, Dialling};
use crate::link::Link;
use crate::runtime::{Timer, now};
use crate::shared::Shared;

pub(crate) struct Driver {
    shared: Arc<Shared>,
    dialler: Dialler,
    dialling: Option<(AttemptId, Dialling)>,
    /// The connection that is up, and those that are about to be closed.
    links: Vec<Link>,
    timer: Timer,
    /// What the timer is set to.
    due: Option<Instant>,
    /// The client is closed. What is left are links.
    over: bool,
}

/// How many slices are moved before other tasks of the runtime have their turn.
const ROUNDS: usize = 16;

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, dialler: Dialler) -> Self {
        Self {
            shared,
            dialler,
            dialling: None,
            links: Vec::new(),
            timer: Timer::after(Duration::ZERO),
            due: None,
            over: false,
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS {
            if self.go_round(cx) {
                continue;
            }
            if self.over && self.links.is_empty() {
                return Poll::Ready(());
            }
            // What is there was read, so that time may be judged.
            if !self.keep_time() && self.sleep(cx) {
                return Poll::Pending;
            }
        }
        // Not even a flood stops the clock.
        self.keep_time();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Driver {
    /// Does whatever can be done without waiting, a slice of each. Says whether that was anything.
    fn go_round(&mut self, cx: &mut Context<'_>) -> bool {
        let mut any = self.work();
        any |= self.dial(cx);
        for link in &mut self.links {
            any |= link.poll(cx, &self.shared);
        }
        self.links.retain(|link| !link.is_closed());
        any
    }

    /// Takes what the engine wants to be done.
    fn work(&mut self) -> bool {
        let mut any = false;
        let now = now();
        let shared = self.shared.clone();
        let next = || {
            shared.with(|state| {
                state.engine.wake_up();
                state.engine.poll_work(now)
            })
        };
        while let Some(work) = next() {
            any = true;
            match work {
                Work::Dial(Dial {
                    attempt, broker, ..
                }) => self.dialling = Some((attempt, self.dialler.open(broker))),
                Work::CancelDial(attempt) => {
                    let is_it = |(dialling, _): &mut (AttemptId, _)| *dialling == attempt;
                    drop(self.dialling.take_if(is_it));
                }
                Work::Close { link, flush } => {
                    let mut links = self.links.iter_mut();
                    if let Some(link) = links.find(|open| open.id() == link) {
                        link.close(flush);
                    }
                }
                Work::End => {
                    self.over = true;
                    self.dialling = None;
                }
            }
        }
        any
    }

    /// Goes on opening a transport.
    fn dial(&mut self, cx: &mut Context<'_>) -> bool {
        let Some((attempt, dialling)) = &mut self.dialling else {
            return false;
        };
        let attempt = *attempt;
        let Poll::Ready(dialled) = dialling.as_mut().poll(cx) else {
            return false;
        };
        self.dialling = None;
        let now = now();
        match dialled {
            Ok(opened) => {
                let info = opened.info;
                let dialled = self
                    .shared
                    .with(|state| state.engine.handle_dialled(attempt, info, now));
                self.links.extend(dialled.map(|id| Link::new(id, opened)));
            }
            Err(error) => {
                let why = TransportError::from(&error).to_string();
                self.shared
                    .with(|state| state.engine.handle_dial_failed(attempt, why, now));
            }
        }
        true
    }

    /// Does what is due. Says whether anything was.
    fn keep_time(&mut self) -> bool {
        let now = now();
        self.shared.with(|state| {
            let due = state.engine.poll_timeout();
            let is_due = due.is_some_and(|due| due <= now);
            if is_due {
                state.engine.handle_timeout(now);
            }
            is_due
        })
    }

    /// Goes to sleep, until there is something to do. Says whether there was nothing by now.
    fn sleep(&mut self, cx: &mut Context<'_>) -> bool {
        let waker = cx.waker().clone();
        let links = &self.links;
        let writable = links.iter().any(Link::is_writable);
        let (due, behind, _before) = self.shared.with(|state| {
            let before = state.wakers.keep(Wake::Driver, waker);
            let due = state.engine.sleep(writable);
            let behind = links.iter().any(|link| link.is_behind(&state.engine));
            (due, behind, before)
        });
        let closing = links.iter().filter_map(Link::deadline);
        let due = due.into_iter().chain(closing).min();
        if let Some(due) = due.filter(|_| due != self.due) {
            self.timer.reset(due);
        }
        self.due = due;
        let is_due = due.is_some() && self.timer.poll(cx).is_ready();
        !behind && !is_due
    }
}

/// Whoever waits learns that nobody works for them any more: the runtime ends, or the transport has
/// panicked. Once the client is closed this is nothing new.
impl Drop for Driver {
    fn drop(&mut self) {
        let why = match std::thread::panicking() {
            true => "it panicked",
            false => "its runtime ended",
        };
        self.shared
            .with(|state| state.engine.handle_driver_gone(why));
    }
}
