use std::sync::Arc;

use stomp_session::Connection;
use stomp_session::engine::Stats;

use crate::builder::Builder;
use crate::call::Call;
use crate::runtime::now;
use crate::shared::Handle;
use crate::{Error, Events, Send, Subscribe};

/// A connection to a broker, or to whichever of several is up. Cheap to clone; all clones share it.
///
/// One task owns the connection; this is a handle to it. When the last handle is gone, and with it
/// all [subscriptions](crate::Subscription) and [messages](crate::Message), what was fired goes out,
/// for the [linger](Builder::linger) at most, and the task disconnects and ends.
///
/// ```no_run
/// use stomp_async::Client;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::connect("stomp://guest:guest@localhost:61613").await?;
/// let mut inbox = client.subscribe("/queue/hello").await?;
/// client.send("/queue/hello").text("hi").confirmed().await?;
/// if let Some(message) = inbox.next().await.transpose()? {
///     println!("{}", message.text()?);
///     message.ack().await?;
/// }
/// client.disconnect().await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) handle: Arc<Handle>,
}

impl Client {
    /// Connects, and waits until the broker has said CONNECTED.
    ///
    /// `uri` names one broker (`stomp://user:pass@host:61613`) or several
    /// (`failover:(stomp://a,stomp://b)?randomize=false`): see
    /// [`FailoverUri`](stomp_failover::FailoverUri). [`builder`](Self::builder) has all the
    /// options.
    ///
    /// # Errors
    ///
    /// [`Error::Uri`] when the URI is wrong, [`Error::Connect`] when no broker accepts.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up and closes what was opened.
    pub async fn connect(uri: impl AsRef<str>) -> Result<Self, Error> {
        Self::builder(uri).connect().await
    }

    /// Prepares to connect. A wrong URI is reported by [`connect`](Builder::connect).
    pub fn builder(uri: impl AsRef<str>) -> Builder {
        Builder::new(uri.as_ref())
    }

    /// Prepares a message. It is sent by `.await`.
    pub fn send(&self, destination: impl Into<String>) -> Send {
        Send::new(self, destination.into())
    }

    /// Prepares a subscription. It is opened by `.await`.
    pub fn subscribe(&self, destination: impl Into<String>) -> Subscribe {
        Subscribe::new(self, destination.into())
    }

    /// Returns what happens to the connection from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        Events::new(self.handle.shared.clone())
    }

    /// Returns what was agreed with the broker. `None` while there is no connection.
    #[must_use]
    pub fn connection(&self) -> Option<Connection> {
        let shared = &self.handle.shared;
        shared.with(|state| state.engine.connection().cloned())
    }

    /// Returns what was counted since the client began.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.handle.shared.with(|state| state.engine.stats())
    }

    /// Ends the connection in order: what was sent before goes out, outstanding receipts are
    /// waited for, messages in hand may still be settled for a second, then DISCONNECT and its
    /// RECEIPT. After it, all handles are closed.
    ///
    /// # Errors
    ///
    /// When the broker did not answer within
    /// [`disconnect_timeout`](Builder::disconnect_timeout), or the client is closed already. The
    /// connection is closed all the same.
    ///
    /// # Cancel safety
    ///
    /// Once begun it goes on, whether or not the future is dropped.
    pub async fn disconnect(self) -> Result<(), Error> {
        let now = now();
        let shared = &self.handle.shared;
        let op = shared.with(|state| state.engine.disconnect(now));
        Call::asked(self.handle, op).answer().await.map(drop)
    }
}
