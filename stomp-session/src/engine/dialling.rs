//! From the failover sequence to a link.

use std::time::{Duration, Instant};

use stomp_failover::Attempt;

use super::link::{Link, LinkId, LinkInfo};
use super::work::{AttemptId, Dial, Work};
use super::{Cause, Engine, Error, Event, OpId, Outcome, Stage};
use crate::Session;
use crate::engine::operation::Patience;

/// What is done about the next connection.
#[derive(Debug)]
pub(super) enum Dialling {
    /// Nothing: there is one, or none is wanted.
    Idle,
    /// It is decided where to connect, and when.
    Due {
        attempt: Attempt,
        /// `None`: later than any clock counts.
        at: Option<Instant>,
    },
    /// A driver opens a transport.
    Asked {
        id: AttemptId,
        attempt: Attempt,
        deadline: Option<Instant>,
    },
}

impl Engine {
    /// Begins to connect. The outcome comes with the first CONNECTED, or when no broker accepts by
    /// the rules of the URI. Later the engine reconnects by itself.
    ///
    /// To be called once.
    pub fn connect(&mut self, now: Instant) -> OpId {
        self.advance(now);
        let op = self.operations.add(Stage::Waiting, Patience::ENDLESS);
        self.connecting = Some(op);
        self.plan();
        self.settle_down();
        op
    }

    /// Decides on the next attempt.
    pub(super) fn plan(&mut self) {
        if self.end.is_some() || self.link.is_some() {
            return;
        }
        match self.failover.next() {
            Ok(attempt) => {
                if attempt.number > 1 || self.failover.has_ever_connected() {
                    self.tell(Event::Reconnecting {
                        broker: attempt.broker.clone(),
                        delay: attempt.delay,
                        attempt: attempt.number,
                    });
                }
                let at = self.now.checked_add(attempt.delay);
                self.dialling = Dialling::Due { attempt, at };
            }
            Err(exhausted) => {
                let exhausted = Box::new(exhausted);
                if let Some(op) = self.connecting.take() {
                    let error = Error::Connect(exhausted.clone());
                    self.operations.finish(op, Err(error), &mut self.wakes);
                }
                self.tell(Event::GaveUp {
                    exhausted: exhausted.clone(),
                });
                self.close(Cause::Exhausted(exhausted));
            }
        }
    }

    /// Asks a driver for a transport when it is time.
    pub(super) fn dial_if_due(&mut self) {
        match std::mem::replace(&mut self.dialling, Dialling::Idle) {
            Dialling::Due { attempt, at } if at.is_some_and(|at| at <= self.now) => {
                let id = AttemptId(self.next_id());
                let deadline = self.now.checked_add(self.settings.connect_timeout);
                self.work.push_back(Work::Dial(Dial {
                    attempt: id,
                    broker: attempt.broker.clone(),
                    deadline,
                }));
                self.dialling = Dialling::Asked {
                    id,
                    attempt,
                    deadline,
                };
            }
            Dialling::Asked {
                id,
                attempt,
                deadline,
            } if deadline.is_some_and(|deadline| deadline <= self.now) => {
                self.work.push_back(Work::CancelDial(id));
                let why = format!("no answer within {:?}", self.settings.connect_timeout);
                self.attempt_failed(&attempt, why);
            }
            other => self.dialling = other,
        }
    }

    pub(super) fn dial_deadline(&self) -> Option<Instant> {
        match &self.dialling {
            Dialling::Idle => None,
            Dialling::Due { at, .. } => *at,
            Dialling::Asked { deadline, .. } => *deadline,
        }
    }

    /// Gives up what is done about the next connection.
    pub(super) fn stop_dialling(&mut self) {
        if let Dialling::Asked { id, .. } = std::mem::replace(&mut self.dialling, Dialling::Idle) {
            self.work.push_back(Work::CancelDial(id));
        }
    }

    /// Takes note that a transport is open: CONNECT can be said. Without an answer nobody wants it
    /// any more, and the driver drops it.
    pub fn handle_dialled(
        &mut self,
        attempt: AttemptId,
        info: LinkInfo,
        now: Instant,
    ) -> Option<LinkId> {
        self.advance(now);
        let attempt = self.take_attempt(attempt)?;
        let broker = &attempt.broker;
        if broker.uses_tls() && !info.secure {
            let why = "the transport is not secure, as the scheme wants it to be: \
                       the passcode was not sent";
            self.attempt_failed(&attempt, why.to_owned());
            self.settle_down();
            return None;
        }
        let config = self.settings.session_for(broker, info.pieces);
        let subscriptions = std::mem::take(&mut self.subscriptions);
        let session = Session::connect(config, subscriptions, self.now);
        let session = session.expect("`new` has checked that CONNECT can be said");
        let id = LinkId(self.next_id());
        self.link = Some(Link::new(id, attempt, session));
        self.settle_down();
        Some(id)
    }

    /// Takes note that no transport could be opened, and why: one line without secrets.
    pub fn handle_dial_failed(&mut self, attempt: AttemptId, why: impl Into<String>, now: Instant) {
        self.advance(now);
        if let Some(attempt) = self.take_attempt(attempt) {
            self.attempt_failed(&attempt, why.into());
        }
        self.settle_down();
    }

    fn take_attempt(&mut self, wanted: AttemptId) -> Option<Attempt> {
        match std::mem::replace(&mut self.dialling, Dialling::Idle) {
            Dialling::Asked { id, attempt, .. } if id == wanted => Some(attempt),
            other => {
                self.dialling = other;
                None
            }
        }
    }

    pub(super) fn attempt_failed(&mut self, attempt: &Attempt, why: String) {
        self.failover.failed(attempt, &why);
        self.tell(Event::AttemptFailed {
            broker: attempt.broker.clone(),
            why,
        });
        self.plan();
    }

    /// CONNECTED came.
    pub(super) fn connected(&mut self) {
        let Some(link) = &mut self.link else { return };
        link.up = Some(self.now);
        self.failover.succeeded(&link.attempt);
        self.stats.connections += 1;
        if let Some(op) = self.connecting.take() {
            let connected = Ok(Outcome::Connected);
            self.operations.finish(op, connected, &mut self.wakes);
        }
        self.presume_silent_ones();
        self.begin_trial();
    }

    /// How long the connection was up, as far as the failover sequence is concerned: one on which
    /// the broker did its work was a good one, however soon it ended.
    pub(super) fn stable_for(&self, link: &Link) -> Duration {
        let lived = link.up.map_or(Duration::ZERO, |up| self.now - up);
        match link.proven && lived >= PROVEN_AFTER {
            true => lived.max(self.failover.options().stable_after),
            false => lived,
        }
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }
}

/// How long a connection must have lived, on which the broker did its work.
const PROVEN_AFTER: Duration = Duration::from_secs(1);
