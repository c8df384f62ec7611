use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::MemoryStream;
use crate::ConnectionId;
use crate::shared::{Shared, Timer, Who};

/// Opens in-memory links to a [`TestBroker`](crate::TestBroker).
///
/// Cheap to clone, and of no influence on the broker's life: when the broker is dropped, connecting
/// fails as if nobody listened.
#[derive(Clone, Debug)]
pub struct Connector {
    shared: Arc<Shared>,
    node: usize,
}

impl Connector {
    pub(crate) fn new(shared: Arc<Shared>, node: usize) -> Self {
        Self { shared, node }
    }

    /// Opens a link for a blocking client.
    ///
    /// # Errors
    ///
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused) when the broker is gone, has crashed
    /// or refuses connections.
    pub fn connect(&self) -> io::Result<MemoryStream> {
        let link = Link::open(&self.shared, self.node)?;
        self.shared.watch_from_thread(link.id);
        Ok(MemoryStream::new(link))
    }

    /// Opens a link for a client of a tokio runtime; its timers run by that runtime's clock, paused
    /// or not.
    ///
    /// # Errors
    ///
    /// See [`connect`](Self::connect).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn connect_async(&self) -> io::Result<AsyncMemoryStream> {
        let link = Link::open(&self.shared, self.node)?;
        tokio::spawn(run_timer(Arc::clone(&self.shared), link.id));
        Ok(AsyncMemoryStream {
            link,
            received: Bytes::new(),
        })
    }
}

/// The client's end of a connection; the broker's end is the broker itself, called directly.
///
/// Dropping it closes the connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: ConnectionId,
}

impl Link {
    fn open(shared: &Arc<Shared>, node: usize) -> io::Result<Self> {
        let id = shared
            .open(node, now())
            .ok_or(io::ErrorKind::ConnectionRefused)?;
        Ok(Self {
            shared: Arc::clone(shared),
            id,
        })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared
            .with(|broker| broker.handle_close(self.id, now()));
        self.shared.forget(self.id);
    }
}

/// The time by the clock of the tokio runtime this is called from, else by the system's.
pub(crate) fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// An in-memory link to the broker, for asynchronous clients.
///
/// Opened by [`TestBroker::connect_memory_async`](crate::TestBroker::connect_memory_async). Nothing
/// is in between: what is written is handled by the broker before the write returns.
#[derive(Debug)]
pub struct AsyncMemoryStream {
    link: Link,
    /// Taken from the broker, not yet read.
    received: Bytes,
}

impl AsyncRead for AsyncMemoryStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.received.is_empty() {
            let id = this.link.id;
            let shared = &this.link.shared;
            let output =
                shared.poll_with(id, Who::Reader, cx, |broker| broker.poll_output(id, now()));
            match ready!(output) {
                Some(output) => this.received = output,
                None => return Poll::Ready(Ok(())), // the end
            }
        }
        let count = this.received.len().min(buf.remaining());
        buf.put_slice(&this.received[..count]);
        this.received.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for AsyncMemoryStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Link { shared, id } = &self.link;
        shared.poll_with(*id, Who::Writer, cx, |broker| {
            broker.poll_input(*id, buf, now())
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Link { shared, id } = &self.link;
        shared.with(|broker| broker.handle_eof(*id, now()));
        Poll::Ready(Ok(()))
    }
}

/// Watches the timers of one connection until it is gone.
pub(crate) async fn run_timer(shared: Arc<Shared>, id: ConnectionId) {
    let mut sleep = std::pin::pin!(tokio::time::sleep_until(Instant::now()));
    let mut asleep = false;
    poll_fn(move |cx| {
        loop {
            let deadline = match shared.fire_timer(id, cx, now()) {
                Timer::At(deadline) => deadline,
                Timer::Idle => return Poll::Pending,
                Timer::Gone => return Poll::Ready(()),
            };
            if !asleep || sleep.deadline().into_std() != deadline {
                sleep.as_mut().reset(deadline.into());
                asleep = true;
            }
            ready!(sleep.as_mut().poll(cx));
            asleep = false;
        }
    })
    .await;
}
