//! What the application asked for and waits for. It outlives every link.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use stomp_commands::{ReceiptId, Send, Subscribe};
use stomp_session::{
    AckToken, CloseReason, DecodeError, Delivery, Event as Said, Refusal, Session, Settled,
    SubscriptionKey, With,
};
use tokio::sync::{broadcast, mpsc};

use crate::call::{Call, Confirm, Reply, Verdict};
use crate::handle::{Common, Handle, WeakHandle};
use crate::inboxes::{Inboxes, Item, Pushed};
use crate::link::{Link, now};
use crate::{Cause, Error, Event, Message, Oversized};

pub(crate) struct Desk {
    handle: WeakHandle,
    events: broadcast::Sender<Event>,
    /// Calls that wait for a connection, or for room in the session.
    held: VecDeque<Call>,
    waiters: HashMap<ReceiptId, Waiter>,
    inboxes: Inboxes,
    /// The client is disconnecting.
    leaving: bool,
}

/// Octets that may wait for room in inboxes while somebody waits for an answer.
const OVERFLOW: usize = 8 << 20;

/// Whoever waits for a RECEIPT.
enum Waiter {
    Send(Reply<()>),
    Subscribe(SubscriptionKey, Reply<SubscriptionKey>),
}

impl Desk {
    pub(crate) fn new(handle: &Handle, events: broadcast::Sender<Event>) -> Self {
        Self {
            handle: handle.downgrade(),
            events,
            held: VecDeque::new(),
            waiters: HashMap::new(),
            inboxes: Inboxes::default(),
            leaving: false,
        }
    }

    pub(crate) fn common(&self) -> Arc<Common> {
        self.handle.common.clone()
    }

    /// Takes what the session says and carries out what is held, until there is nothing more to do
    /// without waiting. Returns why the session is over, if it is.
    pub(crate) fn work(&mut self, link: &mut Link) -> Option<CloseReason> {
        loop {
            if let Some(reason) = self.sort(link) {
                return Some(reason);
            }
            if !self.pump(link) {
                self.balance(link);
                return None;
            }
        }
    }

    /// Takes what the session says, until it has nothing more to say or is over.
    fn sort(&mut self, link: &mut Link) -> Option<CloseReason> {
        while let Some(said) = link.session.poll_event() {
            match said {
                Said::Message(delivery) => self.deliver(delivery, None, link),
                Said::MessageUnreadable {
                    delivery,
                    why,
                    length,
                } => self.deliver(delivery, Some((why, length)), link),
                Said::Receipt { receipt, .. } => self.confirm(&receipt, link),
                Said::ReceiptFailed { receipt, why } => {
                    let patience = link.session.config().receipt_timeout;
                    self.fail(&receipt, Error::no_receipt(why, patience), link);
                }
                Said::SubscriptionRefused { subscription, why } => self.refused(subscription, why),
                Said::Replayed => {
                    let _ = self.events.send(Event::Replayed);
                }
                Said::Closed(reason) => return Some(reason),
                other => tracing::debug!(event = ?other, "nobody waits for this"),
            }
        }
        None
    }

    /// Carries out what is held, as far as the session takes it. After a reconnect the
    /// subscriptions come first, so that no answer to what is sent finds nobody there.
    fn pump(&mut self, link: &mut Link) -> bool {
        let mut any = false;
        while link.session.connection().is_some()
            && !link.session.is_replaying()
            && !link.session.is_congested()
            && let Some(call) = self.held.pop_front()
        {
            self.execute(call, link);
            any = true;
        }
        any
    }

    pub(crate) fn accept(&mut self, call: Call) {
        self.held.push_back(call);
    }

    /// Keeps a call for the next connection, unless the last one can answer it.
    pub(crate) fn accept_offline(&mut self, call: Call, last: &mut Session) {
        match call {
            Call::Settle {
                verdict,
                token,
                ticket,
                reply,
            } => {
                if ticket.claim() {
                    let _ = reply.send(settle(verdict, &token, last));
                }
            }
            call => self.held.push_back(call),
        }
    }

    /// Tells whether nothing is held, and no receipt is outstanding.
    pub(crate) fn is_idle(&self, link: &Link) -> bool {
        self.held.is_empty() && link.session.pending_receipts().next().is_none()
    }

    /// Ends everything that waits.
    pub(crate) fn close(&mut self, cause: &Cause) {
        for (_, waiter) in self.waiters.drain() {
            let error = Error::Unconfirmed(cause.clone());
            match waiter {
                Waiter::Send(reply) => drop(reply.send(Err(error))),
                Waiter::Subscribe(_, reply) => drop(reply.send(Err(error))),
            }
        }
        for call in std::mem::take(&mut self.held) {
            self.refuse(call, cause);
        }
        self.inboxes.clear();
    }

    /// Answers a call that will not be carried out.
    pub(crate) fn refuse(&self, call: Call, cause: &Cause) {
        match call {
            Call::Send { reply, .. } => drop(reply.send(Err(Error::NotSent(cause.clone())))),
            Call::Subscribe { reply, .. } => drop(reply.send(Err(Error::Closed(cause.clone())))),
            Call::Settle { reply, .. } => drop(reply.send(Err(Error::Closed(cause.clone())))),
            Call::Disconnect { reply } => drop(reply.send(Ok(()))),
            Call::Unsubscribe { .. } => {}
        }
    }
}

/// Calls.
impl Desk {
    fn execute(&mut self, call: Call, link: &mut Link) {
        match call {
            Call::Send {
                command,
                confirm,
                ticket,
                reply,
            } => {
                if ticket.claim() {
                    self.send(command, confirm, reply, link);
                }
            }
            Call::Subscribe {
                command,
                inbox,
                ticket,
                reply,
            } => {
                if ticket.claim() {
                    self.subscribe(command, inbox, reply, link);
                }
            }
            Call::Settle {
                verdict,
                token,
                ticket,
                reply,
            } => {
                if ticket.claim() {
                    let _ = reply.send(settle(verdict, &token, &mut link.session));
                }
            }
            Call::Unsubscribe { subscription } => self.unsubscribe(subscription, link),
            // The driver keeps these to itself.
            Call::Disconnect { reply } => drop(reply),
        }
    }

    fn send(&mut self, command: Send, confirm: Confirm, reply: Reply<()>, link: &mut Link) {
        match confirm {
            Confirm::Taken => {
                let result = link.session.send(command, now());
                let _ = reply.send(result.map_err(Error::from));
            }
            Confirm::Receipt => {
                let receipt = link.session.new_receipt();
                match link.session.send(command.receipt(receipt.clone()), now()) {
                    Ok(()) => drop(self.waiters.insert(receipt, Waiter::Send(reply))),
                    Err(error) => drop(reply.send(Err(error.into()))),
                }
            }
        }
    }

    fn subscribe(
        &mut self,
        command: Subscribe,
        sender: mpsc::Sender<Item>,
        reply: Reply<SubscriptionKey>,
        link: &mut Link,
    ) {
        let receipt = link.session.new_receipt();
        match link
            .session
            .subscribe(command.receipt(receipt.clone()), now())
        {
            Ok(key) => {
                self.inboxes.open(key, sender);
                self.waiters.insert(receipt, Waiter::Subscribe(key, reply));
            }
            Err(error) => drop(reply.send(Err(error.into()))),
        }
    }

    fn unsubscribe(&mut self, subscription: SubscriptionKey, link: &mut Link) {
        self.inboxes.close(subscription);
        if link
            .session
            .unsubscribe(subscription, With::nothing(), now())
            .is_err()
        {
            // It is in quarantine, or the connection is over.
            link.session.subscriptions_mut().forget(subscription);
        }
    }
}

fn settle(verdict: Verdict, token: &AckToken, session: &mut Session) -> Result<Settled, Error> {
    let with = With::nothing();
    let settled = match verdict {
        Verdict::Ack => session.ack(token, with, now()),
        Verdict::Nack => session.nack(token, with, now()),
    };
    settled.map_err(Error::from)
}

/// Answers.
impl Desk {
    fn confirm(&mut self, receipt: &ReceiptId, link: &mut Link) {
        match self.waiters.remove(receipt) {
            Some(Waiter::Send(reply)) => drop(reply.send(Ok(()))),
            Some(Waiter::Subscribe(key, reply)) => {
                let asked = reply.send(Ok(key));
                if asked.is_err() {
                    // Whoever asked has gone away in the meantime.
                    self.unsubscribe(key, link);
                }
            }
            None => {}
        }
    }

    fn fail(&mut self, receipt: &ReceiptId, error: Error, link: &mut Link) {
        match self.waiters.remove(receipt) {
            Some(Waiter::Send(reply)) => drop(reply.send(Err(error))),
            Some(Waiter::Subscribe(key, reply)) => {
                // Before there is another connection to make it anew on.
                self.unsubscribe(key, link);
                let _ = reply.send(Err(error));
            }
            None => {}
        }
    }

    fn refused(&mut self, subscription: SubscriptionKey, why: Refusal) {
        tracing::warn!(%subscription, %why, "subscription refused");
        let end = Error::SubscriptionRefused(why.clone());
        self.inboxes.end(subscription, end);
        let _ = self
            .events
            .send(Event::SubscriptionRefused { subscription, why });
    }
}

/// Messages.
impl Desk {
    /// Hands on a message, or what is left of one that cannot be read: why, and how long its
    /// body is.
    fn deliver(
        &mut self,
        delivery: Delivery,
        unreadable: Option<(DecodeError, Option<u64>)>,
        link: &mut Link,
    ) {
        let Some(handle) = self.handle.upgrade() else {
            return;
        };
        if self.leaving && self.inboxes.octets() >= OVERFLOW {
            // The broker takes it back. Who is leaving reads on all the same, for the receipts.
            return;
        }
        let key = delivery.subscription;
        let message = Message::new(delivery, handle);
        let item = match unreadable {
            None => Ok(message),
            Some((why, length)) => {
                let limit = link.session.config().limits.body;
                let oversized = Oversized::new(message, why, length, limit);
                Err(Error::TooLarge(Box::new(oversized)))
            }
        };
        if self.inboxes.push(key, item) == Pushed::Gone {
            self.unsubscribe(key, link);
        }
    }

    /// Delivers what found its inbox full, as far as there is room by now.
    pub(crate) fn relieve(&mut self, link: &mut Link) {
        for key in self.inboxes.flush_all() {
            self.unsubscribe(key, link);
        }
        self.balance(link);
    }

    /// Begins with a new link: what found an inbox full on the old one is stale, but may as well
    /// be delivered.
    pub(crate) fn begin(&mut self, link: &mut Link) {
        self.relieve(link);
    }

    /// Reads on whatever the inboxes hold: the receipts come behind the messages.
    pub(crate) fn leave(&mut self) {
        self.leaving = true;
    }

    /// Stops reading while an inbox is full, and reads on afterwards.
    ///
    /// An answer comes behind the messages, and so do those for another inbox: while somebody waits
    /// for one, reading goes on as long as memory allows, since whoever waits may be the very task
    /// that empties the inbox.
    fn balance(&mut self, link: &mut Link) {
        let pressed = self.handle.common.back_pressure.on.load(Ordering::Acquire);
        if !pressed && !self.inboxes.is_over_full() {
            return;
        }
        let common = self.common();
        let pressure = &common.back_pressure;
        if !pressure.on.swap(true, Ordering::AcqRel) {
            // Whoever took a message before it saw the flag did not tell.
            for key in self.inboxes.flush_all() {
                self.unsubscribe(key, link);
            }
        }
        let over_full = self.inboxes.is_over_full();
        pressure.on.store(over_full, Ordering::Release);
        let patient = self.leaving || self.is_answer_awaited() && self.inboxes.octets() < OVERFLOW;
        match over_full && !patient {
            true => link.pause(),
            false => link.resume(),
        }
    }

    fn is_answer_awaited(&self) -> bool {
        let pressure = &self.handle.common.back_pressure;
        !self.waiters.is_empty() || !self.held.is_empty() || pressure.is_anybody_hungry()
    }
}
