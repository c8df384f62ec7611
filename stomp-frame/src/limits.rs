/// What a decoder accepts before it gives up on its peer.
///
/// The specification allows every one of these limits ("Size Limits"). They are checked while
/// bytes arrive: a limit of L fails at byte L + 1, not when the frame is complete.
///
/// ```
/// use stomp_frame::Limits;
///
/// let limits = Limits::client().body(64 << 20);
/// assert_eq!(limits.headers, 256);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Header lines of a frame, repeats included.
    ///
    /// Counting distinct names only, as some brokers do, lets repeats through without end.
    pub headers: usize,
    /// Octets of one line, the command line included, without its line end.
    pub header_line: usize,
    /// Octets of command and header lines together.
    pub head: usize,
    /// Octets of a body.
    pub body: u64,
}

impl Limits {
    /// For clients: 256 headers, 16 KiB a line, 64 KiB a head, 16 MiB a body.
    ///
    /// RabbitMQ and ActiveMQ both let larger messages through when configured to, but no header
    /// section of theirs comes near.
    #[must_use]
    pub const fn client() -> Self {
        Self {
            headers: 256,
            header_line: 16 << 10,
            head: 64 << 10,
            body: 16 << 20,
        }
    }

    /// For servers before CONNECT was accepted: 64 headers, 16 KiB a line, 32 KiB a head, no body.
    ///
    /// An unknown peer should cost next to nothing.
    #[must_use]
    pub const fn server_before_connect() -> Self {
        Self {
            headers: 64,
            header_line: 16 << 10,
            head: 32 << 10,
            body: 0,
        }
    }

    /// For servers after CONNECT: 128 headers, 16 KiB a line, 64 KiB a head, 4 MiB a body.
    #[must_use]
    pub const fn server() -> Self {
        Self {
            headers: 128,
            header_line: 16 << 10,
            head: 64 << 10,
            body: 4 << 20,
        }
    }

    /// Sets [`headers`](Self::headers).
    #[must_use]
    pub const fn headers(mut self, headers: usize) -> Self {
        self.headers = headers;
        self
    }

    /// Sets [`header_line`](Self::header_line), in octets.
    #[must_use]
    pub const fn header_line(mut self, octets: usize) -> Self {
        self.header_line = octets;
        self
    }

    /// Sets [`head`](Self::head), in octets.
    #[must_use]
    pub const fn head(mut self, octets: usize) -> Self {
        self.head = octets;
        self
    }

    /// Sets [`body`](Self::body), in octets.
    #[must_use]
    pub const fn body(mut self, octets: u64) -> Self {
        self.body = octets;
        self
    }
}

/// The limits for [clients](Limits::client).
impl Default for Limits {
    fn default() -> Self {
        Self::client()
    }
}
