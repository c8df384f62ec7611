use std::borrow::Cow;
use std::time::Duration;

use super::names::{self, Key};
use super::{CountBy, Jitter, Options, Warning};
use crate::broker::Broker;
use crate::error::OptionError;

/// The value of an option as it was found in a URI (always text) or in a configuration file.
#[derive(Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Bool(bool),
    Integer(i64),
    Float(f64),
    List(Vec<String>),
}

/// Options while they are being read. One place for all sources, so that they cannot read
/// differently.
#[derive(Default)]
pub(crate) struct Draft {
    options: Options,
    seen: Vec<Key>,
}

impl Draft {
    pub(crate) fn set(&mut self, name: &str, value: Value<'_>) -> Result<(), OptionError> {
        if let Some((name, reason)) = names::ignored(name) {
            self.warn(Warning::Ignored { name, reason });
            return Ok(());
        }
        let key = Key::find(name).ok_or_else(|| OptionError::Unknown {
            name: quotable(name),
            suggestion: names::suggest(name),
        })?;
        if self.has(key) {
            self.warn(Warning::Repeated { name: key.as_str() });
        }
        self.seen.push(key);
        self.assign(key, value)
    }

    pub(crate) fn finish(mut self) -> Options {
        let named_jitter = self.has(Key::ReconnectDelayJitter);
        let named_initial = self.has(Key::InitialReconnectDelay);
        if named_jitter && !named_initial {
            self.options.initial_reconnect_delay = Duration::from_millis(10);
        }
        if (named_jitter || named_initial) && !self.has(Key::Jitter) {
            self.options.jitter = Jitter::None;
        }
        if self.options.max_reconnect_delay.is_zero() {
            self.warn(Warning::NoDelay {
                name: Key::MaxReconnectDelay.as_str(),
            });
        } else if self.options.initial_reconnect_delay.is_zero()
            && self.options.reconnect_delay_jitter.is_zero()
        {
            self.warn(Warning::NoDelay {
                name: Key::InitialReconnectDelay.as_str(),
            });
        }
        if self.has(Key::PriorityUris) && !self.options.priority_backup {
            self.warn(Warning::PriorityUnused);
        }
        self.options
    }

    fn assign(&mut self, key: Key, value: Value<'_>) -> Result<(), OptionError> {
        let options = &mut self.options;
        let invalid = |expected| OptionError::Invalid {
            name: key.as_str(),
            expected,
        };
        match key {
            Key::InitialReconnectDelay => {
                options.initial_reconnect_delay = value.millis().map_err(invalid)?
            }
            Key::MaxReconnectDelay => {
                options.max_reconnect_delay = value.millis().map_err(invalid)?
            }
            Key::ReconnectDelayJitter => {
                options.reconnect_delay_jitter = value.millis().map_err(invalid)?
            }
            Key::StableAfter => options.stable_after = value.millis().map_err(invalid)?,
            Key::Timeout => options.timeout = value.millis_or_none().map_err(invalid)?,
            Key::StartupMaxReconnectAttempts => {
                options.startup_max_reconnect_attempts = value.limit().map_err(invalid)?;
            }
            Key::MaxReconnectAttempts => {
                options.max_reconnect_attempts = value.limit().map_err(invalid)?
            }
            Key::WarnAfterReconnectAttempts => {
                options.warn_after_reconnect_attempts =
                    value.limit().map_err(invalid)?.filter(|&every| every > 0);
            }
            Key::MaxCacheSize => options.max_cache_size = value.bytes().map_err(invalid)?,
            Key::BackOffMultiplier => {
                options.back_off_multiplier = value.factor().map_err(invalid)?
            }
            Key::UseExponentialBackOff => {
                options.use_exponential_back_off = value.bool().map_err(invalid)?
            }
            Key::ReconnectSupported => {
                options.reconnect_supported = value.bool().map_err(invalid)?
            }
            Key::Randomize => options.randomize = value.bool().map_err(invalid)?,
            Key::PriorityBackup => options.priority_backup = value.bool().map_err(invalid)?,
            Key::TrackMessages => options.track_messages = value.bool().map_err(invalid)?,
            Key::Jitter => options.jitter = value.jitter().map_err(invalid)?,
            Key::CountBy => options.count_by = value.count_by().map_err(invalid)?,
            Key::PriorityUris => options.priority_uris = value.brokers()?,
        }
        Ok(())
    }

    fn has(&self, key: Key) -> bool {
        self.seen.contains(&key)
    }

    fn warn(&mut self, warning: Warning) {
        self.options.warnings.0.push(warning);
    }
}

/// Makes a name that is no option fit for an error message: it may be anything, even a piece of a
/// passcode that was not percent-encoded, but then hardly all letters.
pub(crate) fn quotable(name: &str) -> String {
    let legible = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '?'
        }
    };
    name.chars().take(40).map(legible).collect()
}

/// Each of these says what it expects if the value is not that.
impl Value<'_> {
    fn millis(&self) -> Result<Duration, &'static str> {
        self.unsigned()
            .map(Duration::from_millis)
            .ok_or("a whole number of milliseconds, 0 or more")
    }

    fn millis_or_none(&self) -> Result<Option<Duration>, &'static str> {
        match self.unsigned() {
            // To ActiveMQ, too, 0 is no time-out.
            Some(millis) => Ok((millis > 0).then(|| Duration::from_millis(millis))),
            None if self.is_minus_one() => Ok(None),
            None => Err("a whole number of milliseconds, or -1 for none"),
        }
    }

    fn limit(&self) -> Result<Option<u32>, &'static str> {
        match self.unsigned().map(u32::try_from) {
            Some(Ok(limit)) => Ok(Some(limit)),
            None if self.is_minus_one() => Ok(None),
            _ => Err("a whole number, 0 or more, or -1 for no limit"),
        }
    }

    fn bytes(&self) -> Result<u64, &'static str> {
        self.unsigned().ok_or("a whole number of bytes, 0 or more")
    }

    fn factor(&self) -> Result<f64, &'static str> {
        let factor = match self {
            Self::Text(text) => text.parse().ok(),
            Self::Float(factor) => Some(*factor),
            Self::Integer(factor) => Some(*factor as f64),
            _ => None,
        };
        factor
            .filter(|factor| factor.is_finite() && *factor >= 1.0)
            .ok_or("a number of at least 1")
    }

    fn bool(&self) -> Result<bool, &'static str> {
        match self {
            Self::Bool(value) => Ok(*value),
            Self::Text(text) if text == "true" => Ok(true),
            Self::Text(text) if text == "false" => Ok(false),
            _ => Err("`true` or `false`"),
        }
    }

    fn jitter(&self) -> Result<Jitter, &'static str> {
        match self {
            Self::Text(text) if text == "full" => Ok(Jitter::Full),
            Self::Text(text) if text == "none" => Ok(Jitter::None),
            _ => Err("`full` or `none`"),
        }
    }

    fn count_by(&self) -> Result<CountBy, &'static str> {
        match self {
            Self::Text(text) if text == "round" => Ok(CountBy::Round),
            Self::Text(text) if text == "broker" => Ok(CountBy::Broker),
            _ => Err("`round` or `broker`"),
        }
    }

    /// Only the places are kept: a login among the preferred brokers could only be lost or leaked.
    fn brokers(&self) -> Result<Vec<Broker>, OptionError> {
        let uris: Vec<&str> = match self {
            Self::Text(text) => text.split(',').collect(),
            Self::List(uris) => uris.iter().map(String::as_str).collect(),
            _ => {
                return Err(OptionError::Invalid {
                    name: Key::PriorityUris.as_str(),
                    expected: "a list of broker URIs",
                });
            }
        };
        uris.into_iter()
            .enumerate()
            .map(|(index, uri)| match uri.parse::<Broker>() {
                Ok(broker) => Ok(broker.endpoint()),
                Err(source) => Err(OptionError::Priority {
                    position: index + 1,
                    source,
                }),
            })
            .collect()
    }

    fn unsigned(&self) -> Option<u64> {
        match self {
            Self::Integer(value) => u64::try_from(*value).ok(),
            // Digits only: `parse` alone would take a `+`, too.
            Self::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        }
    }

    fn is_minus_one(&self) -> bool {
        match self {
            Self::Integer(value) => *value == -1,
            Self::Text(text) => text == "-1",
            _ => false,
        }
    }
}
