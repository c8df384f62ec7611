//! Session, wire, broker and application, which take one step at a time.

mod calls;
mod events;
mod wire;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use stomp_commands::{AckMode, Delivery as Named, HeartBeat, ReceiptId};
use stomp_frame::Version;
use stomp_session::{AckToken, Config, FlowLimits, Session, SubscriptionKey, Subscriptions};
use stomp_testbroker::{Broker, ConnectionId, NackPolicy};

use crate::books::Books;
use crate::network::Wiretap;
use crate::step::Step;

const QUEUES: [&str; 2] = ["/queue/a", "/queue/b"];
const MODES: [AckMode; 2] = [AckMode::Client, AckMode::ClientIndividual];

const RECEIPTS: usize = 6;
const OUTBOUND: usize = 1_024;
/// No frame here is longer. What is let in in spite of the limits, DISCONNECT and the replay, is
/// not longer all together.
const SLACK: usize = 512;

/// A bug put in on purpose, so that a check can show that it bites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    /// ACKs go to whatever connection there is.
    StaleAck,
    /// A transaction is used on the next connection.
    StaleTransaction,
    /// Subscriptions are called the same on all connections.
    SameIds,
    /// A delivery of another connection is reported as settled.
    LieAboutStale,
    /// A failure is not reported.
    ForgetWait,
    /// A receipt is reported twice.
    AnswerTwice,
    /// Two deliveries change places.
    SwapDeliveries,
    /// A message counts as confirmed when it is sent.
    ConfirmEarly,
    /// A COMMIT in doubt is reported as one that did not take place.
    DenyDoubt,
    /// The end is reported twice.
    CloseTwice,
    /// What is due is not done.
    ForgetTimers,
    /// More is let in than the limits allow.
    NoLimits,
    /// A frame is sent that the broker has to refuse.
    Nonsense,
}

pub(crate) struct Machine {
    bug: Bug,
    config: Config,
    now: Instant,
    /// How far back the instants of the next calls lie.
    back: Duration,
    session: Session,
    broker: Broker,
    line: Line,
    /// The instant of the last call of `handle_timeout`.
    fired: Instant,
    /// The receipt of a DISCONNECT.
    disconnect: Option<ReceiptId>,
    refusals: u8,
    paused: bool,
    stalled: bool,
    books: Books,
    bodies: u32,
    subscriptions: [Option<SubscriptionKey>; 4],
    names: u32,
    tokens: Vec<(AckToken, Named)>,
    /// Ids of subscriptions on all connections there were.
    ids: HashSet<String>,
}

/// A connection.
struct Line {
    id: ConnectionId,
    /// Under way to the broker.
    up: BytesMut,
    /// Under way to the client.
    down: BytesMut,
    read: BytesMut,
    tap: Wiretap,
    /// Something comes that no broker writes, and may mean anything; it is the last that comes.
    spoilt: bool,
    closed: bool,
}

impl Machine {
    pub(crate) fn new(version: usize, bug: Bug) -> Self {
        let mut settings = stomp_testbroker::Config::default();
        settings.heart_beat = HeartBeat::new(10_000, 10_000);
        settings.nack = Some(NackPolicy::Requeue);
        settings.transcript = 0;
        let mut broker = Broker::new(settings);
        let mut flow = FlowLimits::default().transactions(1).subscriptions(4);
        if bug != Bug::NoLimits {
            flow = flow.receipts(RECEIPTS).outbound(OUTBOUND);
        }
        let config = Config::default()
            .versions([Version::ALL[version]])
            .flow(flow);
        let now = Instant::now() + Duration::from_secs(1_000);
        let session = Session::connect(config.clone(), Subscriptions::new(), now);
        Self {
            bug,
            config,
            now,
            back: Duration::ZERO,
            session: session.expect("a good configuration"),
            line: Line::new(broker.handle_open(now)),
            broker,
            fired: now,
            disconnect: None,
            refusals: 0,
            paused: false,
            stalled: false,
            books: Books::default(),
            bodies: 0,
            subscriptions: [None; 4],
            names: 0,
            tokens: Vec::new(),
            ids: HashSet::new(),
        }
    }

    pub(crate) fn take(&mut self, step: Step) {
        if self.line.closed {
            self.reconnect();
        }
        match step {
            Step::Up(octets) => self.up(octets),
            Step::Down(octets) => self.down(octets),
            Step::Cut { up, down } => self.cut(up, down),
            Step::Restart => {
                self.broker.close_all(self.now);
                let now = self.seen();
                self.session.handle_eof(now);
            }
            Step::Refuse(times) => self.refusals = times,
            Step::ServerError { names_frame } => self.server_error(names_frame),
            Step::Octets(octets) => {
                self.line.spoilt = true;
                self.line.down.extend_from_slice(&octets);
            }
            Step::Tick(ms) => self.tick(Duration::from_millis(ms)),
            Step::Back(ms) => self.back = Duration::from_millis(ms),
            Step::Pause(true) => {
                self.paused = true;
                self.session.handle_pause();
            }
            Step::Pause(false) => {
                self.paused = false;
                let now = self.seen();
                self.session.handle_resume(now);
            }
            Step::Stall(stalled) => self.stalled = stalled,
            Step::Push(queue) => {
                let body = self.new_body();
                let pushed = self.broker.push(QUEUES[queue], body.clone(), self.now);
                pushed.expect("there is room");
                self.books.is_sent(&body);
            }
            call => self.call(call),
        }
        self.pump();
        self.pass_events();
    }

    /// The instant that the next call names.
    fn seen(&mut self) -> Instant {
        self.now - std::mem::take(&mut self.back)
    }

    fn new_body(&mut self) -> String {
        self.bodies += 1;
        self.bodies.to_string()
    }

    /// Lets everything that is under way arrive, receives what is left, and closes the books.
    pub(crate) fn finish(mut self) {
        self.refusals = 0;
        for _ in 0..200 {
            for step in self.steps_to_the_end() {
                self.take(step);
                self.check();
            }
            if self.is_over() {
                return self.books.close();
            }
        }
        panic!("it does not come to an end");
    }

    fn steps_to_the_end(&self) -> Vec<Step> {
        let mut steps = vec![Step::Stall(false), Step::Pause(false), Step::Abort];
        let subscribe = |at| Step::Subscribe { at, receipt: false };
        let settle = |token| Step::Settle {
            token,
            nack: false,
            receipt: false,
            in_transaction: false,
        };
        steps.extend((0..2).map(subscribe));
        steps.extend((0..self.tokens.len()).map(settle));
        steps.extend([
            Step::Up(usize::MAX),
            Step::Down(usize::MAX),
            Step::Tick(500),
        ]);
        steps
    }

    fn is_over(&self) -> bool {
        let left = |queue: &str| self.broker.depth(queue) + self.broker.unacked(queue);
        let drained = QUEUES.iter().all(|queue| left(queue) == 0);
        let quiet = self.line.up.is_empty() && self.line.down.is_empty();
        drained && quiet && self.books.waits.is_empty() && self.books.open.is_none()
    }
}

impl Line {
    fn new(id: ConnectionId) -> Self {
        Self {
            id,
            up: BytesMut::new(),
            down: BytesMut::new(),
            read: BytesMut::new(),
            tap: Wiretap::new(),
            spoilt: false,
            closed: false,
        }
    }
}
