//! What the application asked for and waits for. It outlives every link.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use stomp_commands::{Dialect, Feature, ReceiptId, Send, Subscribe};
use stomp_session::{
    AckToken, CloseReason, Delivery, Event as Said, Refusal, Settled, SubscriptionKey, With,
};
use tokio::sync::broadcast;
use tokio::sync::mpsc::{self, error::TrySendError};

use crate::call::{Call, Confirm, Reply, Verdict};
use crate::handle::{Common, Handle, WeakHandle};
use crate::link::{Link, now};
use crate::{Cause, Error, Event, Message};

pub(crate) struct Desk {
    handle: WeakHandle,
    events: broadcast::Sender<Event>,
    /// Calls that wait for a connection, or for room in the session.
    held: VecDeque<Call>,
    waiters: HashMap<ReceiptId, Waiter>,
    inboxes: HashMap<SubscriptionKey, Inbox>,
}

/// Whoever waits for a RECEIPT.
enum Waiter {
    Send(Reply<()>),
    Subscribe(SubscriptionKey, Reply<SubscriptionKey>),
}

/// The way to a [`Subscription`](crate::Subscription).
struct Inbox {
    sender: mpsc::Sender<Result<Message, Error>>,
    /// What found the inbox full. No more than came with one read, since reading stops then.
    backlog: VecDeque<Message>,
}

impl Desk {
    pub(crate) fn new(handle: &Handle, events: broadcast::Sender<Event>) -> Self {
        Self {
            handle: handle.downgrade(),
            events,
            held: VecDeque::new(),
            waiters: HashMap::new(),
            inboxes: HashMap::new(),
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
                return None;
            }
        }
    }

    /// Takes what the session says, until it has nothing more to say or is over.
    fn sort(&mut self, link: &mut Link) -> Option<CloseReason> {
        while let Some(said) = link.session.poll_event() {
            match said {
                Said::Connected(connection) => {
                    let broker = link.broker.clone();
                    tracing::info!(%broker, version = %connection.version, "connected");
                    let _ = self.events.send(Event::Connected { broker, connection });
                }
                Said::Message(delivery) => self.deliver(delivery, link),
                Said::Receipt { receipt, .. } => self.confirm(&receipt, link),
                Said::ReceiptFailed { receipt, why } => {
                    let patience = link.session.config().receipt_timeout;
                    self.fail(&receipt, Error::no_receipt(why, patience));
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

    /// Keeps a call for the next connection, unless it can be answered now.
    pub(crate) fn accept_offline(&mut self, call: Call) {
        match call {
            // The message came on a connection that is gone.
            Call::Settle { ticket, reply, .. } => {
                if ticket.claim() {
                    let _ = reply.send(Ok(Settled::Stale));
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
        let failed = !matches!(cause, Cause::Disconnected);
        for (_, inbox) in self.inboxes.drain() {
            if failed {
                // A full inbox ends without the reason; `Client` still tells it.
                let _ = inbox.sender.try_send(Err(Error::Closed(cause.clone())));
            }
        }
    }

    /// Answers a call that will not be carried out.
    pub(crate) fn refuse(&self, call: Call, cause: &Cause) {
        match call {
            Call::Send { reply, .. } => drop(reply.send(Err(Error::NotSent(cause.clone())))),
            Call::Subscribe { reply, .. } => drop(reply.send(Err(Error::Closed(cause.clone())))),
            Call::Settle { reply, .. } => drop(reply.send(Ok(Settled::Stale))),
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
                prefetch,
                inbox,
                ticket,
                reply,
            } => {
                if ticket.claim() {
                    self.subscribe(command, prefetch, inbox, reply, link);
                }
            }
            Call::Settle {
                verdict,
                token,
                ticket,
                reply,
            } => {
                if ticket.claim() {
                    let _ = reply.send(settle(verdict, &token, link));
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
        mut command: Subscribe,
        prefetch: u32,
        sender: mpsc::Sender<Result<Message, Error>>,
        reply: Reply<SubscriptionKey>,
        link: &mut Link,
    ) {
        let dialect = link
            .session
            .connection()
            .map_or(Dialect::Generic, |c| c.dialect);
        if command.prefetch.is_none() && dialect.expresses(Feature::Prefetch) {
            command = command.prefetch(prefetch);
        }
        let receipt = link.session.new_receipt();
        match link
            .session
            .subscribe(command.receipt(receipt.clone()), now())
        {
            Ok(key) => {
                let backlog = VecDeque::new();
                self.inboxes.insert(key, Inbox { sender, backlog });
                self.waiters.insert(receipt, Waiter::Subscribe(key, reply));
            }
            Err(error) => drop(reply.send(Err(error.into()))),
        }
    }

    fn unsubscribe(&mut self, subscription: SubscriptionKey, link: &mut Link) {
        self.inboxes.remove(&subscription);
        if link
            .session
            .unsubscribe(subscription, With::nothing(), now())
            .is_err()
        {
            // It is in quarantine, or was never made on this connection.
            link.session.subscriptions_mut().forget(subscription);
        }
        self.relieve(link);
    }
}

fn settle(verdict: Verdict, token: &AckToken, link: &mut Link) -> Result<Settled, Error> {
    let with = With::nothing();
    let settled = match verdict {
        Verdict::Ack => link.session.ack(token, with, now()),
        Verdict::Nack => link.session.nack(token, with, now()),
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

    fn fail(&mut self, receipt: &ReceiptId, error: Error) {
        match self.waiters.remove(receipt) {
            Some(Waiter::Send(reply)) => drop(reply.send(Err(error))),
            Some(Waiter::Subscribe(key, reply)) => {
                self.inboxes.remove(&key);
                self.held.push_back(Call::Unsubscribe { subscription: key });
                let _ = reply.send(Err(error));
            }
            None => {}
        }
    }

    fn refused(&mut self, subscription: SubscriptionKey, why: Refusal) {
        tracing::warn!(%subscription, %why, "subscription refused");
        if let Some(inbox) = self.inboxes.remove(&subscription) {
            let _ = inbox
                .sender
                .try_send(Err(Error::SubscriptionRefused(why.clone())));
        }
        let _ = self
            .events
            .send(Event::SubscriptionRefused { subscription, why });
    }
}

/// Messages.
impl Desk {
    fn deliver(&mut self, delivery: Delivery, link: &mut Link) {
        let key = delivery.subscription;
        let (Some(inbox), Some(handle)) = (self.inboxes.get_mut(&key), self.handle.upgrade())
        else {
            return;
        };
        inbox.backlog.push_back(Message::new(delivery, handle));
        match inbox.flush() {
            Flushed::All => {}
            Flushed::Full => {
                self.handle
                    .common
                    .back_pressure
                    .on
                    .store(true, Ordering::Release);
                link.pause();
                // Whoever took a message before it saw the flag did not tell.
                self.relieve(link);
            }
            Flushed::Gone => self.unsubscribe(key, link),
        }
    }

    /// Delivers what found an inbox full, and reads on when nothing is left of it.
    pub(crate) fn relieve(&mut self, link: &mut Link) {
        let common = self.common();
        let pressure = &common.back_pressure;
        if !pressure.on.load(Ordering::Acquire) {
            return;
        }
        let mut full = false;
        for inbox in self.inboxes.values_mut() {
            full |= inbox.flush() == Flushed::Full;
        }
        if !full {
            pressure.on.store(false, Ordering::Release);
            link.resume();
        }
    }

    /// Begins with a new link: what found an inbox full on the old one is stale, but may as well
    /// be delivered.
    pub(crate) fn begin(&mut self, link: &mut Link) {
        if self.handle.common.back_pressure.on.load(Ordering::Acquire) {
            link.pause();
            self.relieve(link);
        }
    }
}

#[derive(PartialEq, Eq)]
enum Flushed {
    All,
    Full,
    /// Nobody reads this inbox any more.
    Gone,
}

impl Inbox {
    fn flush(&mut self) -> Flushed {
        while let Some(message) = self.backlog.pop_front() {
            match self.sender.try_send(Ok(message)) {
                Ok(()) => {}
                Err(TrySendError::Full(Ok(message))) => {
                    self.backlog.push_front(message);
                    return Flushed::Full;
                }
                Err(_) => return Flushed::Gone,
            }
        }
        Flushed::All
    }
}
