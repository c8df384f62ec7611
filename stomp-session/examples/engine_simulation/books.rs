//! What was promised of each message, and what became of it.

use std::collections::HashSet;

use bytes::BytesMut;
use stomp_commands::Frame;
use stomp_frame::{Command, Decoder, Item, Limits, Side};

use crate::report::Report;

/// A message carries its number as the first word of its body. Numbers ascend in the order in which
/// the application first called `send`.
#[derive(Default)]
pub(crate) struct Books {
    next: u64,
    confirmed: HashSet<u64>,
    denied: HashSet<u64>,
    /// Handed whole to the transport.
    offered: HashSet<u64>,
    /// Arrived whole at the broker.
    stored: HashSet<u64>,
    pub(crate) received: HashSet<u64>,
    /// The last number that was offered.
    last: u64,
    /// Some link has ended in the middle of a frame.
    torn: bool,
    pub(crate) report: Report,
}

impl Books {
    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.report.sends += 1;
        self.next
    }

    pub(crate) fn confirmed(&mut self, number: u64) {
        self.report.confirmed += 1;
        self.confirmed.insert(number);
    }

    /// The engine says that the broker will never have it.
    pub(crate) fn denied(&mut self, number: u64) {
        self.report.not_sent += 1;
        self.denied.insert(number);
    }

    pub(crate) fn in_doubt(&mut self, number: u64, tail: &Tail) {
        self.report.in_doubt += 1;
        self.report.needless_doubt += u64::from(!self.may_be_offered(number, tail));
    }

    /// Nobody waits for it any more: it is not sent if nothing of it was offered by now.
    pub(crate) fn abandoned(&mut self, number: u64, tail: &Tail) {
        self.report.abandoned += 1;
        if !self.may_be_offered(number, tail) {
            self.denied.insert(number);
        }
    }

    fn may_be_offered(&self, number: u64, tail: &Tail) -> bool {
        self.offered.contains(&number) || self.torn || tail.is_in_a_frame()
    }

    pub(crate) fn tear(&mut self, tail: &Tail) {
        self.torn |= tail.is_in_a_frame();
    }

    pub(crate) fn offer(&mut self, frame: &Frame) {
        if let Some(number) = number_of(frame) {
            self.offered.insert(number);
            self.report.reordered += u64::from(number <= self.last);
            self.last = self.last.max(number);
        }
    }

    pub(crate) fn store(&mut self, frame: &Frame) {
        self.stored.extend(number_of(frame));
    }

    /// Closes the books. `left` is what the queues still hold.
    pub(crate) fn close(mut self, left: &[Frame]) -> Report {
        let left: HashSet<u64> = left.iter().filter_map(number_of).collect();
        for number in &self.confirmed {
            let is_there = self.received.contains(number) || left.contains(number);
            self.report.lost += u64::from(!is_there);
            self.report.never_stored += u64::from(!self.stored.contains(number));
        }
        let denied = self.denied.intersection(&self.stored).count();
        self.report.sent_all_the_same += denied as u64;
        self.report.received = self.received.len() as u64;
        self.report
    }
}

fn number_of(frame: &Frame) -> Option<u64> {
    match frame.command {
        Command::Send => number_in(&frame.body),
        _ => None,
    }
}

pub(crate) fn number_in(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    text.split(' ').next()?.parse().ok()
}

/// One end of what a client writes, read frame by frame.
pub(crate) struct Tail {
    decoder: Decoder,
    buffer: BytesMut,
    last: Option<u8>,
}

impl Tail {
    pub(crate) fn new() -> Self {
        Self {
            decoder: Decoder::new(Side::Client, Limits::client()),
            buffer: BytesMut::new(),
            last: None,
        }
    }

    pub(crate) fn read(&mut self, octets: &[u8]) -> Vec<Frame> {
        self.buffer.extend_from_slice(octets);
        self.last = octets.last().copied().or(self.last);
        let mut frames = Vec::new();
        while let Ok(Some(item)) = self.decoder.decode(&mut self.buffer) {
            if let Item::Frame(frame) = item {
                frames.push(frame);
            }
        }
        frames
    }

    fn is_in_a_frame(&self) -> bool {
        self.last.is_some_and(|last| last != 0)
    }
}
