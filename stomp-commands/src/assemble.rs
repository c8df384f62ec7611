//! From typed to frame and back: what all commands have in common.

use stomp_frame::{Command, Frame, Headers, Version, header};

use crate::{CommandError, Feature, FrameError, Peer, Words};

/// A frame being built: typed headers first, the user's own behind them.
pub(crate) struct Assembly {
    frame: Frame,
    peer: Peer,
}

impl Assembly {
    /// Begins a frame, if the version has the command.
    pub(crate) fn new(command: Command, to: impl Into<Peer>) -> Result<Self, CommandError> {
        let peer = to.into();
        let version = peer.version;
        if !command.exists_in(version) {
            return Err(CommandError::NotInVersion { command, version });
        }
        let frame = Frame::new(command);
        Ok(Self { frame, peer })
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    /// The words of whom the frame goes to.
    pub(crate) fn words(&self) -> &'static Words {
        self.peer.dialect.words()
    }

    /// The error for what the words lack.
    pub(crate) fn inexpressible(&self, feature: Feature) -> CommandError {
        let dialect = self.peer.dialect;
        CommandError::Inexpressible { dialect, feature }
    }

    /// Refuses a transaction that the broker would ignore.
    pub(crate) fn expect_transactions(&self) -> Result<(), CommandError> {
        match self.words().transactions {
            true => Ok(()),
            false => Err(self.inexpressible(Feature::Transactions)),
        }
    }

    /// The error for a number beyond the words' range.
    pub(crate) fn out_of_range(&self, feature: Feature, min: u64, max: u64) -> CommandError {
        CommandError::OutOfRange {
            dialect: self.peer.dialect,
            feature,
            min,
            max,
        }
    }

    pub(crate) fn put(&mut self, name: &str, value: impl AsRef<str>) {
        self.frame.headers.append(name, value);
    }

    pub(crate) fn put_all(&mut self, headers: &[(&str, &str)]) {
        self.frame.headers.extend(headers.iter().copied());
    }

    pub(crate) fn put_if_some(&mut self, name: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Puts a header that the version demands.
    pub(crate) fn put_required(
        &mut self,
        name: &'static str,
        value: Option<impl AsRef<str>>,
    ) -> Result<(), CommandError> {
        let value = value.ok_or(CommandError::MissingHeader {
            command: self.frame.command,
            header: name,
            version: self.peer.version,
        })?;
        self.put(name, value);
        Ok(())
    }

    /// Adds the user's headers, unless one of them has a method of its own or was put before: a
    /// repeat behind the typed header would be ignored without a word.
    pub(crate) fn finish(mut self, user: &Headers) -> Result<Frame, CommandError> {
        let command = self.frame.command;
        let typed = self.frame.headers.len();
        for (name, value) in user {
            let taken = typed_headers(command).contains(&name)
                || self
                    .frame
                    .headers
                    .iter()
                    .take(typed)
                    .any(|(put, _)| put == name);
            if taken {
                return Err(CommandError::ReservedHeader {
                    command,
                    header: name.to_owned(),
                });
            }
            self.frame.headers.append(name, value);
        }
        Ok(self.frame)
    }
}

/// Refuses a frame of another command, or one that the version does not have.
pub(crate) fn expect_command(
    frame: &Frame,
    command: Command,
    version: Version,
) -> Result<(), FrameError> {
    if frame.command == command && command.exists_in(version) {
        Ok(())
    } else {
        Err(FrameError::UnexpectedCommand {
            command: frame.command,
        })
    }
}

/// Reads a header that the version demands.
pub(crate) fn required<'a>(frame: &'a Frame, header: &'static str) -> Result<&'a str, FrameError> {
    frame.headers.get(header).ok_or(missing(frame, header))
}

/// The error for a header that the version demands.
pub(crate) fn missing(frame: &Frame, header: &'static str) -> FrameError {
    FrameError::MissingHeader {
        command: frame.command,
        header,
    }
}

/// Reads a header as an id, if it is there.
pub(crate) fn optional<'a, T: From<&'a str>>(frame: &'a Frame, header: &str) -> Option<T> {
    frame.headers.get(header).map(T::from)
}

/// Takes the user's headers: all but those the command has fields for.
///
/// Repeats of a typed header go, too: only the first counts (1.2, "Repeated Header Entries").
pub(crate) fn user_headers(frame: &mut Frame) -> Headers {
    let typed = typed_headers(frame.command);
    let mut headers = std::mem::take(&mut frame.headers);
    headers.retain(|name, _| !typed.contains(&name));
    headers
}

/// The headers for which a command has fields or methods, so that nobody can give them by name.
///
/// `content-length` is the encoder's.
pub(crate) const fn typed_headers(command: Command) -> &'static [&'static str] {
    use header::*;
    match command {
        Command::Connect | Command::Stomp => &[
            ACCEPT_VERSION,
            HOST,
            LOGIN,
            PASSCODE,
            HEART_BEAT,
            crate::client::CLIENT_ID,
            RECEIPT,
            CONTENT_LENGTH,
        ],
        Command::Send => &[
            DESTINATION,
            TRANSACTION,
            RECEIPT,
            CONTENT_TYPE,
            CONTENT_LENGTH,
        ],
        Command::Subscribe => &[DESTINATION, ID, ACK, RECEIPT, CONTENT_LENGTH],
        Command::Unsubscribe => &[DESTINATION, ID, RECEIPT, CONTENT_LENGTH],
        Command::Ack | Command::Nack => &[
            ID,
            MESSAGE_ID,
            SUBSCRIPTION,
            TRANSACTION,
            RECEIPT,
            CONTENT_LENGTH,
        ],
        Command::Begin | Command::Commit | Command::Abort => {
            &[TRANSACTION, RECEIPT, CONTENT_LENGTH]
        }
        Command::Disconnect => &[RECEIPT, CONTENT_LENGTH],
        Command::Connected => &[VERSION, SESSION, SERVER, HEART_BEAT, CONTENT_LENGTH],
        Command::Message => &[
            DESTINATION,
            MESSAGE_ID,
            SUBSCRIPTION,
            ACK,
            CONTENT_TYPE,
            CONTENT_LENGTH,
        ],
        Command::Receipt => &[RECEIPT_ID, CONTENT_LENGTH],
        Command::Error => &[
            MESSAGE_HEADER,
            RECEIPT_ID,
            VERSION,
            SUBSCRIPTION,
            CONTENT_TYPE,
            CONTENT_LENGTH,
        ],
    }
}

/// `message` of ERROR, by a name that is not the command's.
const MESSAGE_HEADER: &str = header::MESSAGE;

/// Setters that several commands share, and what builds the frame by value.
macro_rules! setters {
    ($($setter:ident),*) => { $(setters!(@ $setter);)* };
    (@ header) => {
        /// Adds a header of your own, behind the command's.
        ///
        /// A name that has its own method here is refused when the frame is built.
        #[must_use]
        pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
            self.headers.append(name, value);
            self
        }
    };
    (@ into_frame) => {
        /// Builds the frame, for whoever has no further use for the command: see
        /// [`to_frame`](Self::to_frame).
        ///
        /// # Errors
        ///
        /// As for [`to_frame`](Self::to_frame).
        pub fn into_frame(
            self,
            to: impl Into<crate::Peer>,
        ) -> Result<stomp_frame::Frame, crate::CommandError> {
            self.to_frame(to)
        }
    };
    (@ receipt) => {
        /// Asks the server for a RECEIPT with this id.
        #[must_use]
        pub fn receipt(mut self, id: impl Into<crate::ReceiptId>) -> Self {
            self.receipt = Some(id.into());
            self
        }
    };
    (@ transaction) => {
        /// Makes this part of a transaction: it takes effect with COMMIT, or not at all.
        #[must_use]
        pub fn transaction(mut self, id: impl Into<crate::TransactionId>) -> Self {
            self.transaction = Some(id.into());
            self
        }
    };
}
pub(crate) use setters;
