use stomp_commands::{ReceiptId, TransactionId};
use stomp_frame::Headers;

/// What may go with an ACK, a NACK or an UNSUBSCRIBE.
///
/// ```
/// use stomp_session::With;
///
/// let with = With::nothing().receipt("r7").transaction("t1");
/// # let _ = with;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct With {
    /// Settles with a transaction, not at once. UNSUBSCRIBE cannot.
    pub transaction: Option<TransactionId>,
    /// Asks for a RECEIPT.
    pub receipt: Option<ReceiptId>,
    /// Headers of your own.
    pub headers: Headers,
}

impl With {
    /// Starts with nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Makes it part of a transaction: it takes effect with COMMIT, or not at all.
    #[must_use]
    pub fn transaction(mut self, id: impl Into<TransactionId>) -> Self {
        self.transaction = Some(id.into());
        self
    }

    /// Asks the server for a RECEIPT with this id.
    #[must_use]
    pub fn receipt(mut self, id: impl Into<ReceiptId>) -> Self {
        self.receipt = Some(id.into());
        self
    }

    /// Adds a header of your own.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.headers.append(name, value);
        self
    }
}
