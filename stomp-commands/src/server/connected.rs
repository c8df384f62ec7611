use stomp_frame::{Command, Frame, Headers, Version, header};

use crate::assemble::{self, Assembly, setters};
use crate::{CommandError, Dialect, FrameError, HeartBeat, negotiate};

/// CONNECTED: the session is open.
///
/// ```
/// use stomp_commands::{Connected, Dialect, Version};
///
/// let frame = Connected::new(Version::V1_1).server("RabbitMQ/3.13.0").into_frame()?;
/// let connected = Connected::from_frame(frame, &Version::ALL)?;
/// assert_eq!(connected.version, Version::V1_1);
/// assert_eq!(connected.dialect(), Dialect::RabbitMq);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connected {
    /// The version in force from the next octet on.
    pub version: Version,
    /// The server's id of the session.
    pub session: Option<String>,
    /// The server's name, `/` version, and comments.
    pub server: Option<String>,
    /// What the server can do and would like to get.
    pub heart_beat: HeartBeat,
    /// Everything else.
    pub headers: Headers,
}

impl Connected {
    /// Opens a session of this version.
    #[must_use]
    pub fn new(version: Version) -> Self {
        Self {
            version,
            session: None,
            server: None,
            heart_beat: HeartBeat::NONE,
            headers: Headers::new(),
        }
    }

    /// Sets the server's id of the session.
    #[must_use]
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// Sets the server's name.
    #[must_use]
    pub fn server(mut self, server: impl Into<String>) -> Self {
        self.server = Some(server.into());
        self
    }

    /// Sets what the server can do and would like to get.
    #[must_use]
    pub fn heart_beat(mut self, heart_beat: HeartBeat) -> Self {
        self.heart_beat = heart_beat;
        self
    }

    setters!(header);

    /// Tells whose words the server understands.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        Dialect::detect(self.server.as_deref())
    }

    /// Builds the frame. A 1.0 session has no heart-beats.
    ///
    /// # Errors
    ///
    /// When a header of your own has a method here.
    pub fn into_frame(self) -> Result<Frame, CommandError> {
        let mut frame = Assembly::new(Command::Connected, self.version)?;
        frame.put(header::VERSION, self.version.as_str());
        frame.put_if_some(header::SESSION, self.session);
        frame.put_if_some(header::SERVER, self.server);
        if self.version > Version::V1_0 {
            frame.put(header::HEART_BEAT, self.heart_beat.to_string());
        }
        frame.finish(&self.headers)
    }

    /// Reads the answer to a CONNECT that offered `offered`.
    ///
    /// Without `version` it is 1.0, and 1.0 has no heart-beats whatever the header says.
    ///
    /// # Errors
    ///
    /// When it is another frame, when the version was not offered, when `heart-beat` is malformed.
    pub fn from_frame(mut frame: Frame, offered: &[Version]) -> Result<Self, FrameError> {
        assemble::expect_command(&frame, Command::Connected, Version::V1_0)?;
        let version = negotiate::chosen_version(frame.headers.get(header::VERSION), offered)?;
        let heart_beat = match (version, frame.headers.get(header::HEART_BEAT)) {
            (Version::V1_0, _) => {
                frame.headers.trim_padding();
                HeartBeat::NONE
            }
            (_, None) => HeartBeat::NONE,
            (_, Some(text)) => text.parse()?,
        };
        Ok(Self {
            version,
            session: assemble::optional(&frame, header::SESSION),
            server: assemble::optional(&frame, header::SERVER),
            heart_beat,
            headers: assemble::user_headers(&mut frame),
        })
    }
}
