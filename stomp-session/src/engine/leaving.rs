//! The end in order: what was sent before goes out, what was asked is answered, then DISCONNECT.

use std::time::{Duration, Instant};

use stomp_commands::Disconnect;

use super::operation::Patience;
use super::{Cause, Engine, Error, OpId, Outcome, Stage};
use crate::CloseReason;

/// A client that is about to be closed.
#[derive(Debug)]
pub(super) struct Leaving {
    /// Those who called `disconnect`.
    pub(super) ops: Vec<OpId>,
    /// When the connection is closed whatever is missing.
    deadline: Option<Instant>,
    patience: Duration,
    /// Until when what is in hand is waited for.
    settle_until: Option<Instant>,
    /// Nobody is left who could wait for anything.
    alone: bool,
    /// DISCONNECT is queued.
    said: bool,
    /// Where it begins.
    goodbye: u64,
    /// It did not end in order.
    failed: Option<Cause>,
}

impl Leaving {
    /// What those are told who called `disconnect`.
    pub(super) fn result(&self) -> Result<Outcome, Error> {
        match &self.failed {
            None => Ok(Outcome::Disconnected),
            Some(cause) => Err(Error::Closed(cause.clone())),
        }
    }
}

impl Engine {
    /// Ends the connection in order, and closes the client: nothing new is taken, what was sent
    /// before goes out, outstanding receipts are waited for, messages in hand may be settled for
    /// [a while](super::Settings::settle_timeout); then DISCONNECT, and its RECEIPT. All of it has
    /// the session's `disconnect_timeout`.
    ///
    /// The outcome is [`Outcome::Disconnected`], or [`Error::Closed`] when there was no answer in
    /// time, or the client is closed already. The connection is closed all the same.
    pub fn disconnect(&mut self, now: Instant) -> OpId {
        self.advance(now);
        let op = self.operations.add(Stage::Waiting, Patience::ENDLESS);
        if self.end.is_some() {
            let closed = Err(self.closed());
            self.operations.finish(op, closed, &mut self.wakes);
            return op;
        }
        let patience = self.settings.session.disconnect_timeout;
        let leaving = self.leave(patience, false);
        leaving.ops.push(op);
        leaving.alone = false;
        self.settle_down();
        op
    }

    /// Takes note that nobody has a handle any more. What was fired still goes out, for the
    /// [linger](super::Settings::linger) at most.
    pub fn handle_abandoned(&mut self, now: Instant) {
        self.advance(now);
        if self.end.is_none() {
            let linger = self.settings.linger;
            self.leave(linger, true);
        }
        self.settle_down();
    }

    fn leave(&mut self, patience: Duration, alone: bool) -> &mut Leaving {
        if self.leaving.is_none() {
            self.stop_dialling();
            let settle_until = match alone {
                true => Some(self.now),
                false => self.now.checked_add(self.settings.settle_timeout),
            };
            self.end_all(settle_until);
            self.wakes.push(super::Wake::Everybody);
        }
        self.leaving.get_or_insert_with(|| Leaving {
            ops: Vec::new(),
            deadline: self.now.checked_add(patience),
            patience,
            settle_until: match alone {
                true => Some(self.now),
                false => self.now.checked_add(self.settings.settle_timeout),
            },
            alone,
            said: false,
            goodbye: 0,
            failed: None,
        })
    }

    /// Goes on leaving, as far as that is possible now.
    pub(super) fn progress_leaving(&mut self) {
        let Some(leaving) = &self.leaving else { return };
        let is_late = |deadline: Option<Instant>| deadline.is_some_and(|d| d <= self.now);
        let is_over_time = is_late(leaving.deadline);
        let may_settle = !is_late(leaving.settle_until);
        let (alone, said, patience) = (leaving.alone, leaving.said, leaving.patience);
        let Some(link) = &self.link else {
            // There is nobody to say it to.
            return self.close(Cause::Disconnected);
        };
        if link.up.is_none() {
            // Nor is there anything to say yet.
            if let Some(leaving) = &mut self.leaving {
                leaving.said = true;
            }
            return self.give_up_link(None);
        }
        if is_over_time {
            return self.give_up_link(Some(Cause::Deadline(patience)));
        }
        if said {
            return;
        }
        let hands_full = may_settle && self.all_in_hand() > 0;
        let awaited = !alone && (!self.waiters.is_empty() || !self.is_line_empty());
        if hands_full || awaited || !self.endings.is_empty() {
            return;
        }
        if let Some(link) = &mut self.link {
            // RabbitMQ never sends the receipts that are still missing when it reads DISCONNECT.
            let receipt = link.session.new_receipt();
            let disconnect = Disconnect::new().receipt(receipt);
            let goodbye = link.session.place();
            let said = link.session.disconnect(disconnect, self.now);
            if let Some(leaving) = &mut self.leaving {
                leaving.said = said.is_ok();
                leaving.goodbye = goodbye;
            }
        }
        self.hear();
    }

    pub(super) fn leaving_deadline(&self) -> Option<Instant> {
        let leaving = self.leaving.as_ref()?;
        let settle = leaving.settle_until.filter(|_| !leaving.said);
        let settle = settle.filter(|until| *until > self.now);
        [leaving.deadline, settle].into_iter().flatten().min()
    }

    /// Closes the connection without a further word.
    fn give_up_link(&mut self, failed: Option<Cause>) {
        if let Some(leaving) = &mut self.leaving {
            leaving.failed = failed;
        }
        if let Some(link) = &mut self.link {
            link.session.handle_eof(self.now);
        }
        self.hear();
    }

    /// The connection has ended while we were leaving. `unsaid` tells whether that was before
    /// anything of a DISCONNECT at this place was handed to the transport.
    pub(super) fn left(&mut self, reason: &CloseReason, unsaid: impl Fn(u64) -> bool) {
        if let Some(leaving) = &mut self.leaving
            && leaving.failed.is_none()
        {
            // Once DISCONNECT is said nothing is missing, whatever the broker answers; and before
            // CONNECTED there is nobody to say it to.
            leaving.failed = match reason {
                CloseReason::DisconnectTimedOut { .. } => Some(Cause::Deadline(leaving.patience)),
                CloseReason::ClosedBeforeConnected => None,
                _ if leaving.said && unsaid(leaving.goodbye) => Some(Cause::ConnectionLost),
                _ if leaving.said || reason.is_orderly() => None,
                reason => Some(reason.clone().into()),
            };
        }
        self.close(Cause::Disconnected);
    }
}
