use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::Instant;

use rustc_hash::FxBuildHasher;
use stomp_frame::{DecodeError, DecodeErrorKind};

use super::Error;
use super::wake::{Wake, Wakes};
use crate::{AckToken, Delivery, Refusal, SubscriptionKey};

/// A message that came for a subscription.
#[derive(Debug)]
#[non_exhaustive]
pub struct Arrival {
    /// The message, and what is needed to settle it.
    pub delivery: Delivery,
    /// What is wrong with it, if it could not be read: then it has no body, and may lack headers.
    pub defect: Option<Defect>,
}

/// Why a message could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Defect {
    /// What is wrong, and where in the stream of octets.
    pub why: DecodeError,
    /// How long the body was said to be, in octets, if that is known.
    pub length: Option<u64>,
    /// How long it might have been.
    pub limit: u64,
}

/// Behind "a message from somewhere".
impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { why, length, limit } = self;
        match (why.kind, length) {
            (DecodeErrorKind::BodyTooLong, Some(length)) => {
                write!(f, "has {length} octets, and {limit} are allowed")
            }
            (kind, _) => write!(f, "cannot be read: {kind}"),
        }
    }
}

/// What there is for a subscription.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "nothing else can happen to whoever takes"
)]
#[allow(
    clippy::large_enum_variant,
    reason = "a message is moved on at once; with TLS an error is large, too"
)]
pub enum Taken {
    /// The next message.
    Message(Arrival),
    /// Nothing for now: a [`Wake::Inbox`] will tell when to ask again.
    Nothing,
    /// Nothing will come any more. The error is told once.
    Ended(Option<Error>),
}

/// The messages that subscriptions have not taken yet.
#[derive(Debug, Default)]
pub(super) struct Inboxes {
    inboxes: HashMap<SubscriptionKey, Inbox, FxBuildHasher>,
    /// How many hold more than was asked for.
    over_full: usize,
    /// How many are empty, and somebody waits there.
    hungry: usize,
    /// What all messages measured on the wire, and a fixed sum for each.
    octets: usize,
}

#[derive(Debug)]
pub(super) struct Inbox {
    arrivals: VecDeque<Arrival>,
    capacity: usize,
    waiting: bool,
    /// Whether the broker has answered the SUBSCRIBE of this connection, as far as is known here.
    pub(super) confirmed: bool,
    /// When that SUBSCRIBE counts as accepted if nobody has answered it.
    pub(super) presume: Option<Instant>,
    /// Nobody takes from it any more.
    pub(super) abandoned: bool,
    /// The last thing to be said.
    end: Option<End>,
}

#[derive(Debug)]
enum End {
    Refused(Refusal),
    Told,
}

impl Inboxes {
    pub(super) fn open(&mut self, key: SubscriptionKey, capacity: usize) {
        let inbox = Inbox {
            arrivals: VecDeque::new(),
            capacity,
            waiting: false,
            confirmed: false,
            presume: None,
            abandoned: false,
            end: None,
        };
        self.inboxes.insert(key, inbox);
    }

    /// Forgets an inbox. What it holds must have been [taken out](Self::empty).
    pub(super) fn close(&mut self, key: SubscriptionKey) {
        self.stop_waiting(key);
        self.inboxes.remove(&key);
    }

    pub(super) fn get_mut(&mut self, key: SubscriptionKey) -> Option<&mut Inbox> {
        self.inboxes.get_mut(&key)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = SubscriptionKey> {
        self.inboxes.keys().copied()
    }

    #[expect(
        clippy::result_large_err,
        reason = "nobody passes it on: it is moved once"
    )]
    pub(super) fn push(&mut self, arrival: Arrival, wakes: &mut Wakes) -> Result<(), Arrival> {
        let key = arrival.delivery.subscription;
        let Some(inbox) = self.inboxes.get_mut(&key).filter(|inbox| inbox.is_open()) else {
            return Err(arrival);
        };
        self.octets += arrival.weight();
        let before = inbox.is_over_full();
        inbox.arrivals.push_back(arrival);
        self.over_full += usize::from(!before && inbox.is_over_full());
        self.feed(key, wakes);
        wakes.happened();
        Ok(())
    }

    pub(super) fn take(&mut self, key: SubscriptionKey) -> Taken {
        let Some(inbox) = self.inboxes.get_mut(&key) else {
            return Taken::Ended(None);
        };
        if inbox.abandoned {
            return Taken::Ended(None);
        }
        let before = inbox.is_over_full();
        if let Some(arrival) = inbox.arrivals.pop_front() {
            self.over_full -= usize::from(before && !inbox.is_over_full());
            self.octets -= arrival.weight();
            return Taken::Message(arrival);
        }
        match inbox.end.replace(End::Told) {
            Some(End::Refused(why)) => Taken::Ended(Some(Error::SubscriptionRefused(why))),
            Some(End::Told) => Taken::Ended(None),
            None => {
                inbox.end = None;
                if !std::mem::replace(&mut inbox.waiting, true) {
                    self.hungry += 1;
                }
                Taken::Nothing
            }
        }
    }

    /// Nobody waits at this inbox any more.
    pub(super) fn stop_waiting(&mut self, key: SubscriptionKey) {
        if let Some(inbox) = self.inboxes.get_mut(&key)
            && std::mem::take(&mut inbox.waiting)
        {
            self.hungry -= 1;
        }
    }

    /// Ends an inbox behind what it holds.
    pub(super) fn refuse(&mut self, key: SubscriptionKey, why: Refusal, wakes: &mut Wakes) {
        if let Some(inbox) = self.inboxes.get_mut(&key)
            && inbox.end.is_none()
        {
            inbox.end = Some(End::Refused(why));
            self.feed(key, wakes);
        }
    }

    /// Takes out what an inbox holds, if `goes` says so.
    pub(super) fn empty(
        &mut self,
        key: SubscriptionKey,
        goes: impl Fn(&AckToken) -> bool,
    ) -> Vec<Arrival> {
        let Some(inbox) = self.inboxes.get_mut(&key) else {
            return Vec::new();
        };
        let before = inbox.is_over_full();
        let arrivals = std::mem::take(&mut inbox.arrivals);
        let goes = |arrival: &Arrival| goes(&arrival.delivery.token);
        let (gone, kept): (Vec<_>, Vec<_>) = arrivals.into_iter().partition(goes);
        inbox.arrivals = kept.into();
        self.over_full -= usize::from(before && !inbox.is_over_full());
        self.octets -= gone.iter().map(Arrival::weight).sum::<usize>();
        gone
    }

    /// Tells whether any of them holds more messages than was asked for.
    pub(super) fn is_any_over_full(&self) -> bool {
        self.over_full > 0
    }

    /// The subscription that holds most for what it was asked to hold.
    pub(super) fn fullest(&self) -> Option<SubscriptionKey> {
        let filled = |inbox: &Inbox| inbox.arrivals.len() as u64 * 1_000 / inbox.capacity as u64;
        let fullest = self.inboxes.iter().max_by_key(|(_, inbox)| filled(inbox));
        fullest.map(|(key, _)| *key)
    }

    /// Tells whether there is anything to be taken.
    pub(super) fn is_empty(&self) -> bool {
        self.octets == 0
    }

    pub(super) fn is_anybody_hungry(&self) -> bool {
        self.hungry > 0
    }

    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    /// Tells whoever waits at this inbox.
    pub(super) fn feed(&mut self, key: SubscriptionKey, wakes: &mut Wakes) {
        if let Some(inbox) = self.inboxes.get_mut(&key)
            && std::mem::take(&mut inbox.waiting)
        {
            self.hungry -= 1;
            wakes.push(Wake::Inbox(key));
        }
    }
}

impl Inbox {
    fn is_over_full(&self) -> bool {
        self.arrivals.len() > self.capacity
    }

    fn is_open(&self) -> bool {
        !self.abandoned && self.end.is_none()
    }
}

/// What a message takes up beside its octets, roughly.
const OVERHEAD: usize = 512;

impl Arrival {
    fn weight(&self) -> usize {
        self.delivery.octets + OVERHEAD
    }
}
