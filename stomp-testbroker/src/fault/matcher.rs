use std::fmt;

use stomp_frame::{Command, Frame, Side};

use crate::{ConnectionId, Direction};

/// Which frames a rule is about. Part of [`Rule`](crate::Rule); see [`on`](crate::on).
#[derive(Clone, Debug)]
pub struct Match {
    pub(super) direction: Direction,
    pub(super) command: Option<Command>,
    pub(super) destination: Option<String>,
    pub(super) headers: Vec<(String, Option<String>)>,
    pub(super) connection: Option<u64>,
    pub(super) occurrence: Occurrence,
    pub(super) after: Option<Box<Match>>,
    /// Octets of the connection, in the rule's direction, that have to come before.
    pub(super) octets: u64,
    /// Frames that fitted so far.
    seen: u64,
}

/// Which of the frames that fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occurrence {
    All,
    Nth(u64),
    From(u64),
}

/// What a rule sees of a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) direction: Direction,
    pub(crate) frame: &'a Frame,
    /// For ACK and the like, the destination of what they are about.
    pub(crate) destination: Option<&'a str>,
    pub(crate) connection: ConnectionId,
    /// Octets of the connection so far, in this direction.
    pub(crate) octets: u64,
}

impl Match {
    pub(super) fn new(direction: Direction, command: Option<Command>) -> Self {
        Self {
            direction,
            command,
            destination: None,
            headers: Vec::new(),
            connection: None,
            occurrence: Occurrence::All,
            after: None,
            octets: 0,
            seen: 0,
        }
    }

    /// Tells the way frames of this command go.
    pub(super) fn of(command: Command) -> Self {
        let direction = match command.side() {
            Side::Client => Direction::Received,
            Side::Server => Direction::Sent,
        };
        Self::new(direction, Some(command))
    }

    /// Tells whether the rule is about this frame. Counts, so it has to be shown every frame once.
    pub(crate) fn matches(&mut self, seen: Seen<'_>) -> bool {
        let armed = self.after.as_mut().is_none_or(|after| after.is_over(seen));
        if !armed || !self.fits(seen) {
            return false;
        }
        self.seen += 1;
        match self.occurrence {
            Occurrence::All => true,
            Occurrence::Nth(nth) => self.seen == nth,
            Occurrence::From(first) => self.seen >= first,
        }
    }

    /// As a condition for others: tells whether a frame *before* this one matched.
    fn is_over(&mut self, seen: Seen<'_>) -> bool {
        let over = match self.occurrence {
            Occurrence::All => self.seen >= 1,
            Occurrence::Nth(nth) | Occurrence::From(nth) => self.seen >= nth,
        };
        if !over {
            self.matches(seen);
        }
        over
    }

    fn fits(&self, seen: Seen<'_>) -> bool {
        let Seen { frame, .. } = seen;
        self.direction == seen.direction
            && self.command.is_none_or(|command| command == frame.command)
            && self
                .connection
                .is_none_or(|number| number == seen.connection.number())
            && self.octets <= seen.octets
            && match &self.destination {
                Some(wanted) => seen.destination == Some(wanted),
                None => true,
            }
            && self.headers.iter().all(|(name, wanted)| match wanted {
                Some(wanted) => frame.headers.get(name) == Some(wanted),
                None => frame.headers.contains(name),
            })
    }
}

/// Describes the frames in a few words: `SEND to /queue/a`.
impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.command, self.direction) {
            (Some(command), _) => write!(f, "{command}")?,
            (None, Direction::Received) => f.write_str("any frame received")?,
            (None, Direction::Sent) => f.write_str("any frame sent")?,
        }
        if let Some(destination) = &self.destination {
            write!(f, " to {destination}")?;
        }
        for (name, value) in &self.headers {
            match value {
                Some(value) => write!(f, " with {name}:{value}")?,
                None => write!(f, " with {name}")?,
            }
        }
        if let Some(connection) = self.connection {
            write!(f, " on connection #{connection}")?;
        }
        match self.occurrence {
            Occurrence::All => {}
            Occurrence::Nth(nth) => write!(f, ", number {nth}")?,
            Occurrence::From(first) => write!(f, ", from number {first} on")?,
        }
        if self.octets > 0 {
            write!(f, ", after {} octets", self.octets)?;
        }
        if let Some(after) = &self.after {
            write!(f, ", after {after}")?;
        }
        Ok(())
    }
}
