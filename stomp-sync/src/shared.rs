//! What the handles and the threads of a client share.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use stomp_commands::ReceiptId;
use stomp_session::{
    CloseReason, Delivery, Event, ReceiptFailure, Refusal, Session, SubscriptionKey, Subscriptions,
    UsageError, With,
};

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
    inboxes: HashMap<SubscriptionKey, Inbox>,
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

/// The messages that a [`Subscription`](crate::Subscription) has not taken yet.
#[derive(Debug)]
struct Inbox {
    messages: VecDeque<Delivery>,
    /// What the messages take up, roughly.
    octets: usize,
    capacity: usize,
    /// The last thing to be said, when the broker refused the subscription.
    refused: Option<Refusal>,
}

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
            let inbox = Inbox {
                messages: VecDeque::new(),
                octets: 0,
                capacity,
                refused: None,
            };
            state.inboxes.insert(key, inbox);
        })
    }

    /// Takes the next message of a subscription. `Ok(None)` means that time is up.
    pub(crate) fn take(
        &self,
        key: SubscriptionKey,
        deadline: Option<Instant>,
    ) -> Result<Option<Delivery>, Error> {
        let mut state = self.lock();
        loop {
            let Some(inbox) = state.inboxes.get_mut(&key) else {
                return Err(state.closed_error());
            };
            if let Some(delivery) = inbox.pop() {
                if state.balance() {
                    self.notify();
                }
                return Ok(Some(delivery));
            }
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
        state.inboxes.remove(&key);
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
        let mut failed = Vec::new();
        let mut ended = Cause::ConnectionLost;
        while let Some(event) = self.session.as_mut().and_then(Session::poll_event) {
            match event {
                Event::Message(delivery) => self.deliver(delivery),
                Event::Receipt { receipt, .. } => self.settle(&receipt, Ok(())),
                Event::ReceiptFailed { receipt, why } => failed.push((receipt, why)),
                Event::SubscriptionRefused { subscription, why } => {
                    if let Some(inbox) = self.inboxes.get_mut(&subscription) {
                        inbox.refused = Some(why);
                    }
                }
                Event::Closed(reason) => {
                    if reason != CloseReason::ConnectionLost {
                        ended = Cause::Session(reason.clone());
                    }
                    self.closed = Some(reason);
                }
                _ => {}
            }
        }
        // The session says what failed before it says why it is over: RabbitMQ's ERROR names no
        // frame, and is all there is to explain a SUBSCRIBE that was refused.
        for (receipt, why) in failed {
            let error = self.no_receipt(why, &ended);
            self.settle(&receipt, Err(error));
        }
        self.unsubscribe_unwanted();
        self.balance();
    }

    fn deliver(&mut self, delivery: Delivery) {
        if let Some(inbox) = self.inboxes.get_mut(&delivery.subscription) {
            inbox.push(delivery);
        }
    }

    /// Stops reading while an inbox holds more than it should, and reads on afterwards. Says whether
    /// that has changed.
    ///
    /// A RECEIPT comes behind the messages: while somebody waits for one, reading goes on as long as
    /// memory allows, since whoever waits may be the very thread that empties the inbox.
    fn balance(&mut self) -> bool {
        let over_full = self.inboxes.values().any(Inbox::is_over_full);
        let pause = over_full && (!self.is_answer_awaited() || self.octets() >= OVERFLOW);
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

    fn octets(&self) -> usize {
        self.inboxes.values().map(|inbox| inbox.octets).sum()
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

    fn no_receipt(&self, why: ReceiptFailure, ended: &Cause) -> Error {
        let session = self.session.as_ref();
        let patience = session.map_or(Duration::ZERO, |s| s.config().receipt_timeout);
        Error::no_receipt(why, patience, ended)
    }

    fn closed_error(&self) -> Error {
        Error::Closed(self.end.clone().unwrap_or(Cause::Disconnected))
    }
}

impl Inbox {
    fn push(&mut self, delivery: Delivery) {
        self.octets += weight(&delivery);
        self.messages.push_back(delivery);
    }

    fn pop(&mut self) -> Option<Delivery> {
        let delivery = self.messages.pop_front()?;
        self.octets -= weight(&delivery);
        Some(delivery)
    }

    /// More came than was asked for. An inbox that is just full is what a prefetch leads to: the
    /// broker waits for ACK then, and has other things to say.
    fn is_over_full(&self) -> bool {
        self.messages.len() > self.capacity
    }
}

/// The octets of a message, with what its headers may take up.
fn weight(delivery: &Delivery) -> usize {
    delivery.message.body().len() + 512
}
