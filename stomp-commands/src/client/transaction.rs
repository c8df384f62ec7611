use stomp_frame::{Command, Frame, Headers, Version, header};

use crate::assemble::{self, Assembly, setters};
use crate::{CommandError, FrameError, Peer, ReceiptId, TransactionId};

macro_rules! transaction_command {
    ($(#[$doc:meta])* $name:ident, $command:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            /// Which transaction.
            pub transaction: TransactionId,
            /// Asks for a RECEIPT.
            pub receipt: Option<ReceiptId>,
            /// Headers of your own.
            pub headers: Headers,
        }

        impl $name {
            /// Makes the command for this transaction.
            #[must_use]
            pub fn new(transaction: impl Into<TransactionId>) -> Self {
                Self {
                    transaction: transaction.into(),
                    receipt: None,
                    headers: Headers::new(),
                }
            }

            setters!(receipt, header, into_frame);

            /// Builds the frame.
            ///
            /// # Errors
            ///
            /// When the broker ignores transactions; when a header of your own has a method here.
            pub fn to_frame(&self, to: impl Into<Peer>) -> Result<Frame, CommandError> {
                let mut frame = Assembly::new($command, to)?;
                frame.expect_transactions()?;
                frame.put(header::TRANSACTION, &self.transaction);
                frame.put_if_some(header::RECEIPT, self.receipt.as_ref());
                frame.finish(&self.headers)
            }

            /// Reads the frame.
            ///
            /// # Errors
            ///
            /// When it is another frame, or `transaction` is missing.
            pub fn from_frame(mut frame: Frame, version: Version) -> Result<Self, FrameError> {
                assemble::expect_command(&frame, $command, version)?;
                Ok(Self {
                    transaction: assemble::required(&frame, header::TRANSACTION)?.into(),
                    receipt: assemble::optional(&frame, header::RECEIPT),
                    headers: assemble::user_headers(&mut frame),
                })
            }
        }
    };
}

transaction_command! {
    /// BEGIN: starts a transaction, for SEND, ACK and NACK.
    ///
    /// ```
    /// use stomp_commands::{Begin, Commit, Send, Version::V1_2};
    ///
    /// let frames = [
    ///     Begin::new("t1").into_frame(V1_2)?,
    ///     Send::to("/queue/a").text("hello").transaction("t1").into_frame(V1_2)?,
    ///     Commit::new("t1").receipt("r1").into_frame(V1_2)?,
    /// ];
    /// assert!(frames.iter().all(|frame| frame.headers.get("transaction") == Some("t1")));
    /// # Ok::<_, stomp_commands::CommandError>(())
    /// ```
    Begin, Command::Begin
}

transaction_command! {
    /// COMMIT: makes everything in a transaction happen.
    Commit, Command::Commit
}

transaction_command! {
    /// ABORT: makes nothing in a transaction happen.
    Abort, Command::Abort
}
