//! What happens on the way between session and broker.

use std::time::Duration;

use bytes::BytesMut;
use stomp_commands::Send;
use stomp_frame::{Command, Frame, encode};
use stomp_session::{Session, Subscriptions};

use super::{Bug, Line, Machine};

impl Machine {
    /// Writes a frame that the session has not written.
    pub(super) fn plant(&mut self, frame: &Frame) {
        let mut octets = BytesMut::new();
        let version = self.config.versions[0];
        encode(frame, version, &mut octets).expect("a good frame");
        self.line.tap.hear_client(&octets);
        self.line.up.extend_from_slice(&octets);
    }

    /// What session and broker have written is under way.
    pub(super) fn pump(&mut self) {
        let now = self.now;
        if !self.stalled {
            while let Some(octets) = self.session.poll_transmit(now) {
                self.line.tap.hear_client(&octets);
                self.line.up.extend_from_slice(&octets);
            }
        }
        while let Some(octets) = self.broker.poll_transmit(self.line.id, now) {
            if !self.line.spoilt {
                self.line.down.extend_from_slice(&octets);
            }
        }
    }

    pub(super) fn up(&mut self, octets: usize) {
        let up = &mut self.line.up;
        let octets = up.split_to(octets.min(up.len()));
        self.broker.handle_data(self.line.id, &octets, self.now);
    }

    pub(super) fn down(&mut self, octets: usize) {
        if self.paused {
            return;
        }
        let down = &mut self.line.down;
        let octets = down.split_to(octets.min(down.len()));
        self.line.tap.hear_broker(&octets);
        self.line.read.extend_from_slice(&octets);
        let now = self.seen();
        self.session.handle_data(&mut self.line.read, now);
        let is_last = self.line.spoilt || self.broker.poll_close(self.line.id);
        if self.line.down.is_empty() && is_last {
            self.session.handle_eof(now);
        }
    }

    pub(super) fn cut(&mut self, up: usize, down: usize) {
        self.up(up);
        self.pump();
        self.broker.handle_close(self.line.id, self.now);
        self.down(down);
        self.session.handle_eof(self.now);
    }

    pub(super) fn server_error(&mut self, names_frame: bool) {
        let receipt = match self.session.pending_receipts().next() {
            Some(receipt) if names_frame => format!("receipt-id:{receipt}\n"),
            _ => String::new(),
        };
        self.line.spoilt = true;
        let error = format!("ERROR\nmessage:no\n{receipt}\n\0");
        self.line.down.extend_from_slice(error.as_bytes());
    }

    pub(super) fn tick(&mut self, time: Duration) {
        self.now += time;
        while let Some((at, id)) = self.broker.poll_next_timeout()
            && at <= self.now
        {
            self.broker.handle_timeout(id, self.now);
            self.pump();
            if !self.broker.is_open(id) || self.broker.poll_close(id) {
                self.broker.handle_close(id, self.now);
            }
        }
        self.fired = self.seen();
        if self.bug != Bug::ForgetTimers {
            self.session.handle_timeout(self.fired);
        }
    }

    pub(super) fn reconnect(&mut self) {
        self.broker.handle_close(self.line.id, self.now);
        for id in &self.line.tap.subscribed {
            // As if the session did not tell connections apart.
            let id = match (self.bug, id.split_once('.')) {
                (Bug::SameIds, Some((id, _))) => id,
                _ => id,
            };
            let is_new = self.ids.insert(id.to_owned());
            assert!(is_new, "SUBSCRIBE by {id}, the id of another connection");
        }
        (self.paused, self.stalled) = (false, false);
        let empty = Session::connect(self.config.clone(), Subscriptions::new(), self.now);
        let last = std::mem::replace(&mut self.session, empty.expect("a good configuration"));
        let mut subscriptions = last.into_subscriptions();
        let refused: Vec<_> = subscriptions.quarantined().map(|(key, _)| key).collect();
        for key in refused {
            subscriptions.forget(key);
            for slot in &mut self.subscriptions {
                *slot = slot.filter(|other| *other != key);
            }
        }
        let next = Session::connect(self.config.clone(), subscriptions, self.now);
        self.session = next.expect("a good configuration");
        self.line = Line::new(self.broker.handle_open(self.now));
        if self.refusals > 0 {
            self.refusals -= 1;
            self.line.spoilt = true;
            self.line
                .down
                .extend_from_slice(b"ERROR\nmessage:not now\n\n\0");
        }
        if let Some(transaction) = self.dead_transaction() {
            self.plant(&transaction);
        }
        if self.bug == Bug::Nonsense {
            self.plant(&Frame::new(Command::Send));
        }
    }

    fn dead_transaction(&self) -> Option<Frame> {
        let send = Send::to("/queue/a").transaction("t1");
        let planted = self.bug == Bug::StaleTransaction;
        planted.then(|| send.into_frame(self.config.versions[0]).expect("good"))
    }
}
