mod matcher;
mod parse;
mod rule;

use std::time::Duration;

use bytes::Bytes;
use stomp_frame::Frame;

pub use matcher::Match;
pub use parse::BadRule;
pub use rule::{Rule, Times, any_received, any_sent, on};

pub(crate) use matcher::Seen;
pub(crate) use rule::{Mounted, RuleId};

/// What goes wrong with a frame, or from that frame on.
///
/// "Received" and "sent" are meant from the broker's side. What says "from here on" ends when the
/// rule's guard is dropped.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing. For rules that only count.
    Pass,
    /// The frame is lost.
    Drop,
    /// The frame comes later. A received frame holds back those behind it; a sent one is overtaken.
    Delay(Duration),
    /// The frame comes twice.
    Duplicate,
    /// Another frame comes instead.
    Replace(Box<Frame>),
    /// These octets are sent to the client: instead of a sent frame, before the answer to a
    /// received one.
    Garbage(Bytes),
    /// From here on the client gets its octets in pieces of this many.
    Slice(usize),
    /// The answer is ERROR with this message, and the connection ends. A received frame is not
    /// processed.
    Error(String),
    /// The answer is ERROR with this message, and the connection goes on, as with RabbitMQ and
    /// ActiveMQ. A received frame is not processed.
    ErrorAndStay(String),
    /// The connection ends before the frame is processed, or sent.
    Close,
    /// Only this many octets of a sent frame go out, and then the connection ends, in the middle of
    /// it. With a received frame the same as [`Close`](Self::Close).
    Truncate(usize),
    /// The connection ends right after the frame was processed, and no answer leaves: the client
    /// cannot know whether it counts. A sent frame still goes out.
    ProcessThenClose,
    /// The frame is processed, but its RECEIPT never comes.
    WithholdReceipt,
    /// The frame is processed, and its RECEIPT comes later than that of others.
    DelayReceipt(Duration),
    /// From here on the broker sends no heart-beats on this connection.
    StopBeating,
    /// From here on nothing arrives any more, in either direction, and nobody says so.
    BlackHole,
    /// From here on the broker does not read, as RabbitMQ under memory alarm. It goes on beating.
    StopReading,
    /// The broker dies and is back at once: all connections end, and only messages that are
    /// `persistent:true` are left. A received frame is not processed, a sent one not sent.
    Crash,
}

/// A fault that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Slice(usize),
    StopBeating,
    BlackHole,
    StopReading,
    Refuse,
}
