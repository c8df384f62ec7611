use stomp_frame::{Command, Frame, Version};

use super::{Connected, ErrorFrame, Message, Receipt};
use crate::FrameError;

/// Any frame of a server, typed. Nothing that the version demands is missing.
///
/// ```
/// use stomp_commands::{Command, Frame, FrameError, ServerFrame, Version};
///
/// let frame = Frame::new(Command::Receipt).header("receipt-id", "r1");
/// let ServerFrame::Receipt(receipt) = ServerFrame::from_frame(frame, Version::V1_2)? else {
///     panic!()
/// };
/// assert_eq!(receipt.receipt_id.as_str(), "r1");
///
/// let bad = ServerFrame::from_frame(Frame::new(Command::Receipt), Version::V1_2);
/// assert_eq!(
///     bad.unwrap_err().to_string(),
///     r#"RECEIPT frame without the header "receipt-id""#
/// );
/// # Ok::<_, FrameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the server commands of the specification"
)]
#[allow(missing_docs)] // each variant is the command of its name
pub enum ServerFrame {
    Connected(Connected),
    Message(Message),
    Receipt(Receipt),
    Error(ErrorFrame),
}

impl ServerFrame {
    /// Reads a frame of a server by the rules of the version in force.
    ///
    /// CONNECTED is taken with any version here; a client reads the answer to its CONNECT with
    /// [`Connected::from_frame`], which knows the offer.
    ///
    /// # Errors
    ///
    /// When it is a client's frame, or a header is missing that the version demands.
    pub fn from_frame(frame: Frame, version: Version) -> Result<Self, FrameError> {
        let command = frame.command;
        match command {
            Command::Connected => Connected::from_frame(frame, &Version::ALL).map(Self::Connected),
            Command::Message => Message::from_frame(frame, version).map(Self::Message),
            Command::Receipt => Receipt::from_frame(frame).map(Self::Receipt),
            Command::Error => ErrorFrame::from_frame(frame).map(Self::Error),
            _ => Err(FrameError::UnexpectedCommand { command }),
        }
    }
}
