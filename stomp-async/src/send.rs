use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

use crate::Error;
use crate::call::Call;
use crate::shared::Handle;

/// A message on its way out. Made by [`Client::send`](crate::Client::send); sent by `.await`.
///
/// ```no_run
/// # async fn example(client: stomp_async::Client) -> Result<(), stomp_async::Error> {
/// client.send("/queue/a").text("fire and forget").await?;
/// client.send("/queue/a").text("kept").confirmed().await?;
/// # Ok(()) }
/// ```
///
/// # How far it has come when `.await` returns
///
/// | | `Ok(())` means |
/// |---|---|
/// | `.await` | the frame is queued for the connection that is up |
/// | `.confirmed().await` | the broker has processed this very frame, and was asked to keep it on disk |
///
/// # Cancel safety
///
/// Dropping the future before an octet of the frame was handed to the transport sends nothing.
/// Afterwards the frame goes out whole, and only the answer is lost.
#[derive(Debug)]
#[must_use = "nothing is sent until this is awaited"]
pub struct Send {
    handle: Arc<Handle>,
    command: stomp_commands::Send,
    /// Answer when its RECEIPT came.
    confirm: bool,
    persistence: Persistence,
    /// For all of it, if it is not the usual one.
    patience: Option<Duration>,
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
            handle,
            command: stomp_commands::Send::to(destination),
            confirm: false,
            persistence: Persistence::WhenConfirmed,
            patience: None,
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

    /// Waits until the broker has confirmed this message by a RECEIPT, and asks it to keep the
    /// message on disk: both RabbitMQ and ActiveMQ lose confirmed messages in a crash that were
    /// not sent with `persistent:true`.
    ///
    /// # Errors
    ///
    /// The future then fails with [`Error::NotSent`] if no octet left this process,
    /// [`Error::Rejected`] if the broker answered by ERROR, and [`Error::Unconfirmed`] if nobody
    /// can know.
    pub fn confirmed(mut self) -> Self {
        self.confirm = true;
        self
    }

    /// Lets the broker keep a confirmed message in memory only. Faster, and gone if it crashes.
    pub fn transient(mut self) -> Self {
        self.persistence = Persistence::Never;
        self
    }

    /// Sets how long all of it may take: waiting for a connection and for room, writing, and the
    /// RECEIPT of a confirmed message. Default: [`Builder::send_timeout`](crate::Builder::send_timeout)
    /// until the first octet leaves this process, and then
    /// [`Builder::receipt_timeout`](crate::Builder::receipt_timeout) from the last one on, which
    /// counts as well where it is shorter.
    pub fn timeout(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }
}

impl IntoFuture for Send {
    type Output = Result<(), Error>;
    type IntoFuture = Sending;

    fn into_future(self) -> Sending {
        let Self {
            handle,
            command,
            confirm,
            persistence,
            patience,
        } = self;
        let persistent = confirm && persistence == Persistence::WhenConfirmed;
        Sending {
            call: Call::new(handle),
            command: match persistent {
                true => command.persistent(),
                false => command,
            },
            confirm,
            patience,
        }
    }
}

/// A message that is being sent: what [`Send`] becomes by `.await`.
#[derive(Debug)]
#[must_use = "nothing is sent until this is awaited"]
pub struct Sending {
    call: Call,
    command: stomp_commands::Send,
    confirm: bool,
    patience: Option<Duration>,
}

impl Future for Sending {
    type Output = Result<(), Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            call,
            command,
            confirm,
            patience,
        } = self.get_mut();
        let answer = call.poll(cx, |engine, place, now| {
            engine.send(command, *confirm, *patience, place, now)
        });
        answer.map_ok(drop)
    }
}
