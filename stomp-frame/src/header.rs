//! The header names of the specification.
//!
//! ```
//! use stomp_frame::{Command, Frame, header};
//!
//! let frame = Frame::new(Command::Send).header(header::DESTINATION, "/queue/a");
//! assert_eq!(frame.headers.get(header::DESTINATION), Some("/queue/a"));
//! ```

macro_rules! names {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        $($(#[$doc])* pub const $constant: &str = $name;)*

        /// Every name of this module, so that a caller can tell standard headers from its own.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

names! {
    /// CONNECT: the versions the client speaks, separated by commas.
    ACCEPT_VERSION = "accept-version";
    /// SUBSCRIBE: the ack mode. MESSAGE (1.2): the id for ACK and NACK.
    ACK = "ack";
    /// The number of octets of the body.
    CONTENT_LENGTH = "content-length";
    /// The MIME type of the body.
    CONTENT_TYPE = "content-type";
    /// SEND, SUBSCRIBE, MESSAGE: where to, where from.
    DESTINATION = "destination";
    /// CONNECT, CONNECTED: what the sender can do and what it would like to get, in ms.
    HEART_BEAT = "heart-beat";
    /// CONNECT: the virtual host.
    HOST = "host";
    /// SUBSCRIBE, UNSUBSCRIBE: the subscription. ACK, NACK (1.2): the `ack` of the MESSAGE.
    ID = "id";
    /// CONNECT: the user.
    LOGIN = "login";
    /// ERROR: a short description.
    MESSAGE = "message";
    /// MESSAGE: its identity. ACK, NACK (1.0, 1.1): the message meant.
    MESSAGE_ID = "message-id";
    /// CONNECT: the password. Never shown by `Debug`.
    PASSCODE = "passcode";
    /// Any client frame but CONNECT: asks for a RECEIPT with this id.
    RECEIPT = "receipt";
    /// RECEIPT, ERROR: the `receipt` of the frame that is answered.
    RECEIPT_ID = "receipt-id";
    /// SUBSCRIBE: which messages to deliver (1.0 names it; brokers define its language).
    SELECTOR = "selector";
    /// CONNECTED: the server's name, `/` version, and comments.
    SERVER = "server";
    /// CONNECTED: the id of the session.
    SESSION = "session";
    /// MESSAGE, and ACK and NACK in 1.1: the id of the subscription.
    SUBSCRIPTION = "subscription";
    /// SEND, ACK, NACK, BEGIN, COMMIT, ABORT: the transaction.
    TRANSACTION = "transaction";
    /// CONNECTED: the version of this connection. ERROR: the versions the server speaks.
    VERSION = "version";
}
