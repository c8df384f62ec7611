/// What a decoder takes beyond the specification.
///
/// The default is none of it: a peer that breaks the rules is told so by the end of the connection.
/// That is right for a broker, and for most clients. But a broker that stores what another sender
/// wrote may deliver an odd message again and again, each time to the end of the connection; a
/// client that must get past it says [`lenient`](Self::lenient).
///
/// What is written is always strict, whatever was read.
///
/// ```
/// use stomp_frame::{Decoder, Limits, Side, Tolerance};
///
/// let decoder = Decoder::new(Side::Server, Limits::client()).tolerance(Tolerance::lenient());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tolerance {
    /// Takes CR LF for a line end in 1.0 and 1.1, where CR is an octet of the value.
    ///
    /// RabbitMQ reads so in every version, ActiveMQ in 1.0.
    pub cr_lf: bool,
    /// Passes over NUL between frames, as RabbitMQ and ActiveMQ do.
    pub nul_between_frames: bool,
    /// Takes NUL for an octet of a header, as RabbitMQ and ActiveMQ pass it on.
    ///
    /// A frame without its blank line then swallows the frame that follows.
    pub nul_in_headers: bool,
    /// Reads a header line that is not UTF-8 with U+FFFD in place of what is wrong.
    ///
    /// RabbitMQ passes such octets on.
    pub invalid_utf8: bool,
    /// Drops one line end that stands for the body of a frame which may not have one.
    ///
    /// Clients by hand end CONNECT so.
    pub spare_line_end: bool,
    /// Drops the body of a frame that may not have one, as RabbitMQ and ActiveMQ do.
    pub spare_bodies: bool,
    /// Takes a backslash for itself where what follows makes no escape of it, as ActiveMQ does.
    pub undefined_escapes: bool,
    /// Reads `\r` in a header of 1.1 as CR, as 1.2 does.
    ///
    /// RabbitMQ and Artemis write it so to receivers of 1.1, where it is not defined (observed). It
    /// goes before [`undefined_escapes`](Self::undefined_escapes).
    pub carriage_return_escape: bool,
    /// Takes a header line without a colon for a header without a value, as ActiveMQ does.
    pub headers_without_colon: bool,
    /// Takes a header line that begins with the colon for a header without a name, as RabbitMQ does.
    pub headers_without_name: bool,
    /// Ends a body where `content-length` says, even though no NUL is there, as ActiveMQ does.
    ///
    /// What follows is read as the next frame, which rarely goes well.
    pub short_content_length: bool,
}

impl Tolerance {
    /// Takes nothing beyond the specification. The default.
    #[must_use]
    pub const fn strict() -> Self {
        Self {
            cr_lf: false,
            nul_between_frames: false,
            nul_in_headers: false,
            invalid_utf8: false,
            spare_line_end: false,
            spare_bodies: false,
            undefined_escapes: false,
            carriage_return_escape: false,
            headers_without_colon: false,
            headers_without_name: false,
            short_content_length: false,
        }
    }

    /// Takes everything that can be given a meaning: neither [bodies](Self::spare_bodies) that have
    /// none, nor a [`content-length`](Self::short_content_length) that is wrong.
    #[must_use]
    pub const fn lenient() -> Self {
        Self {
            cr_lf: true,
            nul_between_frames: true,
            nul_in_headers: true,
            invalid_utf8: true,
            spare_line_end: true,
            spare_bodies: false,
            undefined_escapes: true,
            carriage_return_escape: true,
            headers_without_colon: true,
            headers_without_name: true,
            short_content_length: false,
        }
    }
}
