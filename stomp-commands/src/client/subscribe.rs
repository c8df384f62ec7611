use stomp_frame::{Command, Frame, Headers, Version, header};

use super::AckMode;
use crate::assemble::{self, Assembly, setters};
use crate::dialect::Flow;
use crate::{CommandError, Feature, FrameError, Peer, ReceiptId, SubscriptionId};

/// SUBSCRIBE: asks for the messages of a destination.
///
/// ```
/// use stomp_commands::{AckMode, Dialect, Peer, Subscribe, Version};
///
/// let frame = Subscribe::to("/queue/a")
///     .id("s1")
///     .ack(AckMode::ClientIndividual)
///     .prefetch(20)
///     .into_frame(Peer::new(Version::V1_2, Dialect::ActiveMq))?;
/// assert_eq!(frame.headers.get("ack"), Some("client-individual"));
/// assert_eq!(frame.headers.get("activemq.prefetchSize"), Some("20"));
/// # Ok::<_, stomp_commands::CommandError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscribe {
    /// Whose messages.
    pub destination: String,
    /// Names the subscription: mandatory from 1.1 on.
    pub id: Option<SubscriptionId>,
    /// How messages are acknowledged. `auto`, the default, is not written.
    pub ack: AckMode,
    /// How much may be under way without acknowledgement.
    pub prefetch: Option<Prefetch>,
    /// The name under which the subscription outlives the connection.
    pub durable: Option<String>,
    /// Which messages to deliver, in the broker's language.
    pub selector: Option<String>,
    /// Asks for a RECEIPT.
    pub receipt: Option<ReceiptId>,
    /// Headers of your own.
    pub headers: Headers,
}

impl Subscribe {
    /// Asks for the messages of a destination, in ack mode `auto`.
    #[must_use]
    pub fn to(destination: impl Into<String>) -> Self {
        Self {
            destination: destination.into(),
            id: None,
            ack: AckMode::Auto,
            prefetch: None,
            durable: None,
            selector: None,
            receipt: None,
            headers: Headers::new(),
        }
    }

    /// Names the subscription.
    #[must_use]
    pub fn id(mut self, id: impl Into<SubscriptionId>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Chooses how messages are acknowledged.
    #[must_use]
    pub fn ack(mut self, ack: AckMode) -> Self {
        self.ack = ack;
        self
    }

    /// Limits how many messages may be under way without acknowledgement: 1 or more.
    ///
    /// RabbitMQ and ActiveMQ. Artemis counts octets, so there only 1 can be said. Has no effect in
    /// ack mode `auto`.
    #[must_use]
    pub fn prefetch(mut self, messages: u32) -> Self {
        self.prefetch = Some(Prefetch::Messages(messages));
        self
    }

    /// Limits how many messages may be under way without acknowledgement, if the broker has a word
    /// for that, and as far as it goes: no broker refuses a subscription over it.
    #[must_use]
    pub fn prefetch_hint(mut self, messages: u32) -> Self {
        self.prefetch = Some(Prefetch::Hint(messages));
        self
    }

    /// Limits how many octets of messages may be under way without acknowledgement; 0 is one
    /// message at a time. Artemis only.
    #[must_use]
    pub fn window_bytes(mut self, octets: u32) -> Self {
        self.prefetch = Some(Prefetch::Bytes(octets));
        self
    }

    /// Lets the subscription to a topic outlive the connection, under a name.
    ///
    /// The name is also the id, unless another one is set. RabbitMQ insists that they are the same;
    /// ActiveMQ and Artemis need a [`client_id`](crate::Connect::client_id).
    #[must_use]
    pub fn durable(mut self, name: impl Into<String>) -> Self {
        self.durable = Some(name.into());
        self
    }

    /// Asks only for messages that meet a condition, in the broker's language.
    #[must_use]
    pub fn selector(mut self, condition: impl Into<String>) -> Self {
        self.selector = Some(condition.into());
        self
    }

    setters!(receipt, header, into_frame);

    /// Builds the frame.
    ///
    /// # Errors
    ///
    /// When there is no id in 1.1 or 1.2; when the broker has no word for what was asked, or cannot
    /// do it as asked; when a header of your own has a method here.
    pub fn to_frame(&self, to: impl Into<Peer>) -> Result<Frame, CommandError> {
        let peer = to.into();
        // A durable subscription is called by its name.
        let id = self.id.as_ref().map(SubscriptionId::as_str);
        let id = id.or(self.durable.as_deref());
        self.check_id(id, peer)?;
        let mut frame = Assembly::new(Command::Subscribe, peer)?;
        match peer.version {
            Version::V1_0 => frame.put_if_some(header::ID, id),
            _ => frame.put_required(header::ID, id)?,
        }
        frame.put(header::DESTINATION, &self.destination);
        if self.ack != AckMode::Auto {
            frame.put(header::ACK, self.ack.as_str());
        }
        match self.prefetch {
            Some(Prefetch::Hint(messages)) => hint_prefetch(&mut frame, messages, &self.headers),
            Some(prefetch) => put_prefetch(&mut frame, prefetch)?,
            None => {}
        }
        if let Some(name) = &self.durable {
            put_durable(&mut frame, name)?;
        }
        if let Some(condition) = &self.selector {
            let Some(name) = frame.words().selector else {
                return Err(frame.inexpressible(Feature::Selector));
            };
            frame.put(name, condition);
        }
        frame.put_if_some(header::RECEIPT, self.receipt.as_ref());
        frame.finish(&self.headers)
    }

    fn check_id(&self, id: Option<&str>, peer: Peer) -> Result<(), CommandError> {
        let dialect = peer.dialect;
        let words = dialect.words();
        let id_is_name = words.durable.is_some_and(|durable| durable.name.is_none());
        if id_is_name && self.durable.is_some() && self.durable.as_deref() != id {
            return Err(CommandError::DurableIdDiffers { dialect });
        }
        match words.forbidden_in_id {
            Some(text) if self.ack != AckMode::Auto && id.is_some_and(|id| id.contains(text)) => {
                Err(CommandError::UnusableId { dialect, text })
            }
            _ => Ok(()),
        }
    }

    /// Reads the frame. Brokers' own words are left among the headers.
    ///
    /// `client-individual` came with 1.1; in 1.0 it is taken all the same, as brokers do.
    ///
    /// # Errors
    ///
    /// When it is another frame; when `destination` is missing, or `id` in 1.1 and 1.2; when the
    /// ack mode is unknown.
    pub fn from_frame(mut frame: Frame, version: Version) -> Result<Self, FrameError> {
        assemble::expect_command(&frame, Command::Subscribe, version)?;
        let id = match version {
            Version::V1_0 => assemble::optional(&frame, header::ID),
            _ => Some(assemble::required(&frame, header::ID)?.into()),
        };
        let ack = match frame.headers.get(header::ACK) {
            None => AckMode::Auto,
            Some(mode) => mode.parse().map_err(|_| FrameError::BadAckMode)?,
        };
        Ok(Self {
            destination: assemble::required(&frame, header::DESTINATION)?.to_owned(),
            id,
            ack,
            prefetch: None,
            durable: None,
            selector: None,
            receipt: assemble::optional(&frame, header::RECEIPT),
            headers: assemble::user_headers(&mut frame),
        })
    }
}

/// How much may be under way to a subscription without acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Prefetch {
    /// So many messages.
    Messages(u32),
    /// So many octets of messages; 0 is one message at a time.
    Bytes(u32),
    /// So many messages, or the nearest number that the broker has a word for, or whatever it does
    /// when it is told nothing.
    Hint(u32),
}

fn put_prefetch(frame: &mut Assembly, prefetch: Prefetch) -> Result<(), CommandError> {
    let feature = match prefetch {
        Prefetch::Bytes(_) => Feature::WindowBytes,
        _ => Feature::Prefetch,
    };
    let (name, value, min, max) = match (frame.words().prefetch, prefetch) {
        (Some(Flow::Messages { name, max }), Prefetch::Messages(n)) => (name, n, 1, max),
        (Some(Flow::Bytes { name, max }), Prefetch::Messages(1)) => (name, 0, 0, max),
        (Some(Flow::Bytes { name, max }), Prefetch::Bytes(n)) => (name, n, 0, max),
        _ => return Err(frame.inexpressible(feature)),
    };
    if !(min..=max).contains(&value) {
        return Err(frame.out_of_range(feature, min.into(), max.into()));
    }
    frame.put(name, value.to_string());
    Ok(())
}

/// Writes a prefetch that nobody insists on. A header of the user's own goes before it.
fn hint_prefetch(frame: &mut Assembly, messages: u32, user: &Headers) {
    let (name, value) = match frame.words().prefetch {
        Some(Flow::Messages { name, max }) => (name, messages.clamp(1, max)),
        // One at a time is the only number of messages that can be said in octets.
        Some(Flow::Bytes { name, .. }) if messages <= 1 => (name, 0),
        _ => return,
    };
    if !user.contains(name) {
        frame.put(name, value.to_string());
    }
}

/// Writes how a durable subscription is named, on SUBSCRIBE and UNSUBSCRIBE alike.
pub(super) fn put_durable(frame: &mut Assembly, name: &str) -> Result<(), CommandError> {
    let Peer {
        dialect, client_id, ..
    } = frame.peer();
    let Some(durable) = dialect.words().durable else {
        return Err(frame.inexpressible(Feature::Durable));
    };
    if durable.needs_client_id && !client_id {
        return Err(CommandError::NoClientId { dialect });
    }
    frame.put_all(durable.flags);
    if let Some(header) = durable.name {
        frame.put(header, name);
    }
    Ok(())
}
