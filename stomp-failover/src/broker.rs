mod parse;

use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt;

use crate::percent;

/// Where one broker listens, and how to talk to it: a member of a failover list.
///
/// `Display` and `Debug` hide the passcode and the values of the query, so a broker may be logged.
/// [`Broker::reveal`] shows all.
///
/// ```
/// use stomp_failover::{Broker, Scheme};
///
/// let broker: Broker = "stomp+tls://svc:p%40ss@mq.example".parse()?;
/// assert_eq!((broker.scheme(), broker.host(), broker.port()), (Scheme::StompTls, "mq.example", 61614));
/// assert_eq!((broker.login(), broker.passcode()), (Some("svc"), Some("p@ss")));
/// assert!(broker.uses_tls());
/// assert_eq!(broker.to_string(), "stomp+tls://svc:***@mq.example:61614");
/// # Ok::<(), stomp_failover::BrokerError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Broker {
    scheme: Scheme,
    /// In lower case; without brackets if it is an IPv6 address.
    host: String,
    port: u16,
    login: Option<String>,
    passcode: Option<String>,
    /// The path of a WebSocket; empty for the others.
    path: String,
    /// The query of a WebSocket, still percent-encoded.
    query: Option<String>,
    /// The options in the query of a broker that is not a WebSocket.
    own: Vec<(String, String)>,
    /// The `nested.` options of the list the broker is a member of.
    nested: Vec<(String, String)>,
}

impl Broker {
    /// Describes a broker that is not written down as a URI, say one found by DNS. `host` is a name
    /// or an address.
    pub fn new(scheme: Scheme, host: impl Into<String>, port: u16) -> Self {
        Self {
            scheme,
            host: host.into().trim_matches(['[', ']']).to_ascii_lowercase(),
            port,
            login: None,
            passcode: None,
            path: String::from(if scheme.is_websocket() { "/" } else { "" }),
            query: None,
            own: Vec::new(),
            nested: Vec::new(),
        }
    }

    /// Sets login and passcode, in clear.
    #[must_use]
    pub fn with_credentials(
        mut self,
        login: impl Into<String>,
        passcode: impl Into<String>,
    ) -> Self {
        self.login = Some(login.into());
        self.passcode = Some(passcode.into());
        self
    }

    /// Returns the scheme, which says how to connect.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host in lower case, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port, the default one of the scheme if the URI names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the login, percent-decoded.
    pub fn login(&self) -> Option<&str> {
        self.login.as_deref()
    }

    /// Returns the passcode, percent-decoded. It is shown nowhere else but in
    /// [`reveal`](Self::reveal).
    pub fn passcode(&self) -> Option<&str> {
        self.passcode.as_deref()
    }

    /// Tells whether to speak TLS.
    pub fn uses_tls(&self) -> bool {
        self.scheme.is_tls()
    }

    /// Tells whether to speak WebSocket.
    pub fn uses_websocket(&self) -> bool {
        self.scheme.is_websocket()
    }

    /// Returns path and query as they go into the WebSocket handshake (the "resource name" of RFC
    /// 6455, section 3), or `None` if the broker is not a WebSocket.
    pub fn resource_name(&self) -> Option<String> {
        self.uses_websocket().then(|| match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        })
    }

    /// Iterates over the options of this very broker: those of its own query (unless it is a
    /// WebSocket, whose query belongs to the handshake), then the `nested.` ones of the list,
    /// except where the broker has its own.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        let overridden = |name: &str| self.own.iter().any(|(own, _)| own == name);
        let nested = self
            .nested
            .iter()
            .filter(move |(name, _)| !overridden(name));
        self.own
            .iter()
            .chain(nested)
            .map(|(name, value)| (&**name, &**value))
    }

    /// Returns the value of one of the [`options`](Self::options).
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Tells whether both are the same place: scheme, host and port, whatever the login.
    pub fn is_same_endpoint(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }

    /// Shows the whole URI, passcode and all, so that it can be parsed again. Do not log it.
    pub fn reveal(&self) -> impl fmt::Display {
        Revealed(self)
    }

    /// Tells whether in a plain URI the options of this broker would be taken for those of the list.
    pub(crate) fn needs_parentheses(&self) -> bool {
        !self.own.is_empty()
    }

    pub(crate) fn set_nested(&mut self, nested: &[(String, String)]) {
        self.nested = nested.to_vec();
    }

    /// Returns the same place without login, passcode, path and options.
    pub(crate) fn endpoint(&self) -> Self {
        Self::new(self.scheme, &*self.host, self.port)
    }

    /// Tells whether the host is by its very name this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self
                .host
                .parse()
                .is_ok_and(|address: Ipv4Addr| address.is_loopback())
            || self
                .host
                .parse()
                .is_ok_and(|address: Ipv6Addr| address.is_loopback())
    }

    pub(crate) fn write(&self, f: &mut fmt::Formatter<'_>, secrets: Secrets) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if let Some(login) = &self.login {
            f.write_str(&percent::encode(login))?;
            if let Some(passcode) = &self.passcode {
                write!(f, ":{}", secrets.hide(percent::encode(passcode)))?;
            }
            f.write_str("@")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)?;
        } else {
            write!(f, "{}:{}", self.host, self.port)?;
        }
        f.write_str(&self.path)?;
        if let Some(query) = &self.query {
            write!(f, "?{}", secrets.hide(query.clone()))?;
        }
        for (index, (name, value)) in self.own.iter().enumerate() {
            let mark = if index == 0 { '?' } else { '&' };
            write!(
                f,
                "{mark}{}={}",
                percent::encode(name),
                secrets.hide(percent::encode(value))
            )?;
        }
        Ok(())
    }
}

/// Writes the URI without its secrets.
impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, Secrets::Hidden)
    }
}

/// Writes the URI without its secrets.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Broker({self})")
    }
}

struct Revealed<'a>(&'a Broker);

impl fmt::Display for Revealed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, Secrets::Shown)
    }
}

/// What a URI says about the transport. All of `tcp` and `stomp` are the same, and so are the four
/// that mean TLS.
///
/// | scheme | transport | default port |
/// | --- | --- | --- |
/// | `stomp`, `tcp` | TCP | 61613 |
/// | `stomp+tls`, `stomp+ssl`, `tls`, `ssl` | TLS | 61614 |
/// | `ws` | WebSocket | 80 |
/// | `wss` | WebSocket over TLS | 443 |
///
/// The WebSocket ports are those of RFC 6455, so that a URL means here what it means in a browser.
/// RabbitMQ's Web STOMP listens elsewhere: `ws://host:15674/ws`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// `stomp`: TCP.
    Stomp,
    /// `tcp`: TCP, as ActiveMQ and stompest write it.
    Tcp,
    /// `stomp+tls`: TLS.
    StompTls,
    /// `stomp+ssl`: TLS, as ActiveMQ writes it.
    StompSsl,
    /// `tls`: TLS.
    Tls,
    /// `ssl`: TLS, as ActiveMQ and stompest write it.
    Ssl,
    /// `ws`: WebSocket.
    Ws,
    /// `wss`: WebSocket over TLS.
    Wss,
}

impl Scheme {
    const ALL: [Self; 8] = [
        Self::Stomp,
        Self::Tcp,
        Self::StompTls,
        Self::StompSsl,
        Self::Tls,
        Self::Ssl,
        Self::Ws,
        Self::Wss,
    ];

    /// Returns the scheme as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stomp => "stomp",
            Self::Tcp => "tcp",
            Self::StompTls => "stomp+tls",
            Self::StompSsl => "stomp+ssl",
            Self::Tls => "tls",
            Self::Ssl => "ssl",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// Returns the port that is meant where a URI names none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Stomp | Self::Tcp => 61613,
            Self::StompTls | Self::StompSsl | Self::Tls | Self::Ssl => 61614,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }

    /// Tells whether to speak TLS.
    pub fn is_tls(self) -> bool {
        !matches!(self, Self::Stomp | Self::Tcp | Self::Ws)
    }

    /// Tells whether to speak WebSocket.
    pub fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    fn find(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.as_str().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Secrets {
    Hidden,
    Shown,
}

impl Secrets {
    pub(crate) fn hide(self, secret: String) -> String {
        match self {
            Self::Hidden => String::from("***"),
            Self::Shown => secret,
        }
    }
}
