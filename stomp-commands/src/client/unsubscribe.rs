use stomp_frame::{Command, Frame, Headers, Version, header};

use super::subscribe::put_durable;
use crate::assemble::{self, Assembly, setters};
use crate::{CommandError, FrameError, Peer, ReceiptId, SubscriptionId};

/// UNSUBSCRIBE: ends a subscription.
///
/// ```
/// use stomp_commands::{Unsubscribe, Version};
///
/// let frame = Unsubscribe::id("s1").receipt("r1").into_frame(Version::V1_2)?;
/// assert_eq!(frame.headers.get("id"), Some("s1"));
/// # Ok::<_, stomp_commands::CommandError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsubscribe {
    /// The subscription's id, if it has one: it always does from 1.1 on.
    pub id: Option<SubscriptionId>,
    /// 1.0 only: the destination of a subscription made without id.
    pub destination: Option<String>,
    /// The name of a durable subscription to delete.
    pub durable: Option<String>,
    /// Asks for a RECEIPT.
    pub receipt: Option<ReceiptId>,
    /// Headers of your own.
    pub headers: Headers,
}

impl Unsubscribe {
    /// Ends the subscription of this id. A durable one goes on collecting messages.
    #[must_use]
    pub fn id(id: impl Into<SubscriptionId>) -> Self {
        Self::of(Some(id.into()), None, None)
    }

    /// Ends the subscription that was made without id, in 1.0.
    #[must_use]
    pub fn destination(destination: impl Into<String>) -> Self {
        Self::of(None, Some(destination.into()), None)
    }

    /// Deletes the durable subscription of this name, and the messages it has collected.
    ///
    /// RabbitMQ and Artemis take it in place of the usual UNSUBSCRIBE, ActiveMQ after it: see
    /// [`Durable::forget`](crate::dialect::Durable::forget). The id is the name; if the
    /// subscription has another one, set the field [`id`](Self::id).
    #[must_use]
    pub fn durable(name: impl Into<String>) -> Self {
        let name = name.into();
        Self::of(Some(name.as_str().into()), None, Some(name))
    }

    fn of(
        id: Option<SubscriptionId>,
        destination: Option<String>,
        durable: Option<String>,
    ) -> Self {
        Self {
            id,
            destination,
            durable,
            receipt: None,
            headers: Headers::new(),
        }
    }

    setters!(receipt, header, into_frame);

    /// Builds the frame.
    ///
    /// # Errors
    ///
    /// When there is no id in 1.1 or 1.2; when the broker has no durable subscriptions, or none
    /// without a `client-id`; when a header of your own has a method here.
    pub fn to_frame(&self, to: impl Into<Peer>) -> Result<Frame, CommandError> {
        let peer = to.into();
        let mut frame = Assembly::new(Command::Unsubscribe, peer)?;
        match (peer.version, &self.id) {
            (Version::V1_0, None) => {
                frame.put_required(header::DESTINATION, self.destination.as_ref())?
            }
            (_, id) => frame.put_required(header::ID, id.as_ref())?,
        }
        if let Some(name) = &self.durable {
            put_durable(&mut frame, name)?;
        }
        frame.put_if_some(header::RECEIPT, self.receipt.as_ref());
        frame.finish(&self.headers)
    }

    /// Reads the frame. Brokers' own words are left among the headers.
    ///
    /// # Errors
    ///
    /// When it is another frame; when `id` is missing, or in 1.0 both `id` and `destination`.
    pub fn from_frame(mut frame: Frame, version: Version) -> Result<Self, FrameError> {
        assemble::expect_command(&frame, Command::Unsubscribe, version)?;
        let id = assemble::optional(&frame, header::ID);
        let destination = match (version, &id) {
            (Version::V1_0, None) => {
                Some(assemble::required(&frame, header::DESTINATION)?.to_owned())
            }
            (_, None) => return Err(assemble::missing(&frame, header::ID)),
            (_, Some(_)) => None,
        };
        Ok(Self {
            id,
            destination,
            durable: None,
            receipt: assemble::optional(&frame, header::RECEIPT),
            headers: assemble::user_headers(&mut frame),
        })
    }
}
