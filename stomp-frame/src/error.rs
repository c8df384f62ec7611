/// The peer sent something that is not STOMP. The connection cannot go on, unless the frame is
/// [skipped](crate::OnUnreadable::Skip).
///
/// Says which rule was broken and where, never what the header said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (at octet {position} of the stream)")]
#[non_exhaustive]
pub struct DecodeError {
    /// The rule that was broken.
    pub kind: DecodeErrorKind,
    /// Where the offending line or octet begins, in octets since the decoder was made.
    pub position: u64,
}

/// The rule that a peer broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The first line is not a command of this version from this side.
    #[error("unknown command")]
    UnknownCommand,
    /// A header line has no colon, or nothing in front of it.
    #[error("header line without a name and a colon")]
    MalformedHeader,
    /// A backslash is followed by something the version gives no meaning.
    #[error("undefined escape sequence in a header")]
    UndefinedEscape,
    /// 1.2: a CR that is not followed by LF.
    #[error("carriage return without a line feed")]
    BareCr,
    /// A NUL in a command or header line: most often the blank line before it is missing.
    #[error("NUL in a command or header line (is the blank line after the headers missing?)")]
    NulInHeader,
    /// A command or header line is not UTF-8.
    #[error("command or header line is not UTF-8")]
    InvalidUtf8,
    /// `content-length` is not a number of ASCII digits below 2^64.
    #[error("content-length is not a decimal number below 2^64")]
    BadContentLength,
    /// The octet after `content-length` octets of body is not NUL.
    #[error("no NUL after the body (is content-length wrong?)")]
    MissingNulAfterBody,
    /// 1.1 and 1.2: a body on a command other than SEND, MESSAGE and ERROR.
    #[error("body on a command that may not have one")]
    BodyNotAllowed,
    /// More header lines than [`Limits::headers`](crate::Limits::headers).
    #[error("more header lines than the limit")]
    TooManyHeaders,
    /// A line longer than [`Limits::header_line`](crate::Limits::header_line).
    #[error("command or header line longer than the limit")]
    HeaderLineTooLong,
    /// Lines longer together than [`Limits::head`](crate::Limits::head).
    #[error("command and header lines longer together than the limit")]
    HeadTooLong,
    /// A body longer than [`Limits::body`](crate::Limits::body).
    #[error("body longer than the limit")]
    BodyTooLong,
    /// The message or stream that the frame came in ends inside the frame.
    #[error("the message or stream ends inside the frame")]
    CutShort,
}

/// The frame cannot be written in this version. Nothing was written.
///
/// Names the header, never its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The command is not one of this version from this side.
    #[error("{command} is not a command of STOMP {version} from this side")]
    UnknownCommand {
        /// The frame's command.
        command: crate::Command,
        /// The version in force.
        version: crate::Version,
    },
    /// A header has an empty name.
    #[error("a header has an empty name")]
    EmptyHeaderName,
    /// A header holds a character that this version has no escape for on this command.
    #[error("header {name:?} holds {character}, which {command} in STOMP {version} cannot carry")]
    Unencodable {
        /// The header's name.
        name: String,
        /// What it holds: a line feed, a carriage return or a colon.
        character: &'static str,
        /// The frame's command.
        command: crate::Command,
        /// The version in force.
        version: crate::Version,
    },
    /// A header holds NUL.
    #[error("header {name:?} holds NUL, which no STOMP version can carry")]
    NulInHeader {
        /// The header's name.
        name: String,
    },
    /// `content-length` was given and is not the length of the body.
    #[error("the given content-length is not the length of the body ({length} octets)")]
    BadContentLength {
        /// The true length.
        length: usize,
    },
    /// 1.1 and 1.2: a body on a command other than SEND, MESSAGE and ERROR.
    #[error("{command} may not have a body in STOMP {version}")]
    BodyNotAllowed {
        /// The frame's command.
        command: crate::Command,
        /// The version in force.
        version: crate::Version,
    },
    /// The body holds NUL and `content-length` is withheld, so its end could not be found.
    #[error("the body holds NUL, so content-length cannot be withheld")]
    NulInBody,
}
