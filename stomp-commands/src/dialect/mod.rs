//! The brokers' own words for what STOMP leaves to them.

mod peer;
mod table;
mod words;

use std::fmt;
use std::str::FromStr;

pub use peer::Peer;
pub use words::{
    Durable, EndedError, Expiry, Fate, Feature, Flow, ForgetDurable, LateAck, NackWords, Priority,
    Reach, Receipts, TextBody, Words,
};

/// The broker at the other end, as far as its own words go.
///
/// STOMP leaves prefetch, durability, expiry and more to brokers, and each has words of its own.
/// [`Subscribe`](crate::Subscribe), [`Send`](crate::Send) and [`Nack`](crate::Nack) have methods
/// for the meaning; [`words`](Self::words) is the one table that translates. What a dialect has no
/// word for is an error when the frame is built, not silence.
///
/// | | generic | RabbitMQ | ActiveMQ | Artemis |
/// |---|---|---|---|---|
/// | prefetch in messages | – | yes | yes | 1 only |
/// | prefetch in bytes | – | – | – | yes |
/// | durable subscription | – | by id | by name and `client-id` | by name and `client-id` |
/// | selector | yes | – | yes | yes |
/// | persistent | yes | yes | yes | yes |
/// | expiry | – | yes, up to 49 days | yes | yes |
/// | priority | 0 to 9 | 0 to 255 | 0 to 9 | 0 to 9 |
/// | text is not octets | – | – | yes | yes, without NUL |
/// | NACK | ? | delivers again | dead letter queue | drops |
/// | ACK in a transaction | yes | yes | yes | – |
/// | `message-id` on SEND | yes | – | overwritten | yes |
/// | ACK in mode `client` | of the subscription | of the connection | of the subscription | of the subscription |
/// | UNSUBSCRIBE gives back | ? | – | yes | yes |
/// | ACK after UNSUBSCRIBE | ? | ERROR | does nothing | ERROR |
///
/// Of the servers of the web, Vert.x has words for nothing of this, and Spring's simple broker
/// neither acknowledgement nor transactions, and receipts for DISCONNECT only; both keep nothing.
///
/// RabbitMQ and ActiveMQ were observed (3.10.8 and 5.17.2); for Artemis see its manual and source
/// (2.16 and later). The fields of [`Words`] say what comes from where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Dialect {
    /// An unknown broker. It gets what the specification names, and what all known brokers share.
    #[default]
    Generic,
    /// RabbitMQ with its STOMP plugin.
    RabbitMq,
    /// Apache ActiveMQ Classic.
    ActiveMq,
    /// Apache ActiveMQ Artemis.
    Artemis,
    /// Spring's simple broker. It does not say who it is, so it is never recognised.
    Spring,
    /// The STOMP server of Vert.x.
    Vertx,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 6] = [
        Self::Generic,
        Self::RabbitMq,
        Self::ActiveMq,
        Self::Artemis,
        Self::Spring,
        Self::Vertx,
    ];

    /// Names the dialect as a configuration would: `generic`, `rabbitmq`, `activemq`, `artemis`,
    /// `spring`, `vertx`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::RabbitMq => "rabbitmq",
            Self::ActiveMq => "activemq",
            Self::Artemis => "artemis",
            Self::Spring => "spring",
            Self::Vertx => "vertx",
        }
    }

    /// Recognises a broker by the `server` header of its CONNECTED.
    ///
    /// ```
    /// use stomp_commands::Dialect;
    ///
    /// assert_eq!(Dialect::detect(Some("RabbitMQ/3.10.8")), Dialect::RabbitMq);
    /// assert_eq!(Dialect::detect(Some("ActiveMQ/5.17.2")), Dialect::ActiveMq);
    /// assert_eq!(Dialect::detect(None), Dialect::Generic);
    /// ```
    #[must_use]
    pub fn detect(server: Option<&str>) -> Self {
        let server = server.unwrap_or_default();
        let name = server.split(['/', ' ']).next().unwrap_or_default();
        match name {
            "RabbitMQ" => Self::RabbitMq,
            "ActiveMQ" => Self::ActiveMq,
            "vertx-stomp" => Self::Vertx,
            _ if name.contains("Artemis") => Self::Artemis,
            _ => Self::Generic,
        }
    }

    /// Returns this dialect's row of the table.
    ///
    /// ```
    /// use stomp_commands::Dialect;
    ///
    /// assert_eq!(Dialect::ActiveMq.words().selector, Some("selector"));
    /// assert_eq!(Dialect::RabbitMq.words().selector, None);
    /// ```
    #[must_use]
    pub const fn words(self) -> &'static Words {
        match self {
            Self::Generic => &table::GENERIC,
            Self::RabbitMq => &table::RABBITMQ,
            Self::ActiveMq => &table::ACTIVEMQ,
            Self::Artemis => &table::ARTEMIS,
            Self::Spring => &table::SPRING,
            Self::Vertx => &table::VERTX,
        }
    }

    /// The most octets that a frame may have for a server of this dialect that calls itself so, where
    /// that is known: what is larger ends the connection, and whatever else is under way on it.
    ///
    /// RabbitMQ: 4 MiB from 4.0 on (observed on 4.0.5 and 4.3.6); 3.10 takes 64 MiB and more
    /// (observed).
    ///
    /// ```
    /// use stomp_commands::Dialect;
    ///
    /// assert_eq!(Dialect::RabbitMq.largest_frame(Some("RabbitMQ/4.0.5")), Some(4 << 20));
    /// assert_eq!(Dialect::RabbitMq.largest_frame(Some("RabbitMQ/3.10.8")), None);
    /// ```
    #[must_use]
    pub fn largest_frame(self, server: Option<&str>) -> Option<u64> {
        let version = server?.strip_prefix("RabbitMQ/")?;
        let major: u32 = version.split('.').next()?.parse().ok()?;
        (self == Self::RabbitMq && major >= 4).then_some(4 << 20)
    }

    /// Tells whether the broker has a word for this, for whoever can do without.
    ///
    /// For [`Feature::Prefetch`] on Artemis the answer is no, since it counts octets; a prefetch of
    /// 1 is understood all the same.
    #[must_use]
    pub fn expresses(self, feature: Feature) -> bool {
        let words = self.words();
        match feature {
            Feature::Prefetch => matches!(words.prefetch, Some(Flow::Messages { .. })),
            Feature::WindowBytes => matches!(words.prefetch, Some(Flow::Bytes { .. })),
            Feature::Durable => words.durable.is_some(),
            Feature::Selector => words.selector.is_some(),
            Feature::Persistence => words.persistent.is_some(),
            Feature::Expiry => words.expiry.is_some(),
            Feature::Priority => words.priority.is_some(),
            Feature::NulInText => words.text != (TextBody::NoLength { typed: None }),
            Feature::NackRequeue => words.nack.requeue.is_some(),
            Feature::NackDeadLetter => words.nack.dead_letter.is_some(),
            Feature::Transactions => words.transactions,
            Feature::TransactionalAck => words.transactional_ack,
        }
    }
}

/// Writes the name that [`FromStr`] reads.
impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not `generic`, `rabbitmq`, `activemq`, `artemis`, `spring` or `vertx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a dialect (expected generic, rabbitmq, activemq, artemis, spring or vertx)")]
#[non_exhaustive]
pub struct UnknownDialect;

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, UnknownDialect> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.as_str() == text)
            .ok_or(UnknownDialect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_known_by_their_server_header() {
        let cases = [
            ("RabbitMQ/3.10.8", Dialect::RabbitMq),
            ("RabbitMQ", Dialect::RabbitMq),
            ("ActiveMQ/5.17.2", Dialect::ActiveMq),
            ("ActiveMQ/6.1.0-SNAPSHOT comment", Dialect::ActiveMq),
            (
                "ActiveMQ-Artemis/2.44.0 ActiveMQ Artemis Messaging Engine",
                Dialect::Artemis,
            ),
            ("vertx-stomp/5.0.7", Dialect::Vertx),
            ("coilmq/1.1.0", Dialect::Generic),
            ("rabbitmq/1", Dialect::Generic),
            ("", Dialect::Generic),
        ];
        for (server, dialect) in cases {
            assert_eq!(Dialect::detect(Some(server)), dialect, "{server}");
        }
        assert_eq!(Dialect::detect(None), Dialect::Generic);
    }

    #[test]
    fn dialects_are_read_as_they_are_written() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.to_string().parse(), Ok(dialect));
        }
        assert_eq!("RabbitMQ".parse::<Dialect>(), Err(UnknownDialect));
    }
}
