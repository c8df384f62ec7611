use std::future::{IntoFuture, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use stomp_commands::AckMode;
use stomp_session::SubscriptionKey;
use tokio::sync::mpsc;

use crate::call::Call;
use crate::handle::Handle;
use crate::inboxes::Item;
use crate::{Client, Error, Message};

/// A subscription in the making. Made by [`Client::subscribe`]; opened by `.await`.
///
/// `Ok` means that the broker confirmed it. From then on it is made anew on every further
/// connection, until it is dropped.
#[derive(Debug)]
#[must_use = "nothing is subscribed until this is awaited"]
pub struct Subscribe {
    handle: Handle,
    command: stomp_commands::Subscribe,
    capacity: usize,
}

impl Subscribe {
    /// Messages that a subscription holds by default.
    pub const CAPACITY: usize = 100;

    pub(crate) fn new(client: &Client, destination: String) -> Self {
        Self {
            handle: client.handle.clone(),
            command: stomp_commands::Subscribe::to(destination).ack(AckMode::ClientIndividual),
            capacity: Self::CAPACITY,
        }
    }

    /// Chooses how messages are acknowledged. Default `client-individual`: a message counts as
    /// consumed when it was acknowledged by itself. `auto` loses messages when this process ends.
    pub fn ack(mut self, mode: AckMode) -> Self {
        self.command = self.command.ack(mode);
        self
    }

    /// Sets how many messages are held for the application. Default 100, at least 1.
    ///
    /// The broker is asked for as many and no more, if it has a word for that. If it sends more,
    /// the client stops reading until there is room, while heart-beats go on. It reads on, and holds
    /// up to 8 MiB more, as long as somebody waits for an answer or at another subscription.
    pub fn capacity(mut self, messages: usize) -> Self {
        self.capacity = messages.max(1);
        self
    }

    /// Adds a header of your own.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.command = self.command.header(name, value);
        self
    }

    async fn run(self) -> Result<Subscription, Error> {
        let Self {
            handle,
            command,
            capacity,
        } = self;
        let (inbox, messages) = mpsc::channel(capacity);
        let prefetch = u32::try_from(capacity).unwrap_or(u32::MAX);
        let command = command.prefetch_hint(prefetch);
        let destination = command.destination.clone();
        let key = handle
            .call(0, handle.common.send_timeout, |ticket, reply| {
                Call::Subscribe {
                    command,
                    inbox,
                    ticket,
                    reply,
                }
            })
            .await?;
        Ok(Subscription {
            messages,
            key,
            destination,
            handle,
            ended: false,
            waiting: false,
        })
    }
}

impl IntoFuture for Subscribe {
    type Output = Result<Subscription, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The messages of a destination, as a [`Stream`].
///
/// An error is the last item, but for [`Error::TooLarge`]. A lost connection is none: the client
/// reconnects, subscribes anew, and messages go on, with a higher [`epoch`](Message::epoch).
///
/// Dropping it unsubscribes. Settle what you hold before: the broker takes back what is open.
#[derive(Debug)]
pub struct Subscription {
    messages: mpsc::Receiver<Item>,
    key: SubscriptionKey,
    destination: String,
    handle: Handle,
    /// The last item was yielded.
    ended: bool,
    /// The driver knows that somebody waits here.
    waiting: bool,
}

impl Subscription {
    /// Waits for the next message; `None` when the client is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no message.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Returns where the messages come from, as it was subscribed.
    #[must_use]
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// Returns the key by which [events](crate::Event) name this subscription.
    #[must_use]
    pub fn key(&self) -> SubscriptionKey {
        self.key
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        let item = self.messages.poll_recv(cx);
        self.wait(item.is_pending());
        item.map(|item| self.taken(item))
    }

    fn wait(&mut self, waiting: bool) {
        let pressure = &self.handle.common.back_pressure;
        match (self.waiting, waiting) {
            (false, true) => pressure.begin_to_wait(),
            (true, false) => pressure.end_to_wait(),
            _ => {}
        }
        self.waiting = waiting;
    }

    /// Tells the driver that there is room, and ends with the reason why the client is closed.
    fn taken(&mut self, item: Option<Item>) -> Option<Item> {
        self.handle.common.back_pressure.taken();
        let item = match item {
            None if !self.ended => self.handle.failure().map(Err),
            item => item,
        };
        self.ended |= !matches!(item, Some(Ok(_) | Err(Error::TooLarge(_))));
        item
    }
}

impl Stream for Subscription {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.wait(false);
        // If the driver is gone, so is the subscription.
        let _ = self.handle.calls.send(Call::Unsubscribe {
            subscription: self.key,
        });
    }
}
