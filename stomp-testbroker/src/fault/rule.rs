use std::fmt;
use std::ops::{Bound, RangeBounds};

use stomp_frame::Command;

use super::Fault;
use super::matcher::{Match, Occurrence};
use crate::Direction;

/// Begins a rule about frames of one command: client commands as the broker receives them, server
/// commands as it sends them.
///
/// ```
/// use stomp_frame::Command;
/// use stomp_testbroker::{Fault, TestBroker, on};
///
/// let broker = TestBroker::in_memory();
/// // The broker takes the first payment, and the client never hears of it.
/// let _fault = on(Command::Send)
///     .to("/queue/pay")
///     .nth(1)
///     .then(Fault::ProcessThenClose)
///     .mount(&broker);
/// ```
pub fn on(command: Command) -> Rule {
    Rule::new(Match::of(command))
}

/// Begins a rule about every frame that the broker receives.
pub fn any_received() -> Rule {
    Rule::new(Match::new(Direction::Received, None))
}

/// Begins a rule about every frame that the broker sends.
pub fn any_sent() -> Rule {
    Rule::new(Match::new(Direction::Sent, None))
}

/// What goes wrong, and when. Rules are asked in the order in which they were mounted; the first
/// that has something else than [`Fault::Pass`] to say decides.
#[derive(Clone, Debug)]
#[must_use = "a rule does nothing until it is mounted"]
pub struct Rule {
    pub(crate) matching: Match,
    pub(crate) fault: Fault,
    pub(crate) name: Option<String>,
    pub(crate) expected: Option<Times>,
}

impl Rule {
    fn new(matching: Match) -> Self {
        Self {
            matching,
            fault: Fault::Pass,
            name: None,
            expected: None,
        }
    }

    /// Only frames of this destination. ACK, NACK and UNSUBSCRIBE have that of the messages they
    /// are about.
    pub fn to(mut self, destination: impl Into<String>) -> Self {
        self.matching.destination = Some(destination.into());
        self
    }

    /// Only frames with this header, whatever its value.
    pub fn with(mut self, header: impl Into<String>) -> Self {
        self.matching.headers.push((header.into(), None));
        self
    }

    /// Only frames with this header and value.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.matching
            .headers
            .push((name.into(), Some(value.into())));
        self
    }

    /// Only frames of one connection: 1 is the first that was opened to this broker.
    pub fn connection(mut self, number: u64) -> Self {
        self.matching.connection = Some(number);
        self
    }

    /// Only the `nth` frame that fits; 1 is the first.
    pub fn nth(mut self, nth: u64) -> Self {
        self.matching.occurrence = Occurrence::Nth(nth);
        self
    }

    /// Only the `first` frame that fits, and all after it; 1 is the first.
    pub fn from_nth(mut self, first: u64) -> Self {
        self.matching.occurrence = Occurrence::From(first);
        self
    }

    /// Only once a frame that the other rule is about has passed. (What that rule does is left
    /// out of account.)
    pub fn after(mut self, other: Rule) -> Self {
        self.matching.after = Some(Box::new(other.matching));
        self
    }

    /// Only once this many octets have gone over the connection, in the direction of the frame.
    pub fn after_octets(mut self, octets: u64) -> Self {
        self.matching.octets = octets;
        self
    }

    /// Says what happens. Default: [`Fault::Pass`].
    pub fn then(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }

    /// Says how often it has to happen: `2`, `1..`, `..=3`. When the guard or the broker is dropped
    /// and it did not, the test fails.
    pub fn expect(mut self, times: impl Into<Times>) -> Self {
        self.expected = Some(times.into());
        self
    }

    /// Gives the rule a name, for messages and the transcript.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// Describes the rule: its name, or what it is about.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name:?} ({})", self.matching),
            None => write!(f, "{}", self.matching),
        }
    }
}

/// How often something has to happen. Made of a number or a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    min: u64,
    max: u64,
}

impl Times {
    pub(crate) fn allows(self, count: u64) -> bool {
        (self.min..=self.max).contains(&count)
    }

    pub(crate) fn is_exceeded_by(self, count: u64) -> bool {
        count > self.max
    }

    fn of(range: impl RangeBounds<u64>) -> Self {
        Self {
            min: match range.start_bound() {
                Bound::Included(min) => *min,
                Bound::Excluded(min) => min + 1,
                Bound::Unbounded => 0,
            },
            max: match range.end_bound() {
                Bound::Included(max) => *max,
                Bound::Excluded(max) => max.saturating_sub(1),
                Bound::Unbounded => u64::MAX,
            },
        }
    }
}

impl From<u64> for Times {
    fn from(times: u64) -> Self {
        Self::of(times..=times)
    }
}

macro_rules! times_from {
    ($($range:ty),*) => {$(
        impl From<$range> for Times {
            fn from(range: $range) -> Self {
                Self::of(range)
            }
        }
    )*};
}

times_from!(
    std::ops::Range<u64>,
    std::ops::RangeInclusive<u64>,
    std::ops::RangeFrom<u64>,
    std::ops::RangeTo<u64>,
    std::ops::RangeToInclusive<u64>,
    std::ops::RangeFull
);

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (min, max) if min == max => f.write_str(&times(min)),
            (min, u64::MAX) => write!(f, "at least {}", times(min)),
            (0, max) => write!(f, "at most {}", times(max)),
            (min, max) => write!(f, "{min} to {max} times"),
        }
    }
}

fn times(count: u64) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// Names a mounted rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RuleId(pub(crate) u64);

/// A rule in force, and how often it happened.
#[derive(Clone, Debug)]
pub(crate) struct Mounted {
    pub(crate) id: RuleId,
    pub(crate) rule: Rule,
    pub(crate) hits: u64,
}

impl Mounted {
    /// Says what is wrong, if the rule did not happen as often as it had to.
    pub(crate) fn complaint(&self) -> Option<String> {
        let expected = self.rule.expected?;
        (!expected.allows(self.hits)).then(|| {
            let came = match self.hits {
                0 => "never came".to_owned(),
                hits => format!("came {}", times(hits)),
            };
            format!("expected {} {expected}, but it {came}", self.rule)
        })
    }
}
