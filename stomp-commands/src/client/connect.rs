use std::fmt;

use stomp_frame::{Command, Frame, Headers, Version, header};

use crate::assemble::{self, Assembly, setters};
use crate::{CommandError, Dialect, FrameError, HeartBeat, Passcode, negotiate};

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
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connect {
    /// Says STOMP instead of CONNECT.
    pub stomp: bool,
    /// The versions offered, in any order. All of them, unless told otherwise.
    pub versions: Vec<Version>,
    /// The virtual host: mandatory from 1.1 on, and not written when only 1.0 is offered.
    pub host: Option<String>,
    /// The user.
    pub login: Option<String>,
    /// The password. Never shown by `Debug`.
    pub passcode: Option<Passcode>,
    /// What we can do and would like to get. `0,0`, the default, is not written.
    pub heart_beat: HeartBeat,
    /// Names the client, for the durable subscriptions of ActiveMQ and Artemis.
    pub client_id: Option<String>,
    /// How the broker reads CONNECT. Its CONNECTED comes too late to tell.
    pub dialect: Dialect,
    /// Headers of your own. `Debug` shows their names only: they may be tokens.
    pub headers: Headers,
}

impl Connect {
    /// Asks for a session on a virtual host, offering every version.
    ///
    /// RabbitMQ's default virtual host is `/`; ActiveMQ ignores the name.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            stomp: false,
            versions: Version::ALL.to_vec(),
            host: Some(host.into()),
            login: None,
            passcode: None,
            heart_beat: HeartBeat::NONE,
            client_id: None,
            dialect: Dialect::Generic,
            headers: Headers::new(),
        }
    }

    /// Says STOMP instead of CONNECT, so that a server can tell it from HTTP. Needs 1.1 or later.
    #[must_use]
    pub fn stomp(mut self) -> Self {
        self.stomp = true;
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

    /// Names the client, for the durable subscriptions of ActiveMQ and Artemis. No two connections
    /// may have the same name at a time.
    #[must_use]
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// Says what broker this is. Needed for a backslash in a login or passcode only: the
    /// specification has CONNECT unescaped, yet RabbitMQ and ActiveMQ unescape it.
    #[must_use]
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    setters!(header);

    /// Builds the frame. It is the same for all versions, since none is settled yet.
    ///
    /// An offer of 1.0 alone is written the way 1.0 had it: without `host` and `heart-beat`. But
    /// `accept-version` is there, which a server of 1.0 ignores: Spring answers nothing at all
    /// without it (observed).
    ///
    /// # Errors
    ///
    /// When no version is offered, when STOMP offers 1.0 alone, when `host` is needed and missing,
    /// or when a header of your own has a method here.
    pub fn into_frame(self) -> Result<Frame, CommandError> {
        let highest = *self.versions.iter().max().ok_or(CommandError::NoVersion)?;
        let command = match self.stomp {
            true => Command::Stomp,
            false => Command::Connect,
        };
        let passcode = self.passcode.as_ref().map(Passcode::as_str);
        let mut frame = Assembly::new(command, highest)?;
        let versions = negotiate::version_list(&self.versions);
        frame.put(header::ACCEPT_VERSION, versions);
        if highest > Version::V1_0 {
            frame.put_required(header::HOST, self.host.as_ref())?;
        }
        frame.put_if_some(header::LOGIN, self.login.as_ref());
        frame.put_if_some(header::PASSCODE, passcode);
        frame.put_if_some(CLIENT_ID, self.client_id.as_ref());
        if highest > Version::V1_0 && !self.heart_beat.is_none() {
            frame.put(header::HEART_BEAT, self.heart_beat.to_string());
        }
        let frame = frame.finish(&self.headers)?;
        Ok(match command {
            // The encoder leaves CONNECT as it is, but not STOMP.
            Command::Connect if self.dialect.words().unescapes_connect => escape(frame),
            _ => frame,
        })
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
            stomp: command == Command::Stomp,
            versions: negotiate::offered_versions(frame.headers.get(header::ACCEPT_VERSION)),
            host,
            login: assemble::optional(&frame, header::LOGIN),
            passcode: assemble::optional(&frame, header::PASSCODE),
            heart_beat,
            client_id: assemble::optional(&frame, CLIENT_ID),
            dialect: Dialect::Generic,
            headers: assemble::user_headers(&mut frame),
        })
    }
}

/// Shows neither the password nor the values of your own headers.
impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Connect")
            .field("stomp", &self.stomp)
            .field("versions", &self.versions)
            .field("host", &self.host)
            .field("login", &self.login)
            .field("passcode", &self.passcode)
            .field("heart_beat", &self.heart_beat)
            .field("client_id", &self.client_id)
            .field("dialect", &self.dialect)
            .field("headers", &headers)
            .finish()
    }
}

/// `client-id`, which is no word of the specification, but the same wherever there is one.
pub(crate) const CLIENT_ID: &str = "client-id";

/// Escapes all values. Colons may stay: brokers split at the first one.
fn escape(frame: Frame) -> Frame {
    let escaped = |value: &str| {
        value
            .replace('\\', r"\\")
            .replace('\n', r"\n")
            .replace('\r', r"\r")
    };
    let headers = frame.headers.iter();
    Frame {
        headers: headers
            .map(|(name, value)| (name, escaped(value)))
            .collect(),
        ..frame
    }
}
