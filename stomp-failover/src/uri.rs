mod parse;

use std::fmt;

use serde::de::{self, Deserialize, Deserializer};

use crate::broker::{Broker, Secrets};
use crate::error::UriError;
use crate::options::{Options, Value, Warning};
use crate::percent;

/// One or more brokers and how to try them: `stomp://host`, or
/// `failover:(uri1,uri2)?option=value&option=value`.
///
/// These forms mean the same, as they do to ActiveMQ or stompest or both:
///
/// ```text
/// failover:(tcp://a:61613,tcp://b:61613)?randomize=false&maxReconnectAttempts=3
/// failover://(tcp://a:61613,tcp://b:61613)?randomize=false,maxReconnectAttempts=3
/// failover:tcp://a:61613,tcp://b:61613?randomize=false&maxReconnectAttempts=3
/// tcp://a:61613,tcp://b:61613?randomize=false,maxReconnectAttempts=3
/// ```
///
/// What follows the first `?` outside of the parentheses are [`Options`], separated by `&` or `,`.
/// Inside of the parentheses a `?` starts the options of one broker. In a plain `ws://…` or
/// `wss://…` the query belongs to the WebSocket handshake; to have options too, write
/// `failover:(ws://host/ws?token=…)?maxReconnectDelay=5000`.
///
/// `Display` and `Debug` hide passcodes and the values of queries and `nested.` options, so a URI
/// may be logged. What `Display` writes can be parsed again, and is then the same but for what was
/// hidden; for that, too, use [`reveal`](Self::reveal). Delays are written in whole milliseconds.
///
/// ```
/// use stomp_failover::FailoverUri;
///
/// let uri: FailoverUri = "failover://(stomp://u:secret@a,stomp://[::1]:61600)?randomize=false".parse()?;
/// assert_eq!(uri.brokers().len(), 2);
/// assert!(!uri.options().randomize);
/// assert_eq!(uri.to_string(), "failover:(stomp://u:***@a:61613,stomp://[::1]:61600)?randomize=false");
/// assert_eq!(uri.reveal().to_string().parse::<FailoverUri>()?, uri);
/// # Ok::<(), stomp_failover::UriError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct FailoverUri {
    /// At least one.
    brokers: Vec<Broker>,
    options: Options,
    nested: Vec<(String, String)>,
}

impl FailoverUri {
    /// Returns the brokers in the order of the list; there is at least one.
    pub fn brokers(&self) -> &[Broker] {
        &self.brokers
    }

    /// Returns the options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Returns the options, to change them. Here a client puts what its user said elsewhere.
    pub fn options_mut(&mut self) -> &mut Options {
        &mut self.options
    }

    /// Returns what was read but does not do what its author may have hoped for. Log it.
    pub fn warnings(&self) -> &[Warning] {
        self.options.warnings()
    }

    /// Shows the whole URI, passcodes and all, so that it can be parsed again. Do not log it.
    pub fn reveal(&self) -> impl fmt::Display {
        Revealed(self)
    }

    pub(crate) fn into_parts(self) -> (Vec<Broker>, Options) {
        (self.brokers, self.options)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, secrets: Secrets) -> fmt::Result {
        let mut options = self.written_options(secrets).peekable();
        if let ([broker], None) = (&*self.brokers, options.peek())
            && !broker.needs_parentheses()
        {
            return broker.write(f, secrets);
        }
        f.write_str("failover:")?;
        for (index, broker) in self.brokers.iter().enumerate() {
            f.write_str(if index == 0 { "(" } else { "," })?;
            broker.write(f, secrets)?;
        }
        f.write_str(")")?;
        for (index, option) in options.enumerate() {
            f.write_str(if index == 0 { "?" } else { "&" })?;
            f.write_str(&option)?;
        }
        Ok(())
    }

    fn written_options(&self, secrets: Secrets) -> impl Iterator<Item = String> {
        let nested = self.nested.iter().map(move |(name, value)| {
            format!(
                "nested.{}={}",
                percent::encode(name),
                secrets.hide(percent::encode(value))
            )
        });
        self.options
            .written()
            .map(|(name, value)| format!("{name}={value}"))
            .chain(nested)
    }
}

/// As it stands in a URI.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Bool(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::List(list) => f.write_str(&list.join(",")),
        }
    }
}

/// Writes the URI without its secrets.
impl fmt::Display for FailoverUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, Secrets::Hidden)
    }
}

/// Writes the URI without its secrets.
impl fmt::Debug for FailoverUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FailoverUri({self})")
    }
}

struct Revealed<'a>(&'a FailoverUri);

impl fmt::Display for Revealed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, Secrets::Shown)
    }
}

/// A list of one broker, with the options of a plain URI.
impl From<Broker> for FailoverUri {
    fn from(broker: Broker) -> Self {
        Self {
            brokers: vec![broker],
            options: Options::default(),
            nested: Vec::new(),
        }
    }
}

/// A list of several brokers, with the options of a plain URI. An empty list is refused.
impl TryFrom<Vec<Broker>> for FailoverUri {
    type Error = UriError;

    fn try_from(brokers: Vec<Broker>) -> Result<Self, UriError> {
        if brokers.is_empty() {
            return Err(UriError::NoBroker);
        }
        Ok(Self {
            brokers,
            options: Options::default(),
            nested: Vec::new(),
        })
    }
}

/// Reads the URI from a string, so that it can stand in a configuration file. There is no
/// `Serialize`: it would either leak passcodes or lose them.
impl<'de> Deserialize<'de> for FailoverUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
