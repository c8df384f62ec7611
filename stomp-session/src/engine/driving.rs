//! What a driver tells, and what it has to do.

use std::io;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::link::LinkId;
use super::work::Work;
use super::{Cause, Engine, Error, Event, Stage, Wake};
use crate::Session;

impl Engine {
    /// Takes octets that were read. What belongs to an unfinished frame is left in `octets`: append
    /// to it, and call again. `end_of_message` says that a message of a WebSocket ends there.
    ///
    /// Works on a part of them, and says whether to call it again for the rest: look after other
    /// things in between.
    pub fn handle_data(
        &mut self,
        link: LinkId,
        octets: &mut BytesMut,
        end_of_message: bool,
        now: Instant,
    ) -> bool {
        self.advance(now);
        let more = match self.current(link) {
            Some(session) => {
                let more = session.handle_some(octets, now);
                if end_of_message && !more {
                    session.handle_end_of_message(octets, now);
                }
                more
            }
            None => {
                octets.clear();
                false
            }
        };
        self.settle_down();
        more
    }

    /// Takes note that nothing was there to be read.
    pub fn handle_read_dry(&mut self, link: LinkId, now: Instant) {
        self.advance(now);
        if let Some(session) = self.current(link) {
            session.handle_read_dry(now);
            self.settle_down();
        }
    }

    /// Takes note that so many octets of what was [to be written](Self::poll_transmit) were.
    pub fn handle_written(&mut self, link: LinkId, octets: usize, now: Instant) {
        self.advance(now);
        if let Some(session) = self.current(link) {
            session.handle_written(octets, now);
            self.settle_down();
        }
    }

    /// Takes note that a link has ended, or has failed, or that it was closed as asked for.
    pub fn handle_closed(&mut self, link: LinkId, why: Option<&io::Error>, now: Instant) {
        self.advance(now);
        if let Some(at) = self.closing.iter().position(|(id, _)| *id == link) {
            let (_, session) = self.closing.swap_remove(at);
            self.throw_away(session);
        }
        if let Some(session) = self.current(link) {
            match why {
                None => session.handle_eof(now),
                Some(error) => session.handle_io_error(error, now),
            }
        }
        self.settle_down();
    }

    /// Does what is due. Call it when the instant of [`poll_timeout`](Self::poll_timeout) has come,
    /// having read what there was to be read; too early or too often does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        if let Some(link) = &mut self.link {
            link.session.handle_timeout(self.now);
        }
        self.hear();
        self.dial_if_due();
        self.presume_if_due();
        self.go_on_with_trial_if_due();
        self.check_endings();
        while let Some(op) = self.operations.pop_due(self.now) {
            self.overdue(op);
        }
        self.tell_if_stuck();
        self.settle_down();
    }

    /// Returns when to call [`handle_timeout`](Self::handle_timeout), if nothing else happens
    /// before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let link = self.link.as_ref();
        let deadlines = [
            link.and_then(|link| link.session.poll_timeout()),
            link.and_then(|link| link.presume),
            link.and_then(|link| link.stuck),
            link.and_then(|link| link.broken),
            self.operations.next_deadline(),
            self.dial_deadline(),
            self.ending_deadline(),
            self.trial_deadline(),
            self.leaving_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// The same, for a driver that goes to sleep until then: a [`Wake::Driver`] ends it earlier, if
    /// there is anything to do for it before. `writable` tells whether that goes for something to
    /// write, too: not while the transport has not taken all of the last piece.
    #[must_use]
    pub fn sleep(&mut self, writable: bool) -> Option<Instant> {
        self.armed = self.poll_timeout();
        self.wakes.driver_waits(writable);
        self.wake_driver();
        self.armed
    }

    /// Takes note that a driver does not [sleep](Self::sleep) any more, by whatever it was woken: it
    /// finds by itself what there is to do.
    pub fn wake_up(&mut self) {
        self.wakes.driver_is_awake();
    }

    /// Takes note that the wake of a driver that [sleeps](Self::sleep) was not passed on, since what
    /// there was to write is written by somebody else. Another one follows if there is anything
    /// besides.
    pub fn sleep_on(&mut self) {
        self.wakes.driver_waits(true);
        self.wake_driver();
    }

    /// Returns the next thing that only a driver can do.
    pub fn poll_work(&mut self, now: Instant) -> Option<Work> {
        self.advance(now);
        self.dial_if_due();
        self.work.pop_front()
    }

    /// Returns the next octets to write on this link. `None`: there are none for now.
    ///
    /// 64 KiB at most, or one whole frame where each frame is a piece of its own. Asking for a piece
    /// says that the one before was written.
    pub fn poll_transmit(&mut self, link: LinkId, now: Instant) -> Option<Bytes> {
        self.advance(now);
        if let Some((_, session)) = self.closing.iter_mut().find(|(id, _)| *id == link) {
            return session.poll_transmit(now);
        }
        let current = self.link.as_mut().filter(|current| current.id == link)?;
        let piece = current.session.poll_transmit(now);
        while let Some(&(start, op)) = current.unsent.front()
            && current.session.is_offered(start)
        {
            current.unsent.pop_front();
            self.operations.offered(op);
        }
        while let Some(&start) = current.fired.front()
            && current.session.is_offered(start)
        {
            current.fired.pop_front();
        }
        self.settle_down();
        piece
    }

    /// Tells whether this is the link that is up, or that says CONNECT: otherwise it is over.
    #[must_use]
    pub fn is_open(&self, link: LinkId) -> bool {
        self.link.as_ref().is_some_and(|current| current.id == link)
    }

    /// Tells whether this link is to be read. If not, a [`Wake::Reader`] will tell when it is.
    #[must_use]
    pub fn wants_read(&self, link: LinkId) -> bool {
        let current = self.link.as_ref().filter(|current| current.id == link);
        current.is_some_and(|link| link.reading)
    }

    /// Tells whether to find out if there is something to be read, and to say so by
    /// [`handle_read_dry`](Self::handle_read_dry) if not: the broker is silent for too long.
    #[must_use]
    pub fn wants_read_dry(&self, link: LinkId) -> bool {
        let current = self.link.as_ref().filter(|current| current.id == link);
        current.is_some_and(|link| link.session.wants_read_dry())
    }

    /// Returns whose wait is over, one after the other.
    pub fn poll_wake(&mut self) -> Option<Wake> {
        self.wakes.take()
    }

    /// Returns something that is to be dropped outside of the lock: it may belong to somebody who
    /// wants to know when it goes.
    pub fn poll_garbage(&mut self) -> Option<Bytes> {
        self.garbage.pop()
    }

    /// Returns the next thing to be logged, outside of the lock.
    pub fn poll_log(&mut self) -> Option<Event> {
        self.listeners.next_for_log()
    }

    fn current(&mut self, link: LinkId) -> Option<&mut Session> {
        let current = self.link.as_mut().filter(|current| current.id == link);
        current.map(|link| &mut link.session)
    }

    /// The time of an operation is up.
    fn overdue(&mut self, op: super::OpId) {
        let Some(operation) = self.operations.get(op) else {
            return;
        };
        let late = Cause::Deadline(operation.patience.asked);
        let error = match &operation.stage {
            Stage::InLine { .. } => Error::NotSent(late),
            Stage::Asked(asked) => {
                let asked = asked.clone();
                self.waiters.remove(&asked.receipt);
                let withdrawn = self.take_back(&asked);
                self.drop_subscription(asked.subscription);
                match withdrawn {
                    true => Error::NotSent(late),
                    false => Error::Unconfirmed(late),
                }
            }
            _ => Error::Unconfirmed(late),
        };
        self.operations.finish(op, Err(error), &mut self.wakes);
    }

    /// Stops reading while more messages are here than were asked for, and reads on afterwards.
    ///
    /// An answer comes behind the messages, and so do those for another subscription: while somebody
    /// waits for one, reading goes on as long as the budget allows, since whoever waits may be the
    /// very one who takes the messages.
    pub(super) fn balance(&mut self) {
        let budget = self.settings.inbox;
        let kept = self.link.as_ref().map_or(0, |link| link.session.kept());
        let octets = self.inboxes.octets() + kept;
        let over_full = self.inboxes.is_any_over_full() || octets > budget;
        let patient = over_full
            && (self.leaving.is_some() || self.is_answer_awaited())
            && octets < budget.saturating_add(self.settings.overflow);
        // What is held of earlier connections keeps nobody from hearing that there is a new one.
        let begins = self.link.as_ref().is_some_and(|link| link.up.is_none());
        let reading = !over_full || patient || begins;
        let Some(link) = &mut self.link else { return };
        let suspicious = link.session.wants_read_dry();
        if suspicious && !std::mem::replace(&mut link.suspicious, suspicious) {
            self.wakes.push(Wake::Reader);
        }
        link.suspicious = suspicious;
        if link.reading == reading {
            return;
        }
        link.reading = reading;
        match reading {
            true => {
                link.stuck = None;
                link.session.handle_resume(self.now);
                self.wakes.push(Wake::Reader);
                self.listen_anew();
            }
            false => {
                link.stuck = self.now.checked_add(STUCK);
                link.session.handle_pause();
                self.stats.stops += 1;
            }
        }
    }

    fn is_answer_awaited(&self) -> bool {
        let link = self.link.as_ref();
        !self.waiters.is_empty()
            || !self.line.is_empty()
            || self.inboxes.is_anybody_hungry()
            || !self.endings.is_empty()
            || link.is_some_and(|link| link.session.is_replaying())
    }

    fn tell_if_stuck(&mut self) {
        let Some(link) = &mut self.link else { return };
        if link.stuck.is_some_and(|stuck| stuck <= self.now) {
            link.stuck = None;
            if let Some(subscription) = self.inboxes.fullest() {
                self.tell(Event::ReadingStopped { subscription });
            }
        }
    }

    /// Tells the driver, if it sleeps, that there is something to do.
    pub(super) fn wake_driver(&mut self) {
        if !self.wakes.does_driver_sleep() {
            return;
        }
        let link = self.link.as_ref();
        let writes = link.is_some_and(|link| link.session.outbound() > 0);
        let due = self.poll_timeout();
        let sooner = match (due, self.armed) {
            (Some(due), Some(armed)) => due < armed,
            (due, armed) => due.is_some() && armed.is_none(),
        };
        if writes {
            self.wakes.writer();
        }
        if sooner || !self.work.is_empty() {
            self.wakes.driver();
        }
    }
}

/// How long nothing was read, for want of somebody who takes messages, before that is told.
const STUCK: Duration = Duration::from_secs(1);
