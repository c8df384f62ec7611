use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use stomp_session::engine::OpId;

use crate::Error;
use crate::handle::Handle;
use crate::sync::now;

/// A message on its way out. Made by [`Client::send`](crate::Client::send); sent by [`fire`](Self::fire) or
/// [`confirmed`](Self::confirmed).
#[derive(Debug)]
#[must_use = "nothing is sent until `fire` or `confirmed` is called"]
pub struct Send {
    handle: Arc<Handle>,
    command: stomp_commands::Send,
    persistence: Persistence,
    timeout: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Persistence {
    /// Asked for by `confirmed`: brokers lose confirmed messages that are not persistent.
    WhenConfirmed,
    Never,
}

impl Send {
    pub(crate) fn new(handle: Arc<Handle>, destination: String) -> Self {
        Self {
            timeout: None,
            handle,
            command: stomp_commands::Send::to(destination),
            persistence: Persistence::WhenConfirmed,
        }
    }

    /// Sets a body of text: `text/plain;charset=utf-8`.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.command = self.command.text(text);
        self
    }

    /// Sets a body of octets: `application/octet-stream`.
    pub fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        self.command = self.command.bytes(body);
        self
    }

    /// Sets a body, and says nothing about what it is.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.command = self.command.body(body);
        self
    }

    /// Sets a body of JSON: `application/json`.
    ///
    /// # Errors
    ///
    /// When the value cannot be serialised.
    #[cfg(feature = "json")]
    pub fn json(mut self, value: &(impl serde::Serialize + ?Sized)) -> serde_json::Result<Self> {
        self.command = self.command.json(value)?;
        Ok(self)
    }

    /// Says what the body is: a MIME type.
    pub fn content_type(mut self, mime: impl Into<String>) -> Self {
        self.command = self.command.content_type(mime);
        self
    }

    /// Adds a header of your own. It travels with the message.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.command = self.command.header(name, value);
        self
    }

    /// Lets the broker keep a confirmed message in memory only. Faster, and gone if it crashes.
    pub fn transient(mut self) -> Self {
        self.persistence = Persistence::Never;
        self
    }

    /// Sets how long all of it may take: waiting for a connection and for room, writing, and the
    /// RECEIPT. Default: [`send_timeout`](crate::Builder::send_timeout) until the first octet is
    /// written, and [`receipt_timeout`](crate::Builder::receipt_timeout) from the last one on.
    pub fn timeout(mut self, patience: Duration) -> Self {
        self.timeout = Some(patience);
        self
    }

    /// Hands the message over to the connection that is up, or comes up in time.
    ///
    /// # Errors
    ///
    /// [`Error::NotSent`] when there is no connection in time, or no room; [`Error::Usage`] when a
    /// header cannot be written.
    pub fn fire(self) -> Result<(), Error> {
        self.enter(false).map(drop)
    }

    /// Sends the message, asks the broker to keep it on disk, and waits until it has confirmed it
    /// by a RECEIPT: both RabbitMQ and ActiveMQ lose confirmed messages in a crash that were not
    /// sent with `persistent:true`.
    ///
    /// # Errors
    ///
    /// [`Error::NotSent`] if no octet left this process, [`Error::Rejected`] if the broker answered
    /// by ERROR, and [`Error::Unconfirmed`] if nobody can know.
    pub fn confirmed(mut self) -> Result<(), Error> {
        if self.persistence == Persistence::WhenConfirmed {
            self.command = self.command.persistent();
        }
        match self.enter(true)? {
            Some(op) => self.handle.shared.answer(op).map(drop),
            None => Ok(()),
        }
    }

    fn enter(&self, confirm: bool) -> Result<Option<OpId>, Error> {
        self.handle
            .shared
            .enter(|engine, place| engine.send(&self.command, confirm, self.timeout, place, now()))
    }
}
