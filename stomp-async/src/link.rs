use std::io;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use stomp_session::{CloseReason, Connection, Event, Session, Subscriptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{sleep_until, timeout};

use crate::transport::BoxTransport;

/// A transport and the session on it.
pub(crate) struct Link {
    pub(crate) session: Session,
    reader: ReadHalf<BoxTransport>,
    writer: WriteHalf<BoxTransport>,
    inbound: BytesMut,
    /// The piece that is being written.
    outbound: Bytes,
    /// Something was written since the last flush: a TLS stream keeps it until then.
    unflushed: bool,
    reading: bool,
    since: Instant,
}

/// How much is read at a time. Frames that the application keeps pin a buffer of this size.
const READ: usize = 32 << 10;

/// How long the last octets may take when all is said.
const LINGER: Duration = Duration::from_secs(1);

pub(crate) fn now() -> Instant {
    // tokio's clock, so that tests can stop it.
    tokio::time::Instant::now().into_std()
}

impl Link {
    pub(crate) fn new(transport: BoxTransport, session: Session) -> Self {
        let (reader, writer) = tokio::io::split(transport);
        Self {
            session,
            reader,
            writer,
            inbound: BytesMut::new(),
            outbound: Bytes::new(),
            unflushed: false,
            reading: true,
            since: now(),
        }
    }

    /// Works until CONNECTED.
    pub(crate) async fn handshake(&mut self) -> Result<Connection, CloseReason> {
        loop {
            self.step().await;
            while let Some(event) = self.session.poll_event() {
                match event {
                    Event::Connected(connection) => {
                        self.since = now();
                        return Ok(connection);
                    }
                    Event::Closed(reason) => return Err(reason),
                    _ => {}
                }
            }
        }
    }

    /// Waits until octets came or went, or a timer of the session is due, and tells the session.
    ///
    /// Reading and writing wait together: a broker that stops reading until we do would otherwise
    /// wait for ever, and so would we.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no octet in either direction.
    pub(crate) async fn step(&mut self) {
        // Asking for a piece says that the one before has left.
        if self.outbound.is_empty() && !self.unflushed {
            self.outbound = self.session.poll_transmit(now()).unwrap_or_default();
        }
        if self.inbound.capacity() - self.inbound.len() < READ / 8 {
            self.inbound.reserve(READ);
        }
        let writing = !self.outbound.is_empty() || self.unflushed;
        let due = self.session.poll_timeout();
        let timer = sleep_until(due.unwrap_or_else(now).into());
        tokio::select! {
            read = self.reader.read_buf(&mut self.inbound), if self.reading => match read {
                Ok(0) => self.session.handle_eof(now()),
                Ok(_) => self.session.handle_data(&mut self.inbound, now()),
                Err(error) => self.session.handle_io_error(&error, now()),
            },
            written = write(&mut self.writer, &self.outbound), if writing => match written {
                Ok(0) if !self.outbound.is_empty() => self.session.handle_eof(now()),
                Ok(octets) => {
                    self.outbound.advance(octets);
                    self.session.handle_written(octets, now());
                    self.unflushed = octets > 0;
                }
                Err(error) => self.session.handle_io_error(&error, now()),
            },
            () = timer, if due.is_some() => self.session.handle_timeout(now()),
            // Nothing is read, written or waited for while the application does not keep up.
            else => std::future::pending().await,
        }
    }

    /// Stops reading, because the application does not keep up.
    pub(crate) fn pause(&mut self) {
        if std::mem::take(&mut self.reading) {
            self.session.handle_pause();
        }
    }

    pub(crate) fn resume(&mut self) {
        if !std::mem::replace(&mut self.reading, true) {
            self.session.handle_resume(now());
        }
    }

    /// Writes what is left to be said, and closes. Takes no longer than a second. Dropping the link
    /// closes, too, without a word.
    pub(crate) async fn close(&mut self) {
        let last = async {
            loop {
                self.writer.write_all(&self.outbound).await?;
                match self.session.poll_transmit(now()) {
                    Some(piece) => self.outbound = piece,
                    None => return self.writer.shutdown().await,
                }
            }
        };
        if let Ok(Err(error)) | Err(error) = timeout(LINGER, last).await.map_err(io::Error::from) {
            tracing::debug!(%error, "the transport did not close in order");
        }
    }

    /// How long the connection has been up.
    pub(crate) fn stable_for(&self) -> Duration {
        now().saturating_duration_since(self.since)
    }

    pub(crate) fn into_subscriptions(self) -> Subscriptions {
        self.session.into_subscriptions()
    }
}

/// Writes a part of the piece, or flushes if there is none. Says how much was written.
async fn write(writer: &mut WriteHalf<BoxTransport>, piece: &[u8]) -> io::Result<usize> {
    match piece {
        [] => writer.flush().await.map(|()| 0),
        piece => writer.write(piece).await,
    }
}
