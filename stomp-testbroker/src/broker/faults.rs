use std::time::Instant;

use bytes::BufMut;
use stomp_frame::{Command, Frame, header};

use super::Broker;
use super::chaos::SEED_VARIABLE;
use super::connection::{Connection, ConnectionId};
use super::output::Outcome;
use super::process::Answer;
use crate::Direction;
use crate::fault::{Fault, Mounted, Rule, RuleId, Seen, Standing};

/// Rules: when a frame comes or goes, they say what goes wrong with it.
impl Broker {
    pub(crate) fn mount(&mut self, rule: Rule) -> RuleId {
        let id = self.next_rule();
        self.rules.push(Mounted { id, rule, hits: 0 });
        id
    }

    fn next_rule(&mut self) -> RuleId {
        self.rules_mounted += 1;
        RuleId(self.rules_mounted)
    }

    /// Ends a rule, and heals what it broke. Returns it, with its count.
    pub(crate) fn unmount(&mut self, id: RuleId, now: Instant) -> Option<Mounted> {
        let at = self.rules.iter().position(|mounted| mounted.id == id);
        let mounted = at.map(|at| self.rules.remove(at));
        self.standing.retain(|(rule, ..)| *rule != id);
        let connections: Vec<_> = self.connections.keys().copied().collect();
        for connection in connections {
            let standing = &mut self.connection(connection).standing;
            standing.retain(|(rule, _)| *rule != id);
            self.resume(connection, now);
            self.announce(connection);
        }
        mounted
    }

    /// Lets a fault stand for all connections, those to come included; of one node, if it is named.
    pub(crate) fn stand(&mut self, fault: Standing, node: Option<usize>, now: Instant) -> RuleId {
        let id = self.next_rule();
        self.standing.push((id, fault, node));
        let connections: Vec<_> = self.connections.keys().copied().collect();
        for connection in connections {
            self.announce(connection);
        }
        self.transcript.note(None, format!("{fault:?} begins"), now);
        id
    }

    /// Says what is wrong with every mounted rule that did not happen as often as it had to.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.rules.iter().filter_map(Mounted::complaint).collect()
    }

    /// Counts how often a rule has applied.
    pub(crate) fn hits(&self, id: RuleId) -> u64 {
        let mounted = self.rules.iter().find(|mounted| mounted.id == id);
        mounted.map_or(0, |mounted| mounted.hits)
    }

    /// The conversation, and how to have it again, for a test that failed.
    pub(crate) fn report(&self) -> String {
        let mut report = String::new();
        if let Some(chaos) = &self.chaos {
            report = format!(
                "faults at random, seed {seed}: to have the same again, set {SEED_VARIABLE}={seed}\n",
                seed = chaos.seed()
            );
        }
        report + "what was said:\n" + &self.transcript.to_string()
    }

    /// Shows a frame to all rules; the first that has something to say decides.
    pub(crate) fn judge(
        &mut self,
        direction: Direction,
        id: ConnectionId,
        frame: &Frame,
        now: Instant,
    ) -> Option<(RuleId, Fault)> {
        if self.rules.is_empty() {
            return self.chaos_fault(direction, frame);
        }
        let connection = self.connections.get(&id)?;
        let destination = self.destination_of(id, connection, frame);
        let destination = destination.map(|destination| destination.to_owned());
        let seen = Seen {
            direction,
            frame,
            destination: destination.as_deref(),
            connection: id,
            octets: match direction {
                Direction::Received => connection.received_octets,
                Direction::Sent => connection.sent_octets,
            },
        };
        let mut verdict = None;
        let mut notes = Vec::new();
        for mounted in &mut self.rules {
            if !mounted.rule.matching.matches(seen) {
                continue;
            }
            mounted.hits += 1;
            if let Some(times) = mounted.rule.expected
                && times.is_exceeded_by(mounted.hits)
            {
                notes.push(format!(
                    "^^^ one too many: expected {} {times}",
                    mounted.rule
                ));
            }
            if verdict.is_none() && mounted.rule.fault != Fault::Pass {
                notes.push(format!(
                    "fault: {:?} for {}",
                    mounted.rule.fault, mounted.rule
                ));
                verdict = Some((mounted.id, mounted.rule.fault.clone()));
            }
        }
        for note in notes {
            self.transcript.note(Some(id), note, now);
        }
        verdict.or_else(|| self.chaos_fault(direction, frame))
    }

    /// Returns the destination of a frame, or of the messages it is about.
    fn destination_of<'a>(
        &'a self,
        id: ConnectionId,
        connection: &'a Connection,
        frame: &'a Frame,
    ) -> Option<&'a str> {
        if let Some(destination) = frame.headers.get(header::DESTINATION) {
            return Some(destination);
        }
        let number = match frame.command {
            Command::Ack | Command::Nack => self.subscription_named(id, connection, frame),
            Command::Unsubscribe => {
                let id = frame.headers.get(header::ID)?;
                connection.subscription_by_id(id)
            }
            _ => None,
        };
        let queue = connection.subscriptions.get(&number?)?.queue;
        self.destinations.queue(queue).map(|queue| &*queue.name)
    }

    /// Does what a fault says about a received frame.
    pub(crate) fn receive_with_fault(
        &mut self,
        id: ConnectionId,
        frame: Frame,
        (rule, fault): (RuleId, Fault),
        now: Instant,
    ) {
        match fault {
            Fault::Drop => {}
            Fault::Delay(time) => {
                self.connection(id).held = Some((now + time, frame));
                self.announce(id);
            }
            Fault::Duplicate => {
                self.process(id, frame.clone(), Answer::Full, now);
                self.process(id, frame, Answer::Full, now);
            }
            Fault::Replace(other) => self.process(id, *other, Answer::Full, now),
            Fault::Garbage(octets) => {
                self.write_raw(id, &octets, now);
                self.process(id, frame, Answer::Full, now);
            }
            Fault::Error(text) => {
                self.answer_error(id, &frame, &text, now);
                self.hang_up(id, now);
            }
            Fault::ErrorAndStay(text) => self.answer_error(id, &frame, &text, now),
            Fault::Close | Fault::Truncate(_) => self.hang_up(id, now),
            Fault::ProcessThenClose => {
                self.process(id, frame, Answer::Nothing, now);
                self.hang_up(id, now);
            }
            Fault::WithholdReceipt => self.process(id, frame, Answer::WithoutReceipt, now),
            Fault::DelayReceipt(time) => {
                self.process(id, frame, Answer::ReceiptAt(now + time), now);
            }
            Fault::Crash => self.crash_pending = true,
            Fault::Pass
            | Fault::Slice(_)
            | Fault::StopBeating
            | Fault::BlackHole
            | Fault::StopReading => {
                self.begin_standing(id, rule, &fault);
                self.process(id, frame, Answer::Full, now);
            }
        }
    }

    /// Does what a fault says about a frame to be sent; says what is left to do for the caller.
    pub(crate) fn send_with_fault(
        &mut self,
        id: ConnectionId,
        frame: Frame,
        (rule, fault): (RuleId, Fault),
        now: Instant,
    ) -> Outcome {
        match fault {
            Fault::Drop | Fault::WithholdReceipt => Outcome::Done,
            Fault::Delay(time) | Fault::DelayReceipt(time) => {
                self.connection(id).delayed.push((now + time, frame));
                self.announce(id);
                Outcome::Done
            }
            Fault::Duplicate => Outcome::WriteTwice(frame),
            Fault::Replace(other) => Outcome::Write(*other),
            Fault::Garbage(octets) => {
                self.write_raw(id, &octets, now);
                Outcome::Done
            }
            Fault::Error(text) => Outcome::WriteAndHangUp(error_frame(&text)),
            Fault::ErrorAndStay(text) => Outcome::Write(error_frame(&text)),
            Fault::Close => {
                self.hang_up(id, now);
                Outcome::Done
            }
            Fault::Truncate(octets) => Outcome::WriteStart(frame, octets),
            Fault::ProcessThenClose => Outcome::WriteAndHangUp(frame),
            Fault::Crash => {
                self.crash_pending = true;
                Outcome::Done
            }
            Fault::Pass
            | Fault::Slice(_)
            | Fault::StopBeating
            | Fault::BlackHole
            | Fault::StopReading => {
                self.begin_standing(id, rule, &fault);
                Outcome::Write(frame)
            }
        }
    }

    fn begin_standing(&mut self, id: ConnectionId, rule: RuleId, fault: &Fault) {
        let standing = match fault {
            Fault::Slice(octets) => Standing::Slice(*octets),
            Fault::StopBeating => Standing::StopBeating,
            Fault::BlackHole => Standing::BlackHole,
            Fault::StopReading => Standing::StopReading,
            _ => return,
        };
        self.connection(id).standing.push((rule, standing));
    }

    fn answer_error(&mut self, id: ConnectionId, frame: &Frame, text: &str, now: Instant) {
        let mut error = error_frame(text);
        if let Some(receipt) = frame.headers.get(header::RECEIPT) {
            let name = self.config.error_receipt_header.as_str();
            error.headers.append(name, receipt);
        }
        self.emit(id, error, now);
    }

    fn write_raw(&mut self, id: ConnectionId, octets: &[u8], now: Instant) {
        let note = format!("{} octets of garbage sent", octets.len());
        self.transcript.note(Some(id), note, now);
        self.connection(id).output.put_slice(octets);
        self.announce(id);
    }

    /// Does what a crash does, at the end of an input: all connections end, and only persistent
    /// messages are left.
    pub(crate) fn crash_if_pending(&mut self, now: Instant) {
        if std::mem::take(&mut self.crash_pending) {
            self.crash(None, now);
        }
    }

    /// Ends all connections at once, of one node if it is named; then of the whole broker only
    /// persistent messages are left.
    pub(crate) fn crash(&mut self, node: Option<usize>, now: Instant) {
        self.transcript
            .note(None, "the broker crashes".to_owned(), now);
        self.close_node(node, now);
        if node.is_none() {
            for queue in self.destinations.queues_mut() {
                queue.entries.retain(|entry| {
                    if !entry.message.persistent {
                        self.stored -= entry.message.weight();
                    }
                    entry.message.persistent
                });
            }
        }
    }
}

/// Faults that last.
impl Broker {
    /// Tells whether a fault stands on a connection.
    pub(crate) fn stands(&self, connection: &Connection, fault: Standing) -> bool {
        self.standing_on(connection).any(|other| other == fault)
    }

    /// Tells into how small pieces the output is cut.
    pub(crate) fn slice(&self, connection: &Connection) -> Option<usize> {
        self.standing_on(connection).find_map(|fault| match fault {
            Standing::Slice(octets) => Some(octets),
            _ => None,
        })
    }

    /// Tells whether new connections are refused.
    pub(crate) fn refuses(&self, node: usize) -> bool {
        self.standing
            .iter()
            .any(|(_, fault, of)| *fault == Standing::Refuse && of.is_none_or(|of| of == node))
    }

    fn standing_on<'a>(
        &'a self,
        connection: &'a Connection,
    ) -> impl Iterator<Item = Standing> + use<'a> {
        let own = connection.standing.iter().map(|(_, fault)| *fault);
        let all = self.standing.iter();
        own.chain(
            all.filter(|(_, _, node)| node.is_none_or(|node| node == connection.node))
                .map(|(_, fault, _)| *fault),
        )
    }

    /// Handles a received frame whose delay is over, and sends those whose delay is over.
    pub(crate) fn end_delays(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let (due, later): (Vec<_>, _) = connection
            .delayed
            .drain(..)
            .partition(|(time, _)| *time <= now);
        connection.delayed = later;
        let held = connection.held.take_if(|(time, _)| *time <= now);
        for (_, frame) in due {
            self.write_frame(id, &frame, now);
        }
        if let Some((_, frame)) = held {
            if !self.connection(id).state.is_over() {
                self.process(id, frame, Answer::Full, now);
            }
            self.read_frames(id, now);
            self.announce(id); // its writer may go on
        }
    }
}

fn error_frame(text: &str) -> Frame {
    Frame::new(Command::Error).header(header::MESSAGE, text)
}
