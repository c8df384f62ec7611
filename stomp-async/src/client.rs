use std::sync::Arc;

use stomp_session::Connection;
use stomp_session::engine::Stats;

use crate::call::Call;
use crate::runtime::now;
use crate::shared::Handle;
use crate::{Error, Events, Send, Subscribe};

/// A connection to a broker, or to whichever of several is up. Cheap to clone; all clones share it.
///
/// One task owns the connection; this is a handle to it. When the last handle is gone, and with it
/// all [subscriptions](crate::Subscription) and [messages](crate::Message), what was fired goes out,
/// for the [linger](crate::Builder::linger) at most, and the task disconnects and ends.
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
    /// Prepares a message. It is sent by `.await`.
    pub fn send(&self, destination: impl Into<String>) -> Send {
        Send::new(self.handle.clone(), destination.into())
    }

    /// Prepares a subscription. It is opened by `.await`.
    pub fn subscribe(&self, destination: impl Into<String>) -> Subscribe {
        Subscribe::new(self.handle.clone(), destination.into())
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
    /// [`disconnect_timeout`](crate::Builder::disconnect_timeout), or the client is closed already. The
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
