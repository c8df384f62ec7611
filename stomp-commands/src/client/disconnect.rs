use stomp_frame::{Command, Frame, Headers, Version, header};

use crate::assemble::{self, Assembly, setters};
use crate::{CommandError, FrameError, Peer, ReceiptId};

/// DISCONNECT: ends a session in good order.
///
/// Its receipt says that the server has taken what came before. On RabbitMQ it does not cover the
/// receipts of earlier SENDs, which never come then: wait for those first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disconnect {
    /// Asks for a RECEIPT.
    pub receipt: Option<ReceiptId>,
    /// Headers of your own.
    pub headers: Headers,
}

impl Disconnect {
    /// Ends the session.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    setters!(receipt, header, into_frame);

    /// Builds the frame.
    ///
    /// # Errors
    ///
    /// When a header of your own has a method here.
    pub fn to_frame(&self, to: impl Into<Peer>) -> Result<Frame, CommandError> {
        let mut frame = Assembly::new(Command::Disconnect, to)?;
        frame.put_if_some(header::RECEIPT, self.receipt.as_ref());
        frame.finish(&self.headers)
    }

    /// Reads the frame.
    ///
    /// # Errors
    ///
    /// When it is another frame.
    pub fn from_frame(mut frame: Frame, version: Version) -> Result<Self, FrameError> {
        assemble::expect_command(&frame, Command::Disconnect, version)?;
        Ok(Self {
            receipt: assemble::optional(&frame, header::RECEIPT),
            headers: assemble::user_headers(&mut frame),
        })
    }
}
