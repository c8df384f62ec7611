use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use stomp_session::engine::{ListenerId, Wake};

use crate::Event;
use crate::shared::{Look, Shared};

/// The events of a client from now on, as a [`Stream`]. It ends when the client is closed, and does
/// not keep the client alive.
///
/// Who does not keep up loses the oldest events: the last 64 are kept, and [`Event::Missed`] stands
/// for the others.
#[derive(Debug)]
pub struct Events {
    shared: Arc<Shared>,
    listener: ListenerId,
}

impl Events {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let listener = shared.with(|state| state.engine.listen());
        Self { shared, listener }
    }

    /// Waits for the next event; `None` when the client is closed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        let waiting = Waiting(self);
        poll_fn(|cx| waiting.0.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let listener = self.listener;
        self.shared
            .poll(cx, |engine, _| match engine.event(listener) {
                None if engine.end().is_none() => Look::Later(Wake::Listener(listener)),
                event => Look::Found(event),
            })
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll(cx)
    }
}

/// Keeps no waker of a future that is gone.
struct Waiting<'a>(&'a mut Events);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let wake = Wake::Listener(self.0.listener);
        self.0.shared.leave(wake, |_, _| {});
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let listener = self.listener;
        let wake = Wake::Listener(listener);
        self.shared
            .leave(wake, |engine, _| engine.unlisten(listener));
    }
}
