use std::fmt;
use std::sync::Arc;

use stomp_frame::{Command, Frame, Headers, Version, header};

use crate::assemble::{self, Assembly, setters};
use crate::{CommandError, FrameError, HeartBeat, negotiate};

/// CONNECT, or STOMP: opens a session.
///
/// ```
/// use stomp_commands::{Connect, HeartBeat};
///
/// let frame = Connect::new("/")
///     .login("guest")
///     .passcode("guest")
///     .heart_beat(HeartBeat::new(10_000, 10_000))
///     .into_frame()?;
/// assert_eq!(frame.headers.get("accept-version"), Some("1.0,1.1,1.2"));
/// # Ok::<_, stomp_commands::CommandError>(())
/// ```
///
/// There is no receipt: CONNECTED is the answer (1.2, "receipt": "any client frame other than
/// CONNECT").
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connect {
    /// CONNECT, or STOMP.
    pub command: Command,
    /// The versions offered, in increasing order. All of them, unless told otherwise.
    pub versions: Vec<Version>,
    /// The virtual host: mandatory from 1.1 on, and not written when only 1.0 is offered.
    pub host: Option<String>,
    /// The user.
    pub login: Option<String>,
    /// The password. Never shown by `Debug`.
    pub passcode: Option<Passcode>,
    /// What we can do and would like to get. `0,0`, the default, is not written.
    pub heart_beat: HeartBeat,
    /// Headers of your own, such as ActiveMQ's `client-id`.
    pub headers: Headers,
}

impl Connect {
    /// Asks for a session on a virtual host, offering every version.
    ///
    /// RabbitMQ's default virtual host is `/`; ActiveMQ ignores the name.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            command: Command::Connect,
            versions: Version::ALL.to_vec(),
            host: Some(host.into()),
            login: None,
            passcode: None,
            heart_beat: HeartBeat::NONE,
            headers: Headers::new(),
        }
    }

    /// Says STOMP instead of CONNECT, so that a server can tell it from HTTP. Needs 1.1 or later.
    #[must_use]
    pub fn stomp(mut self) -> Self {
        self.command = Command::Stomp;
        self
    }

    /// Offers these versions, in any order.
    #[must_use]
    pub fn versions(mut self, versions: impl IntoIterator<Item = Version>) -> Self {
        self.versions = versions.into_iter().collect();
        self.versions.sort_unstable();
        self.versions.dedup();
        self
    }

    /// Sets the user.
    #[must_use]
    pub fn login(mut self, login: impl Into<String>) -> Self {
        self.login = Some(login.into());
        self
    }

    /// Sets the password.
    #[must_use]
    pub fn passcode(mut self, passcode: impl Into<Passcode>) -> Self {
        self.passcode = Some(passcode.into());
        self
    }

    /// Sets what we can do and would like to get.
    #[must_use]
    pub fn heart_beat(mut self, heart_beat: HeartBeat) -> Self {
        self.heart_beat = heart_beat;
        self
    }

    setters!(header);

    /// Builds the frame. It is the same for all versions, since none is settled yet.
    ///
    /// An offer of 1.0 alone is written the way 1.0 had it: without `accept-version`, `host` and
    /// `heart-beat`.
    ///
    /// # Errors
    ///
    /// When no version is offered, when STOMP offers 1.0 alone, when `host` is needed and missing,
    /// or when a header of your own has a method here.
    pub fn into_frame(self) -> Result<Frame, CommandError> {
        let highest = *self.versions.iter().max().ok_or(CommandError::NoVersion)?;
        let mut frame = Assembly::new(self.command, highest)?;
        if highest > Version::V1_0 {
            frame = frame
                .put(
                    header::ACCEPT_VERSION,
                    negotiate::version_list(&self.versions),
                )
                .put_required(header::HOST, self.host)?;
        }
        frame = frame.put_if_some(header::LOGIN, self.login).put_if_some(
            header::PASSCODE,
            self.passcode.as_ref().map(Passcode::as_str),
        );
        if highest > Version::V1_0 && !self.heart_beat.is_none() {
            frame = frame.put(header::HEART_BEAT, self.heart_beat.to_string());
        }
        frame.finish(&self.headers)
    }

    /// Reads CONNECT or STOMP as a server that has settled the version by
    /// [`negotiate::common_version`].
    ///
    /// # Errors
    ///
    /// When it is another frame; when STOMP comes without `accept-version`, or anything above 1.0
    /// without `host`; when `heart-beat` is malformed, which 1.0 does not look at.
    pub fn from_frame(mut frame: Frame, version: Version) -> Result<Self, FrameError> {
        let command = frame.command;
        match command {
            Command::Connect => {}
            Command::Stomp => assemble::required(&frame, header::ACCEPT_VERSION).map(drop)?,
            _ => return Err(FrameError::UnexpectedCommand { command }),
        }
        if version == Version::V1_0 {
            frame.headers.trim_padding();
        }
        let (host, heart_beat) = match version {
            Version::V1_0 => (assemble::optional(&frame, header::HOST), HeartBeat::NONE),
            _ => (
                Some(assemble::required(&frame, header::HOST)?.to_owned()),
                frame
                    .headers
                    .get(header::HEART_BEAT)
                    .map_or(Ok(HeartBeat::NONE), str::parse)?,
            ),
        };
        Ok(Self {
            command,
            versions: negotiate::offered_versions(frame.headers.get(header::ACCEPT_VERSION)),
            host,
            login: assemble::optional(&frame, header::LOGIN),
            passcode: assemble::optional(&frame, header::PASSCODE),
            heart_beat,
            headers: assemble::user_headers(&mut frame),
        })
    }
}

/// A password, which `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Passcode(Arc<str>);

impl Passcode {
    /// Keeps a password.
    #[must_use]
    pub fn new(passcode: impl Into<Arc<str>>) -> Self {
        Self(passcode.into())
    }

    /// Reveals the password.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Passcode {
    fn from(passcode: &str) -> Self {
        Self::new(passcode)
    }
}

impl From<String> for Passcode {
    fn from(passcode: String) -> Self {
        Self::new(passcode)
    }
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}
