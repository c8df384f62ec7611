//! What the session tells, and what has to be true of it.

use stomp_commands::Delivery as Named;
use stomp_session::Event;

use super::{Bug, Machine, OUTBOUND, RECEIPTS, SLACK};

impl Machine {
    pub(super) fn pass_events(&mut self) {
        let mut events = Vec::new();
        while let Some(event) = self.session.poll_event() {
            events.push(event);
        }
        match self.bug {
            Bug::SwapDeliveries => {
                let is_message = |event: &Event| matches!(event, Event::Message(_));
                let first = events.iter().position(is_message);
                let last = events.iter().rposition(is_message);
                if let (Some(first), Some(last)) = (first, last) {
                    events.swap(first, last);
                }
            }
            Bug::AnswerTwice => {
                let receipt = |event: &&Event| matches!(event, Event::Receipt { .. });
                let again = events.iter().find(receipt).cloned();
                events.extend(again);
            }
            Bug::ForgetWait => {
                events.retain(|event| !matches!(event, Event::ReceiptFailed { .. }));
            }
            Bug::CloseTwice => {
                let closed = |event: &&Event| matches!(event, Event::Closed(_));
                let again = events.iter().find(closed).cloned();
                events.extend(again);
            }
            _ => {}
        }
        for event in events {
            assert!(!self.line.closed, "an event after the end: {event:?}");
            self.note(event);
        }
    }

    fn note(&mut self, event: Event) {
        self.check_order(&event);
        match event {
            Event::Message(delivery) => {
                let body = delivery.message.text().expect("all bodies are text");
                self.books.received(body);
                let name = Named::from(&delivery.message);
                self.tokens.push((delivery.token, name));
            }
            Event::OrphanMessage(_) => {}
            Event::Receipt { receipt, .. } => self.books.confirmed(&receipt),
            Event::ReceiptFailed { receipt, why } => {
                let deny_doubt = self.bug == Bug::DenyDoubt;
                self.books.failed(&receipt, &why, deny_doubt);
            }
            Event::TransactionLost { transaction } => self.books.ended_without(&transaction),
            Event::Error(error) => {
                assert!(self.line.spoilt, "the broker refused a frame: {error}");
            }
            Event::Closed(_) => {
                // DISCONNECT is answered by the end itself.
                if let Some(receipt) = self.disconnect.take() {
                    self.books.answered(&receipt);
                }
                self.line.closed = true;
            }
            _ => {}
        }
    }

    /// Deliveries come in the order in which they arrived.
    fn check_order(&mut self, event: &Event) {
        let message = match event {
            Event::Message(delivery) => &delivery.message,
            Event::OrphanMessage(message) => message,
            _ => return,
        };
        let next = self.line.tap.order.pop_front();
        assert_eq!(next.as_deref(), Some(message.message_id()), "out of order");
    }

    /// What holds after every step.
    pub(crate) fn check(&self) {
        let (session, tap) = (&self.session, &self.line.tap);
        assert_eq!(tap.stale_acks, 0, "ACK for another connection");
        assert_eq!(
            tap.stale_transactions, 0,
            "transaction of another connection"
        );
        let pending: Vec<_> = session.pending_receipts().cloned().collect();
        assert_eq!(
            pending, self.books.waits,
            "the waits are not those of the session"
        );
        let open: Vec<_> = session.open_transactions().collect();
        let ours: Vec<_> = self.books.open.iter().map(|t| &t.id).collect();
        assert_eq!(
            open, ours,
            "the open transactions are not those of the session"
        );
        let deadline = session.poll_timeout();
        assert!(
            deadline.is_none_or(|deadline| deadline > self.fired),
            "a deadline has passed, and nothing happened"
        );
        // The time of a receipt begins when its frame is written.
        let is_written = session.outbound() == 0;
        assert!(
            deadline.is_some() || pending.is_empty() || !is_written,
            "a wait without a deadline"
        );
        // One more for DISCONNECT, which is always let in.
        assert!(
            pending.len() <= RECEIPTS + 1,
            "more than the limit is waited for"
        );
        let outbound = session.outbound();
        assert!(
            outbound < OUTBOUND + SLACK,
            "more than the limit: {outbound} octets"
        );
    }
}
