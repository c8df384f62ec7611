use std::time::Instant;

use stomp_frame::{Command, Frame, Item, header};

use super::Broker;
use super::connection::{Confirm, ConnectionId, State};
use super::failure::Failure;
use super::frames::receipt_frame;
use super::queue::QueueId;
use crate::Direction;
use crate::profile::Receipts;

impl Broker {
    pub(crate) fn read_frames(&mut self, id: ConnectionId, now: Instant) {
        self.reading = Some(id);
        while self.wants_read(id) {
            let connection = self.connection(id);
            if connection.state.is_over() || connection.input.is_empty() {
                break;
            }
            match connection.decoder.decode(&mut connection.input) {
                Ok(Some(Item::Frame(frame))) => self.receive(id, frame, now),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => self.refuse_octets(id, error, now),
            }
        }
        self.reading = None;
        self.empty_mailbox(id, now);
        self.confirm(id, now);
    }

    fn receive(&mut self, id: ConnectionId, frame: Frame, now: Instant) {
        self.transcript.frame(id, Direction::Received, &frame, now);
        if self.has_faults()
            && let Some(fault) = self.judge(Direction::Received, id, &frame, now)
        {
            self.receive_with_fault(id, frame, fault, now);
        } else {
            self.process(id, frame, Answer::Full, now);
        }
    }

    pub(crate) fn has_faults(&self) -> bool {
        !self.rules.is_empty() || self.chaos.is_some()
    }

    /// Does what a frame asks for, and answers.
    pub(crate) fn process(&mut self, id: ConnectionId, frame: Frame, answer: Answer, now: Instant) {
        self.connection(id).discard = answer == Answer::Nothing;
        let receipt = frame.headers.get(header::RECEIPT).map(str::to_owned);
        let confirms = self.confirms(frame.command);
        let late = self.confirms_late(&frame);
        let command = frame.command;
        self.postponed = self.manners.receipt_first.then(Vec::new);
        let done = self.act(id, frame, now);
        let postponed = self.postponed.take();
        match done {
            Ok(then) => {
                match (receipt.filter(|_| confirms), late) {
                    (None, _) => {}
                    // 1.2, "Header receipt": on any client frame other than CONNECT.
                    (Some(_), _) if matches!(command, Command::Connect | Command::Stomp) => {}
                    (Some(receipt), Some(late)) if answer == Answer::Full => {
                        self.confirm_late(id, receipt, late);
                    }
                    (Some(receipt), _) => {
                        self.answer_receipt(id, receipt_frame(&receipt), answer, now);
                    }
                }
                match then {
                    Then::Nothing => {}
                    Then::Dispatch(queues) => {
                        for queue in queues {
                            self.dispatch(queue, now);
                        }
                    }
                    Then::Leave => {
                        self.release(id, now);
                        self.connection(id).state = State::Left;
                    }
                    Then::HangUp => self.hang_up(id, now),
                }
            }
            Err(failure) => self.refuse(id, failure, receipt.as_deref(), now),
        }
        for queue in postponed.into_iter().flatten() {
            self.dispatch(queue, now);
        }
    }

    /// Tells whether frames of this command get the RECEIPT that they ask for.
    fn confirms(&self, command: Command) -> bool {
        let subscribes = matches!(command, Command::Subscribe | Command::Unsubscribe);
        let configured = self.config.subscribe_receipts;
        configured
            .filter(|_| subscribes)
            .unwrap_or(match self.manners.receipts {
                Receipts::All => true,
                Receipts::OfDisconnect => command == Command::Disconnect,
            })
    }

    fn answer_receipt(&mut self, id: ConnectionId, receipt: Frame, answer: Answer, now: Instant) {
        match answer {
            Answer::Full => self.emit(id, receipt, now),
            Answer::ReceiptAt(time) => {
                self.connection(id).delayed.push((time, receipt));
                self.announce(id);
            }
            Answer::WithoutReceipt | Answer::Nothing => {}
        }
    }

    /// Tells how late the RECEIPT of a frame is to come; `None`: at once.
    fn confirms_late(&self, frame: &Frame) -> Option<Late> {
        let late = self.manners.confirms_late && frame.command == Command::Send;
        late.then(|| Late {
            persistent: frame.headers.get("persistent") == Some("true"),
            transaction: frame.headers.get(header::TRANSACTION).map(str::to_owned),
        })
    }

    fn confirm_late(&mut self, id: ConnectionId, receipt: String, late: Late) {
        let connection = self.connection(id);
        let transaction = late.transaction;
        let confirms = match transaction.and_then(|name| connection.transactions.get_mut(&name)) {
            Some(transaction) => &mut transaction.confirms,
            None => &mut connection.confirms,
        };
        confirms.push(Confirm {
            receipt,
            persistent: late.persistent,
        });
    }

    /// Sends the RECEIPTs that come late, those of persistent messages last.
    fn confirm(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let mut confirms = std::mem::take(&mut connection.confirms);
        confirms.sort_by_key(|confirm| confirm.persistent);
        for confirm in confirms {
            self.emit(id, receipt_frame(&confirm.receipt), now);
        }
    }

    /// Does what the frame asks for; says what is left to do after the RECEIPT.
    fn act(&mut self, id: ConnectionId, frame: Frame, now: Instant) -> Result<Then, Failure> {
        let command = frame.command;
        let opening = self.connection(id).state == State::Opening;
        match command {
            Command::Connect | Command::Stomp if !opening => return Err(Failure::AlreadyConnected),
            Command::Connect | Command::Stomp => self.connect(id, frame, now)?,
            _ if opening => return Err(Failure::NotConnected(command)),
            Command::Ack | Command::Nack | Command::Begin | Command::Commit | Command::Abort
                if self.manners.ignores_settling =>
            {
                self.transcript
                    .note(Some(id), format!("ignored: {command}"), now);
            }
            Command::Send => self.send(id, frame, now)?,
            Command::Subscribe => return self.subscribe(id, &frame).map(Then::Dispatch),
            Command::Unsubscribe => self.unsubscribe(id, &frame, now)?,
            Command::Ack | Command::Nack => self.settle(id, &frame, now)?,
            Command::Begin => self.begin(id, &frame, now)?,
            Command::Commit => self.commit(id, &frame, now)?,
            Command::Abort => self.abort(id, &frame, now)?,
            Command::Disconnect if self.manners.stays_after_disconnect => {
                return match frame.headers.contains(header::RECEIPT) {
                    true => Ok(Then::Leave),
                    false => Err(Failure::SessionClosed),
                };
            }
            Command::Disconnect => {
                self.connection(id).confirms.clear();
                return Ok(Then::HangUp);
            }
            Command::Connected | Command::Message | Command::Receipt | Command::Error => {
                return Err(Failure::NotAClientCommand(command));
            }
        }
        Ok(Then::Nothing)
    }
}

/// How much of its answer a frame gets. Anything but all of it is a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Full,
    WithoutReceipt,
    ReceiptAt(Instant),
    Nothing,
}

/// What is left to do after the RECEIPT.
#[derive(Debug)]
enum Then {
    Nothing,
    /// A new subscription: its RECEIPT comes before its first MESSAGE.
    Dispatch(Vec<QueueId>),
    /// All that the client had ends, but the link stays for it to close.
    Leave,
    HangUp,
}

/// How a RECEIPT comes late.
#[derive(Debug)]
struct Late {
    persistent: bool,
    transaction: Option<String>,
}
