use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::memory::{now, run_timer};
use crate::ConnectionId;
use crate::broker::BUFFER;
use crate::shared::{Shared, Who};

/// How long a closed connection still listens, so that the client gets the last frame before a
/// reset.
const LINGER: Duration = Duration::from_secs(1);

/// Moves octets between a stream and the broker until one of them has had enough.
pub(crate) async fn serve<S>(shared: Arc<Shared>, node: usize, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Some(id) = shared.open(node, now()) else {
        return;
    };
    let mut timer = pin!(run_timer(Arc::clone(&shared), id));
    let mut driver = Driver {
        shared: &shared,
        id,
        stream,
        output: Bytes::new(),
        ended: false,
    };
    let end = poll_fn(|cx| {
        // When the timer is done, the connection is gone, and the driver sees that, too.
        let _ = timer.as_mut().poll(cx);
        driver.poll(cx)
    })
    .await;
    let mut stream = driver.stream;
    shared.with(|broker| broker.handle_close(id, now()));
    shared.forget(id);
    if end.is_ok() {
        let _ = tokio::time::timeout(LINGER, linger(&mut stream)).await;
    }
}

async fn linger<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<()> {
    stream.shutdown().await?;
    let mut ignored = [0; 512];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}

struct Driver<'a, S> {
    shared: &'a Shared,
    id: ConnectionId,
    stream: S,
    /// Taken from the broker, not yet written.
    output: Bytes,
    /// The client will send no more.
    ended: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<'_, S> {
    /// Writes as far as it goes, and reads once, neither waiting for the other. Resolves when the
    /// connection is at its end: with an error if it broke.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = self.poll_write(cx)?;
        if written.is_ready() && self.is_done() {
            return Poll::Ready(Ok(()));
        }
        if self.poll_read(cx)?.is_ready() {
            // The others first: whoever gets what was read can take it while it is warm, and before
            // it has to wait in a queue.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if written.is_ready() {
            let more = self.shared.poll_with(self.id, Who::Reader, cx, |broker| {
                if broker.has_output(self.id) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            });
            if more.is_ready() {
                cx.waker().wake_by_ref();
            }
        }
        Poll::Pending
    }

    /// Ready when everything is written.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            while !self.output.is_empty() {
                match Pin::new(&mut self.stream).poll_write(cx, &self.output)? {
                    Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(count) => self.output.advance(count),
                    Poll::Pending => return Poll::Pending,
                }
            }
            let output = self
                .shared
                .with(|broker| broker.poll_transmit(self.id, now()));
            match output {
                Some(output) => self.output = output,
                None => break,
            }
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Ready when something was read; pending also when the broker wants nothing.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let id = self.id;
        if self.ended || !self.shared.look(|broker| broker.wants_read(id)) {
            return Poll::Pending;
        }
        // On the stack, so that an idle connection has no buffer.
        let mut space = [const { MaybeUninit::uninit() }; BUFFER];
        let mut buffer = ReadBuf::uninit(&mut space);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buffer)? {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(()) => {}
        }
        let octets = buffer.filled();
        self.ended = octets.is_empty();
        self.shared.with(|broker| match octets {
            [] => broker.handle_eof(id, now()),
            _ => broker.handle_data(id, octets, now()),
        });
        Poll::Ready(Ok(()))
    }

    fn is_done(&self) -> bool {
        self.shared.look(|broker| broker.poll_close(self.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    /// A client that has said all it had to say, and reads nothing.
    #[derive(Default)]
    struct HalfClosed {
        wire: Vec<u8>,
        reads: usize,
    }

    impl AsyncRead for &mut HalfClosed {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.reads += 1;
            buf.put_slice(&std::mem::take(&mut self.wire));
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for &mut HalfClosed {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_read_once() {
        let shared = Shared::new(Config::default());
        let mut stream = HalfClosed {
            wire: b"CONNECT\naccept-version:1.2\nhost:h\n\n\0".to_vec(),
            reads: 0,
        };
        let serving = serve(shared, 0, &mut stream);
        // It waits for the client to take CONNECTED, and turns no circles meanwhile.
        assert!(tokio::time::timeout(LINGER, serving).await.is_err());
        assert_eq!(stream.reads, 2);
    }
}
