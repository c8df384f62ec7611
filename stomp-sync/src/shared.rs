//! What the handles and the threads of a client share.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use stomp_commands::ReceiptId;
use stomp_session::{
    CloseReason, Event, ReceiptFailure, Session, SubscriptionKey, Subscriptions, UsageError, With,
};

use crate::inboxes::{Arrival, Inboxes};
use crate::{Cause, Error};

/// One mutex, and one condition: something has changed.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// The session of the connection that is up.
    pub(crate) session: Option<Session>,
    /// Why that session is over, until the keeper has taken note.
    pub(crate) closed: Option<CloseReason>,
    /// Confirmed frames: `None` while the RECEIPT is waited for.
    answers: HashMap<ReceiptId, Option<Result<(), Error>>>,
    inboxes: Inboxes,
    /// Subscriptions that nobody reads any more, and that the broker still has to be told of.
    unwanted: Vec<SubscriptionKey>,
    /// Some inbox is over-full, so the reader waits.
    pub(crate) paused: bool,
    /// The last handle is gone, or `disconnect` was called: no reconnection any more.
    pub(crate) quit: bool,
    /// The client is closed, and why.
    pub(crate) end: Option<Cause>,
}

/// Octets that inboxes may hold beyond their capacities while somebody waits for a RECEIPT.
const OVERFLOW: usize = 8 << 20;

impl Shared {
    pub(crate) fn new(session: Session) -> Arc<Self> {
        let state = State {
            session: Some(session),
            ..State::default()
        };
        Arc::new(Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        })
    }

    /// Locks. Nobody panics while holding it, and if somebody did, the session is still whole: each
    /// of its methods leaves it so.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everybody who waits for a change.
    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits for a change, until `deadline` at most.
    pub(crate) fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        let Some(deadline) = deadline else {
            let woken = self.changed.wait(state);
            return woken.unwrap_or_else(PoisonError::into_inner);
        };
        let patience = deadline.saturating_duration_since(Instant::now());
        let woken = self.changed.wait_timeout(state, patience);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Sleeps before a connection is made, strikes out the subscriptions that nobody wants on it,
    /// and says whether to go on.
    pub(crate) fn sleep(&self, duration: Duration, subscriptions: &mut Subscriptions) -> bool {
        let deadline = Instant::now().checked_add(duration);
        let mut state = self.lock();
        while !state.quit && deadline.is_none_or(|deadline| Instant::now() < deadline) {
            state = self.wait(state, deadline);
        }
        for key in state.unwanted.drain(..) {
            subscriptions.forget(key);
        }
        !state.quit
    }

    /// Has the session do something, as soon as it takes on more, within `patience`.
    pub(crate) fn submit<T>(
        &self,
        patience: Duration,
        command: impl FnMut(&mut Session) -> Result<T, UsageError>,
    ) -> Result<T, Error> {
        self.submit_then(patience, command, |_, _| {})
    }

    /// The same, and does `then` before anybody else can see that it was done.
    fn submit_then<T>(
        &self,
        patience: Duration,
        mut command: impl FnMut(&mut Session) -> Result<T, UsageError>,
        then: impl FnOnce(&mut State, &T),
    ) -> Result<T, Error> {
        let deadline = Instant::now().checked_add(patience);
        let mut state = self.lock();
        loop {
            if let Some(cause) = &state.end {
                return Err(Error::Closed(cause.clone()));
            }
            let Some(session) = state.live() else {
                return Err(Error::NotSent(Cause::ConnectionLost));
            };
            if !session.is_congested() && !session.is_replaying() {
                let result = command(session);
                if let Ok(done) = &result {
                    then(&mut state, done);
                }
                state.sort();
                self.notify();
                return result.map_err(Error::from);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(Error::NotSent(Cause::Deadline(patience)));
            }
            state = self.wait(state, deadline);
        }
    }

    /// Waits until a frame is answered. Each receipt has a deadline in the session, so this ends.
    pub(crate) fn answer(&self, receipt: &ReceiptId) -> Result<(), Error> {
        let mut state = self.lock();
        loop {
            match state.answers.get_mut(receipt) {
                Some(answer) => {
                    if let Some(result) = answer.take() {
                        state.answers.remove(receipt);
                        return result;
                    }
                }
                None => return Err(state.closed_error()),
            }
            if state.end.is_some() {
                state.answers.remove(receipt);
                let cause = state.end.clone().unwrap_or(Cause::Disconnected);
                return Err(Error::Unconfirmed(cause));
            }
            state = self.wait(state, None);
        }
    }

    /// Promises to wait for a receipt. Must be called before its frame is on its way.
    pub(crate) fn expect(&self, receipt: &ReceiptId) {
        let mut state = self.lock();
        state.answers.insert(receipt.clone(), None);
        if state.balance() {
            self.notify();
        }
    }

    /// Does not wait for a receipt after all.
    pub(crate) fn forget(&self, receipt: &ReceiptId) {
        self.lock().answers.remove(receipt);
    }

    /// Makes a receipt id.
    pub(crate) fn new_receipt(&self) -> Result<ReceiptId, Error> {
        let mut state = self.lock();
        if let Some(cause) = &state.end {
            return Err(Error::Closed(cause.clone()));
        }
        match state.live() {
            Some(session) => Ok(session.new_receipt()),
            None => Err(Error::NotSent(Cause::ConnectionLost)),
        }
    }

    /// Subscribes, with an inbox that no message can come too early for.
    pub(crate) fn subscribe(
        &self,
        patience: Duration,
        capacity: usize,
        command: impl FnMut(&mut Session) -> Result<SubscriptionKey, UsageError>,
    ) -> Result<SubscriptionKey, Error> {
        self.submit_then(patience, command, |state, &key| {
            state.inboxes.open(key, capacity)
        })
    }

    /// Takes the next message of a subscription. `Ok(None)` means that time is up.
    pub(crate) fn take(
        &self,
        key: SubscriptionKey,
        deadline: Option<Instant>,
    ) -> Result<Option<Arrival>, Error> {
        let mut state = self.lock();
        loop {
            if let Some(arrival) = state.inboxes.pop(key) {
                if state.balance() {
                    self.notify();
                }
                return Ok(Some(arrival));
            }
            let Some(inbox) = state.inboxes.get(key) else {
                return Err(state.closed_error());
            };
            if let Some(why) = &inbox.refused {
                return Err(Error::SubscriptionRefused(why.clone()));
            }
            if state.end.is_some() {
                return Err(state.closed_error());
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(None);
            }
            state = self.wait(state, deadline);
        }
    }

    /// Ends a subscription that nobody reads any more.
    pub(crate) fn close_inbox(&self, key: SubscriptionKey) {
        let mut state = self.lock();
        state.inboxes.close(key);
        state.unwanted.push(key);
        state.unsubscribe_unwanted();
        state.balance();
        self.notify();
    }
}

impl State {
    /// The session, unless it is over.
    fn live(&mut self) -> Option<&mut Session> {
        match self.closed {
            None => self.session.as_mut(),
            Some(_) => None,
        }
    }

    /// Takes what the session says, until it has nothing more to say.
    pub(crate) fn sort(&mut self) {
        while let Some(event) = self.session.as_mut().and_then(Session::poll_event) {
            match event {
                Event::Message(delivery) => self.inboxes.push(Arrival {
                    delivery,
                    too_large: None,
                }),
                Event::MessageTooLarge { delivery, length } => self.inboxes.push(Arrival {
                    delivery,
                    too_large: Some(length),
                }),
                Event::Receipt { receipt, .. } => self.settle(&receipt, Ok(())),
                Event::ReceiptFailed { receipt, why } => {
                    let error = self.no_receipt(why);
                    self.settle(&receipt, Err(error));
                }
                Event::SubscriptionRefused { subscription, why } => {
                    self.inboxes.refuse(subscription, why);
                }
                Event::Closed(reason) => self.closed = Some(reason),
                _ => {}
            }
        }
        self.unsubscribe_unwanted();
        self.balance();
    }

    /// Stops reading while an inbox holds more than it should, and reads on afterwards. Says whether
    /// that has changed.
    ///
    /// A RECEIPT comes behind the messages: while somebody waits for one, reading goes on as long as
    /// memory allows, since whoever waits may be the very thread that empties the inbox.
    fn balance(&mut self) -> bool {
        let patient = self.is_answer_awaited() && self.inboxes.octets() < OVERFLOW;
        let pause = self.inboxes.is_over_full() && !patient;
        // The next session will be told when it is there.
        let Some(session) = self.session.as_mut().filter(|_| pause != self.paused) else {
            return false;
        };
        if pause {
            session.handle_pause();
        } else {
            session.handle_resume(Instant::now());
        }
        self.paused = pause;
        true
    }

    fn is_answer_awaited(&self) -> bool {
        self.answers.values().any(Option::is_none)
    }

    /// Tells the broker which subscriptions are over, as soon as there is one to tell, and room.
    fn unsubscribe_unwanted(&mut self) {
        while let Some(&key) = self.unwanted.last() {
            let Some(session) = self.live() else { return };
            match session.unsubscribe(key, With::nothing(), Instant::now()) {
                Err(error) if error.is_back_pressure() => return,
                Ok(()) => {}
                // It is in quarantine, or the session is at its end.
                Err(_) => session.subscriptions_mut().forget(key),
            }
            self.unwanted.pop();
        }
    }

    fn settle(&mut self, receipt: &ReceiptId, result: Result<(), Error>) {
        if let Some(answer) = self.answers.get_mut(receipt) {
            *answer = Some(result);
        }
    }

    fn no_receipt(&self, why: ReceiptFailure) -> Error {
        let session = self.session.as_ref();
        let patience = session.map_or(Duration::ZERO, |s| s.config().receipt_timeout);
        Error::no_receipt(why, patience)
    }

    fn closed_error(&self) -> Error {
        Error::Closed(self.end.clone().unwrap_or(Cause::Disconnected))
    }
}
