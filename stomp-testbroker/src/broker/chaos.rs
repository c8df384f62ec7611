use std::time::Duration;

use stomp_frame::{Command, Frame};

use super::Broker;
use crate::Direction;
use crate::fault::{Fault, RuleId};

/// Faults at random, all of them decided by one seed.
///
/// Only faults that a real network or a real broker may inflict on a client: nothing that a correct
/// client could not get over.
#[derive(Clone, Debug)]
pub(crate) struct Chaos {
    seed: u64,
    state: u64,
}

/// The environment variable that replays the faults of an earlier run.
pub(crate) const SEED_VARIABLE: &str = "STOMP_TESTBROKER_SEED";

/// One frame in so many suffers.
const ODDS: u64 = 24;

/// The rule that random faults belong to; it never ends.
const RULE: RuleId = RuleId(0);

impl Chaos {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// SplitMix64: short, and good enough to roll dice.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn fault(&mut self, direction: Direction, frame: &Frame) -> Option<Fault> {
        if !self.next().is_multiple_of(ODDS) {
            return None;
        }
        let delay = Duration::from_millis(1 + self.next() % 50);
        Some(match (direction, self.next() % 6) {
            (_, 0) => Fault::Close,
            (Direction::Received, 1 | 2) => Fault::ProcessThenClose,
            (Direction::Received, 3) => Fault::Delay(delay),
            (Direction::Received, _) => Fault::Slice(1 + self.next() as usize % 16),
            (Direction::Sent, 1) => Fault::ProcessThenClose,
            (Direction::Sent, 2) if frame.command == Command::Receipt => Fault::Delay(delay),
            (Direction::Sent, 3) => Fault::Truncate(self.next() as usize % 40),
            (Direction::Sent, _) => Fault::Slice(1 + self.next() as usize % 16),
        })
    }
}

impl Broker {
    /// Rolls the dice for a frame.
    pub(crate) fn chaos_fault(
        &mut self,
        direction: Direction,
        frame: &Frame,
    ) -> Option<(RuleId, Fault)> {
        let fault = self.chaos.as_mut()?.fault(direction, frame)?;
        Some((RULE, fault))
    }
}
