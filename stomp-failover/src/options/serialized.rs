//! Options as a map, in serde's sense.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::draft::{Draft, Value};
use super::names::Key;
use super::{CountBy, Jitter, Options};

impl Options {
    /// Returns the value of an option as it would be written in a configuration file.
    pub(crate) fn value(&self, key: Key) -> Value<'static> {
        match key {
            Key::InitialReconnectDelay => millis(self.initial_reconnect_delay),
            Key::MaxReconnectDelay => millis(self.max_reconnect_delay),
            Key::UseExponentialBackOff => Value::Bool(self.use_exponential_back_off),
            Key::BackOffMultiplier => Value::Float(self.back_off_multiplier),
            Key::Jitter => Value::Text(Cow::Borrowed(match self.jitter {
                Jitter::Full => "full",
                Jitter::None => "none",
            })),
            Key::ReconnectDelayJitter => millis(self.reconnect_delay_jitter),
            Key::StableAfter => millis(self.stable_after),
            Key::CountBy => Value::Text(Cow::Borrowed(match self.count_by {
                CountBy::Round => "round",
                CountBy::Broker => "broker",
            })),
            Key::StartupMaxReconnectAttempts => limit(self.startup_max_reconnect_attempts),
            Key::MaxReconnectAttempts => limit(self.max_reconnect_attempts),
            Key::ReconnectSupported => Value::Bool(self.reconnect_supported),
            Key::Randomize => Value::Bool(self.randomize),
            Key::PriorityBackup => Value::Bool(self.priority_backup),
            Key::PriorityUris => Value::List(
                self.priority_uris
                    .iter()
                    .map(|uri| uri.endpoint().to_string())
                    .collect(),
            ),
            Key::WarnAfterReconnectAttempts => {
                Value::Integer(self.warn_after_reconnect_attempts.map_or(0, i64::from))
            }
            Key::Timeout => self.timeout.map_or(Value::Integer(-1), millis),
            Key::TrackMessages => Value::Bool(self.track_messages),
            Key::MaxCacheSize => Value::Integer(saturating(u128::from(self.max_cache_size))),
        }
    }

    /// Iterates over the options that have to be written so that reading gives these options again.
    pub(crate) fn written(&self) -> impl Iterator<Item = (&'static str, Value<'static>)> + use<'_> {
        let default = Self::default();
        // Each of these three changes the default of another, so they are written together or not
        // at all.
        let delays = [
            Key::InitialReconnectDelay,
            Key::Jitter,
            Key::ReconnectDelayJitter,
        ];
        let differs = move |key: &Key| self.value(*key) != default.value(*key);
        let delays_differ = delays.iter().any(&differs);
        Key::ALL
            .into_iter()
            .filter(move |key| {
                if delays.contains(key) {
                    delays_differ
                } else {
                    differs(key)
                }
            })
            .map(|key| (key.as_str(), self.value(key)))
    }
}

fn millis(duration: Duration) -> Value<'static> {
    Value::Integer(saturating(duration.as_millis()))
}

fn limit(limit: Option<u32>) -> Value<'static> {
    Value::Integer(limit.map_or(-1, i64::from))
}

fn saturating(number: u128) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Serialize for Options {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Key::ALL.len()))?;
        for key in Key::ALL {
            map.serialize_entry(key.as_str(), &self.value(key))?;
        }
        map.end()
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::List(list) => list.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OptionsVisitor;

        impl<'de> Visitor<'de> for OptionsVisitor {
            type Value = Options;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of failover options")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Options, A::Error> {
                let mut draft = Draft::default();
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    draft
                        .set(&name, map.next_value()?)
                        .map_err(de::Error::custom)?;
                }
                Ok(draft.finish())
            }
        }

        deserializer.deserialize_map(OptionsVisitor)
    }
}

impl<'de> Deserialize<'de> for Value<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;

        impl<'de> Visitor<'de> for ValueVisitor {
            type Value = Value<'static>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a boolean, a number or a list of strings")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Value::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Value::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Value::Integer(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Value::Integer(saturating(u128::from(value))))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Value::Float(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element()? {
                    list.push(item);
                }
                Ok(Value::List(list))
            }
        }

        deserializer.deserialize_any(ValueVisitor)
    }
}
