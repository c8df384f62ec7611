use stomp_frame::{Command, Frame, Version};

use super::{Abort, Ack, Begin, Commit, Connect, Disconnect, Nack, Send, Subscribe, Unsubscribe};
use crate::{CommandError, FrameError, Peer, ReceiptId};

/// Any frame of a client, typed. Nothing that the version demands is missing.
///
/// ```
/// use stomp_commands::{ClientFrame, Command, Frame, Version};
///
/// let frame = Frame::new(Command::Send).header("destination", "/queue/a");
/// let ClientFrame::Send(send) = ClientFrame::from_frame(frame, Version::V1_2)? else { panic!() };
/// assert_eq!(send.destination, "/queue/a");
/// # Ok::<_, stomp_commands::FrameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the client commands of the specification"
)]
#[allow(missing_docs)] // each variant is the command of its name
pub enum ClientFrame {
    Connect(Connect),
    Send(Send),
    Subscribe(Subscribe),
    Unsubscribe(Unsubscribe),
    Ack(Ack),
    Nack(Nack),
    Begin(Begin),
    Commit(Commit),
    Abort(Abort),
    Disconnect(Disconnect),
}

impl ClientFrame {
    /// Reads a frame of a client.
    ///
    /// `version` is the one in force; for CONNECT and STOMP, the one that
    /// [`negotiate::common_version`](crate::negotiate::common_version) has just settled.
    ///
    /// # Errors
    ///
    /// When it is a server's frame or one that the version does not have, when a header is missing
    /// that the version demands, or when a header has a value that the specification gives no
    /// meaning.
    pub fn from_frame(frame: Frame, version: Version) -> Result<Self, FrameError> {
        let command = frame.command;
        match command {
            Command::Connect | Command::Stomp => {
                Connect::from_frame(frame, version).map(Self::Connect)
            }
            Command::Send => Send::from_frame(frame, version).map(Self::Send),
            Command::Subscribe => Subscribe::from_frame(frame, version).map(Self::Subscribe),
            Command::Unsubscribe => Unsubscribe::from_frame(frame, version).map(Self::Unsubscribe),
            Command::Ack => Ack::from_frame(frame, version).map(Self::Ack),
            Command::Nack => Nack::from_frame(frame, version).map(Self::Nack),
            Command::Begin => Begin::from_frame(frame, version).map(Self::Begin),
            Command::Commit => Commit::from_frame(frame, version).map(Self::Commit),
            Command::Abort => Abort::from_frame(frame, version).map(Self::Abort),
            Command::Disconnect => Disconnect::from_frame(frame, version).map(Self::Disconnect),
            Command::Connected | Command::Message | Command::Receipt | Command::Error => {
                Err(FrameError::UnexpectedCommand { command })
            }
        }
    }

    /// Builds the frame.
    ///
    /// # Errors
    ///
    /// As the command's own `into_frame`.
    pub fn into_frame(self, to: impl Into<Peer>) -> Result<Frame, CommandError> {
        match self {
            Self::Connect(connect) => connect.into_frame(),
            Self::Send(send) => send.into_frame(to),
            Self::Subscribe(subscribe) => subscribe.into_frame(to),
            Self::Unsubscribe(unsubscribe) => unsubscribe.into_frame(to),
            Self::Ack(ack) => ack.into_frame(to),
            Self::Nack(nack) => nack.into_frame(to),
            Self::Begin(begin) => begin.into_frame(to),
            Self::Commit(commit) => commit.into_frame(to),
            Self::Abort(abort) => abort.into_frame(to),
            Self::Disconnect(disconnect) => disconnect.into_frame(to),
        }
    }

    /// Returns the id of the RECEIPT that the client asks for. CONNECT has none.
    #[must_use]
    pub fn receipt(&self) -> Option<&ReceiptId> {
        match self {
            Self::Connect(_) => None,
            Self::Send(send) => send.receipt.as_ref(),
            Self::Subscribe(subscribe) => subscribe.receipt.as_ref(),
            Self::Unsubscribe(unsubscribe) => unsubscribe.receipt.as_ref(),
            Self::Ack(ack) => ack.receipt.as_ref(),
            Self::Nack(nack) => nack.receipt.as_ref(),
            Self::Begin(begin) => begin.receipt.as_ref(),
            Self::Commit(commit) => commit.receipt.as_ref(),
            Self::Abort(abort) => abort.receipt.as_ref(),
            Self::Disconnect(disconnect) => disconnect.receipt.as_ref(),
        }
    }
}

macro_rules! variants {
    ($($name:ident),*) => {$(
        impl From<$name> for ClientFrame {
            fn from(command: $name) -> Self {
                Self::$name(command)
            }
        }
    )*};
}

variants!(
    Connect,
    Send,
    Subscribe,
    Unsubscribe,
    Ack,
    Nack,
    Begin,
    Commit,
    Abort,
    Disconnect
);
