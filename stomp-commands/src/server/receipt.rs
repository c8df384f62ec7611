use stomp_frame::{Command, Frame, Headers, Version, header};

use crate::assemble::{self, Assembly, setters};
use crate::{CommandError, FrameError, ReceiptId};

/// RECEIPT: the server has processed a frame that asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The `receipt` of that frame.
    pub receipt_id: ReceiptId,
    /// Everything else.
    pub headers: Headers,
}

impl Receipt {
    /// Confirms the frame with this `receipt`.
    #[must_use]
    pub fn new(receipt_id: impl Into<ReceiptId>) -> Self {
        Self {
            receipt_id: receipt_id.into(),
            headers: Headers::new(),
        }
    }

    setters!(header);

    /// Builds the frame.
    ///
    /// # Errors
    ///
    /// When a header of your own has a method here.
    pub fn into_frame(self) -> Result<Frame, CommandError> {
        let mut frame = Assembly::new(Command::Receipt, Version::V1_0)?;
        frame.put(header::RECEIPT_ID, self.receipt_id);
        frame.finish(&self.headers)
    }

    /// Reads the frame.
    ///
    /// # Errors
    ///
    /// When it is another frame, or `receipt-id` is missing.
    pub fn from_frame(mut frame: Frame) -> Result<Self, FrameError> {
        Ok(Self {
            receipt_id: Self::id_in(&frame)?.into(),
            headers: assemble::user_headers(&mut frame),
        })
    }

    /// Reads the receipt's id and nothing else, without a copy.
    ///
    /// # Errors
    ///
    /// When it is another frame, or `receipt-id` is missing.
    pub fn id_in(frame: &Frame) -> Result<&str, FrameError> {
        assemble::expect_command(frame, Command::Receipt, Version::V1_0)?;
        assemble::required(frame, header::RECEIPT_ID)
    }
}
