use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use stomp_session::SubscriptionKey;
use stomp_session::engine::{Taken, Wake};

use crate::shared::{Handle, Look};
use crate::{Error, Message};

/// The messages of a destination, as a [`Stream`].
///
/// An error is the last item, but for [`Error::Unreadable`]. A lost connection is none: the client
/// reconnects, subscribes anew, and messages go on, with a higher [`epoch`](Message::epoch).
///
/// Dropping it unsubscribes: what it holds goes back to the broker, and what you have in hand can
/// still be settled.
#[derive(Debug)]
pub struct Subscription {
    handle: Arc<Handle>,
    key: SubscriptionKey,
    destination: String,
    /// The engine knows that somebody waits here.
    waiting: bool,
}

impl Subscription {
    pub(crate) fn new(handle: Arc<Handle>, key: SubscriptionKey, destination: String) -> Self {
        Self {
            handle,
            key,
            destination,
            waiting: false,
        }
    }

    /// Waits for the next message; `None` when the client is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no message.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        let waiting = Waiting(self);
        poll_fn(|cx| waiting.0.poll(cx)).await
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

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        let Self { handle, key, .. } = self;
        let taken = handle
            .shared
            .poll(cx, |engine, now| match engine.take(*key, now) {
                Taken::Message(arrival) => Look::Found(Ok(arrival)),
                Taken::Ended(end) => Look::Found(Err(end)),
                Taken::Nothing => Look::Later(Wake::Inbox(*key)),
            });
        self.waiting = taken.is_pending();
        taken.map(|taken| match taken {
            Ok(arrival) => Some(Message::new(arrival, self.handle.clone())),
            Err(end) => end.map(Err),
        })
    }
}

impl Stream for Subscription {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(cx)
    }
}

/// Whoever polls once and goes away does not count as waiting: more would be read for it than is
/// taken.
struct Waiting<'a>(&'a mut Subscription);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if std::mem::take(&mut self.0.waiting) {
            let Subscription { handle, key, .. } = &self.0;
            let wake = Wake::Inbox(*key);
            let shared = &handle.shared;
            shared.leave(wake, |engine, now| engine.stop_waiting(*key, now));
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let wake = Wake::Inbox(self.key);
        let shared = &self.handle.shared;
        shared.leave(wake, |engine, now| engine.drop_subscriber(self.key, now));
    }
}
