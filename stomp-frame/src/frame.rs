use std::fmt;

use bytes::Bytes;

use crate::{Command, Headers};

/// A STOMP frame, decoded, for either direction.
///
/// A decoded frame shares the read buffer: neither its headers nor its body were copied. If you
/// keep a few frames out of many, [`detach`](Self::detach) them, so that they do not keep whole
/// buffers alive.
///
/// ```
/// use stomp_frame::{Command, Frame};
///
/// let frame = Frame::new(Command::Send)
///     .header("destination", "/queue/a")
///     .body("hello");
/// assert_eq!(frame.to_string(), "SEND /queue/a (5 bytes)");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(
    clippy::exhaustive_structs,
    reason = "a frame has these three parts by the specification"
)]
pub struct Frame {
    /// The first line.
    pub command: Command,
    /// The header lines, decoded.
    pub headers: Headers,
    /// The body, as it stands on the wire.
    pub body: Bytes,
}

impl Frame {
    /// Creates a frame without headers and body.
    #[must_use]
    pub fn new(command: Command) -> Self {
        Self {
            command,
            headers: Headers::new(),
            body: Bytes::new(),
        }
    }

    /// Appends a header.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Copies headers and body out of the read buffer they share with other frames.
    pub fn detach(&mut self) {
        self.headers.detach();
        self.body = Bytes::copy_from_slice(&self.body);
    }
}

/// Shows the command, where it goes, and how long the body is: fit for a log line.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.command.as_str())?;
        if let Some(destination) = self.headers.get(crate::header::DESTINATION) {
            write!(f, " {destination}")?;
        }
        if !self.body.is_empty() {
            write!(f, " ({} bytes)", self.body.len())?;
        }
        Ok(())
    }
}

/// Shows all headers (the passcode hidden) and the length of the body, not its content.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame")
            .field("command", &self.command)
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}
