//! A client as the suite sees it: blocking calls and types of its own, so that anything that wants
//! to be a client of this workspace can be put to the same questions.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use stomp_frame::Version;
use stomp_testbroker::Connector;

/// Makes clients of one kind.
pub(crate) trait Adapter: Sync {
    /// The name in the tests.
    fn name(&self) -> &'static str;

    /// Connects.
    fn connect(&self, options: &Options) -> Result<Box<dyn Client>, Verdict>;
}

/// A handle. Dropping the last one ends the client.
pub(crate) trait Client: Send + Sync {
    /// One more handle.
    fn another(&self) -> Box<dyn Client>;

    /// Sends, and waits as long as the call takes.
    fn send(&self, message: Outgoing) -> Verdict;

    /// Subscribes, and waits as long as the call takes.
    fn subscribe(&self, wanted: Wanted) -> Result<Box<dyn Inbox>, Verdict>;

    /// Begins to subscribe, and drops the call unfinished as soon as it has begun. `false` where
    /// calls cannot be dropped.
    fn subscribe_and_leave(&self, _: Wanted, _begun: &dyn Fn() -> bool) -> bool {
        false
    }

    /// What happens from now on.
    fn events(&self) -> Box<dyn Events>;

    /// Ends the client in order.
    fn disconnect(self: Box<Self>) -> Verdict;

    /// Lets time pass. A client for which nobody works but its callers works meanwhile.
    fn pass(&self, time: Duration);

    /// Waits until there is something to be taken from any inbox, and says whether it can do that.
    fn poll(&self, _: Duration) -> bool {
        false
    }

    /// Has whoever works for the client stand still, as under SIGSTOP. `false` where nothing can.
    fn stand_still(&self, _: Duration) -> bool {
        false
    }

    /// Ends whoever works for the client, in the midst of it. `false` where nothing can.
    fn kill(&self) -> bool {
        false
    }
}

/// A subscription. Dropping it unsubscribes.
pub(crate) trait Inbox: Send {
    /// Waits for the next item, no longer than this.
    fn next(&mut self, patience: Duration) -> Next;

    /// Begins to wait, and drops the call unfinished. `false` where calls cannot be dropped.
    fn look_and_leave(&mut self) -> bool {
        false
    }
}

/// A message, and the right to settle it.
pub(crate) trait Received: Send {
    fn body(&self) -> Bytes;
    /// Counts the connections from 1.
    fn epoch(&self) -> u64;
    fn ack(self: Box<Self>) -> Settled;
    fn nack(self: Box<Self>) -> Settled;

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }
}

/// The events of a client.
pub(crate) trait Events: Send {
    /// Waits for the next one, no longer than this.
    fn next(&mut self, patience: Duration) -> Option<Event>;
}

/// How a call ended; with the text that a person reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ok,
    NotSent(String),
    Unconfirmed(String),
    Rejected(String),
    /// The subscription is over.
    Ended(String),
    Closed(String),
    Usage(String),
    /// There is no client.
    Connect(String),
    Other(String),
}

impl Verdict {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Ok => "",
            Self::NotSent(text)
            | Self::Unconfirmed(text)
            | Self::Rejected(text)
            | Self::Ended(text)
            | Self::Closed(text)
            | Self::Usage(text)
            | Self::Connect(text)
            | Self::Other(text) => text,
        }
    }

    #[track_caller]
    pub(crate) fn ok(self) {
        assert_eq!(self, Self::Ok);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    Sent,
    Stale,
    /// The broker wants to hear nothing.
    NotNeeded,
    Failed(Verdict),
}

/// What came to an inbox.
pub(crate) enum Next {
    Message(Box<dyn Received>),
    /// In place of a message whose body was not kept; with what is told of it.
    TooLarge(Box<dyn Received>, String),
    /// Time is up.
    Nothing,
    /// The client was disconnected.
    Ended,
    Failed(Verdict),
}

impl Next {
    #[track_caller]
    pub(crate) fn message(self) -> Box<dyn Received> {
        match self {
            Self::Message(message) => message,
            other => panic!("a message was expected, and there was {}", other.describe()),
        }
    }

    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Message(message) => format!("the message {:?}", message.text()),
            Self::TooLarge(_, text) => text.clone(),
            Self::Nothing => "nothing in time".into(),
            Self::Ended => "the end".into(),
            Self::Failed(verdict) => format!("{verdict:?}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Connected,
    Replayed,
    Disconnected(String),
    Reconnecting,
    SubscriptionRefused,
    GaveUp,
    Other(String),
}

/// A message to send.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) destination: String,
    pub(crate) body: Bytes,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) confirmed: bool,
    pub(crate) timeout: Option<Duration>,
}

impl Outgoing {
    fn to(destination: &str, body: impl Into<Bytes>, confirmed: bool) -> Self {
        Self {
            destination: destination.into(),
            body: body.into(),
            headers: Vec::new(),
            confirmed,
            timeout: None,
        }
    }

    pub(crate) fn fired(destination: &str, body: impl Into<Bytes>) -> Self {
        Self::to(destination, body, false)
    }

    pub(crate) fn confirmed(destination: &str, body: impl Into<Bytes>) -> Self {
        Self::to(destination, body, true)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn timeout(mut self, patience: Duration) -> Self {
        self.timeout = Some(patience);
        self
    }
}

/// A subscription to make.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) destination: String,
    pub(crate) ack: Ack,
    pub(crate) capacity: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ack {
    Auto,
    Cumulative,
    Individual,
}

impl Wanted {
    pub(crate) fn from(destination: &str) -> Self {
        Self {
            destination: destination.into(),
            ack: Ack::Individual,
            capacity: 100,
        }
    }

    pub(crate) fn ack(mut self, ack: Ack) -> Self {
        self.ack = ack;
        self
    }

    pub(crate) fn capacity(mut self, messages: usize) -> Self {
        self.capacity = messages;
        self
    }
}

/// How to connect. What is `None` is as the client has it by default.
#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) uri: String,
    /// What the transport is, if it is not what the URI says.
    pub(crate) transport: Transport,
    pub(crate) ca: Option<String>,
    pub(crate) login: Option<(String, String)>,
    pub(crate) heart_beat: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) connected_timeout: Option<Duration>,
    pub(crate) send_timeout: Option<Duration>,
    pub(crate) receipt_timeout: Option<Duration>,
    pub(crate) write_timeout: Option<Duration>,
    pub(crate) disconnect_timeout: Option<Duration>,
    pub(crate) largest_body: Option<u64>,
    pub(crate) versions: Option<Vec<Version>>,
}

#[derive(Clone, Default)]
pub(crate) enum Transport {
    #[default]
    Network,
    Memory(Connector),
    /// TCP to the host and port of the URI, by a function of the user's; it panics at the next
    /// octets once the flag is set.
    Users(Arc<AtomicBool>),
}
