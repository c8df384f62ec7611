//! The application: tasks that run when a report of the engine names them, or when they have slept
//! as long as they wanted to; never else.

use std::time::{Duration, Instant};

use fastrand::Rng;
use stomp_commands::{AckMode, Send, Subscribe};
use stomp_session::engine::{Error, ListenerId, OpId, Outcome, Sent, Taken, Verdict, Wake};
use stomp_session::{AckToken, Settled, SubscriptionKey, UsageError};

use crate::books::{Tail, number_in};
use crate::world::World;

/// Where messages with numbers go.
pub(crate) const QUEUES: [&str; 2] = ["/queue/a", "/queue/b"];

/// Where the broker has more messages than anybody wants.
const FLOOD: &str = "/queue/flood";

#[derive(Default)]
pub(crate) struct Application {
    tasks: Vec<Task>,
    /// Nothing new is begun.
    pub(crate) stopping: bool,
}

struct Task {
    kind: Kind,
    wait: Wait,
    runnable: bool,
    /// When it wants to run by itself.
    at: Option<Instant>,
    done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Nothing,
    Operation(OpId),
    Inbox(SubscriptionKey),
    Listener(ListenerId),
}

enum Kind {
    Connect(OpId),
    Send(Box<Sending>),
    Consume(Consuming),
    /// The broker gets messages from elsewhere.
    Flood(u32),
    Listen(Option<ListenerId>),
    Leave(Option<OpId>),
    Gone,
}

struct Sending {
    confirm: bool,
    /// It is tried again until it is confirmed.
    must: bool,
    size: usize,
    timeout: Option<Duration>,
    number: u64,
    command: Option<Send>,
    op: Option<OpId>,
    asked: bool,
    /// When nobody waits for it any more, from its first call on.
    patience: Option<Duration>,
    abandon_at: Option<Instant>,
}

struct Consuming {
    destination: &'static str,
    mode: AckMode,
    capacity: usize,
    state: Subscribed,
    hand: Vec<AckToken>,
    /// It stands still now and then.
    slow: bool,
    /// Something was dropped unsettled: it comes back only when the subscription ends.
    untidy: bool,
}

#[derive(Clone, Copy)]
enum Subscribed {
    Not,
    Asking { op: OpId, asked: bool },
    Is(SubscriptionKey),
    Ending(OpId),
}

impl Application {
    pub(crate) fn new(rng: &mut Rng, now: Instant, connecting: OpId) -> Self {
        let mut kinds = vec![(Kind::Connect(connecting), now), (Kind::Listen(None), now)];
        for n in 0..100 {
            let at = now + Duration::from_micros(rng.u64(..3_000_000));
            kinds.push((Kind::Send(Box::new(Sending::new(rng, n))), at));
        }
        for destination in [QUEUES[0], QUEUES[1], QUEUES[1], FLOOD] {
            kinds.push((Kind::Consume(Consuming::new(rng, destination)), now));
        }
        kinds.push((Kind::Flood(150), now));
        let early = rng.u32(..6) == 0;
        let leaving = match early {
            true => rng.u64(..4_000_000),
            false => 1 << 40,
        };
        kinds.push((Kind::Leave(None), now + Duration::from_micros(leaving)));
        let tasks = kinds.into_iter().map(|(kind, at)| Task {
            kind,
            wait: Wait::Nothing,
            runnable: false,
            at: Some(at),
            done: false,
        });
        Self {
            tasks: tasks.collect(),
            stopping: false,
        }
    }

    pub(crate) fn wake(&mut self, wake: Wake) {
        for task in &mut self.tasks {
            task.runnable |= match wake {
                Wake::Operation(op) => task.wait == Wait::Operation(op),
                Wake::Inbox(key) => task.wait == Wait::Inbox(key),
                Wake::Listener(listener) => task.wait == Wait::Listener(listener),
                Wake::Everybody => task.wait != Wait::Nothing,
                Wake::Driver | Wake::Reader | Wake::Watcher => false,
            };
        }
    }

    pub(crate) fn runnable(&self, now: Instant) -> Vec<usize> {
        let runs = |(_, task): &(usize, &Task)| {
            !task.done && (task.runnable || task.at.is_some_and(|at| at <= now))
        };
        let tasks = self.tasks.iter().enumerate().filter(runs);
        tasks.map(|(at, _)| at).collect()
    }

    pub(crate) fn sleepers(&self) -> Vec<usize> {
        let sleeps = |(_, task): &(usize, &Task)| !task.done && task.wait != Wait::Nothing;
        let tasks = self.tasks.iter().enumerate().filter(sleeps);
        tasks.map(|(at, _)| at).collect()
    }

    pub(crate) fn next_instant(&self) -> Option<Instant> {
        let tasks = self.tasks.iter().filter(|task| !task.done);
        tasks.filter_map(|task| task.at).min()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.tasks.iter().all(|task| task.done)
    }

    pub(crate) fn unfinished(&self) -> u64 {
        self.tasks.iter().filter(|task| !task.done).count() as u64
    }

    fn has_sent_all(&self) -> bool {
        let sends = |task: &Task| matches!(task.kind, Kind::Send(_) | Kind::Flood(_));
        !self.tasks.iter().any(|task| !task.done && sends(task))
    }

    /// Nobody has a message in hand, or waits for anything but messages.
    pub(crate) fn is_empty_handed(&self) -> bool {
        let holds = |task: &Task| match &task.kind {
            Kind::Consume(consuming) => {
                !consuming.hand.is_empty() || !matches!(task.wait, Wait::Inbox(_))
            }
            _ => false,
        };
        !self.tasks.iter().any(|task| !task.done && holds(task))
    }

    fn has_only_to_leave(&self) -> bool {
        let stays = |task: &Task| matches!(task.kind, Kind::Consume(_) | Kind::Send(_));
        !self.tasks.iter().any(|task| !task.done && stays(task))
    }
}

impl Sending {
    fn new(rng: &mut Rng, n: u32) -> Self {
        let confirm = !n.is_multiple_of(4);
        let must = confirm && n % 8 > 1;
        let timeout = Duration::from_millis(rng.u64(1..4_000));
        let patience = Duration::from_millis(rng.u64(..1_000));
        Self {
            confirm,
            must,
            size: match rng.u32(..60) {
                0 => 99_000,
                1..4 => 20_000,
                _ => rng.usize(..300),
            },
            timeout: (rng.u32(..3) == 0).then_some(timeout),
            number: 0,
            command: None,
            op: None,
            asked: false,
            patience: (!must && rng.bool()).then_some(patience),
            abandon_at: None,
        }
    }
}

impl Consuming {
    fn new(rng: &mut Rng, destination: &'static str) -> Self {
        let modes = [AckMode::ClientIndividual, AckMode::Client];
        Self {
            destination,
            mode: match destination {
                FLOOD => AckMode::Auto,
                _ => modes[rng.usize(..2)],
            },
            capacity: 1 << rng.u32(..6),
            state: Subscribed::Not,
            hand: Vec::new(),
            slow: destination == FLOOD,
            untidy: false,
        }
    }
}

impl World {
    /// Lets a task go on, and says whether it did.
    pub(crate) fn run_task(&mut self, at: usize) -> bool {
        let Some(task) = self.application.tasks.get_mut(at) else {
            return false;
        };
        if task.at.is_some_and(|at| at <= self.now) {
            task.at = None;
        }
        task.runnable = false;
        let mut task = std::mem::replace(
            task,
            Task {
                kind: Kind::Gone,
                wait: Wait::Nothing,
                runnable: false,
                at: None,
                done: false,
            },
        );
        let before = task.wait;
        task.wait = Wait::Nothing;
        match &mut task.kind {
            Kind::Connect(op) => {
                let op = *op;
                match self.engine.outcome(op) {
                    None => task.wait = Wait::Operation(op),
                    Some(_) => task.done = true,
                }
            }
            Kind::Send(_) => self.go_on_sending(&mut task),
            Kind::Consume(_) => self.go_on_consuming(&mut task),
            Kind::Flood(left) => {
                let pushed = self.broker.push(FLOOD, vec![b'x'; 1_000], self.now);
                pushed.expect("there is room");
                *left -= 1;
                task.done = *left == 0 || self.application.stopping;
                task.at = Some(self.now + Duration::from_millis(self.rng.u64(..30)));
            }
            Kind::Listen(listener) => {
                let listener = *listener.get_or_insert_with(|| self.engine.listen());
                while self.engine.event(listener).is_some() {}
                task.done = self.engine.end().is_some();
                task.wait = Wait::Listener(listener);
            }
            Kind::Leave(_) => self.go_on_leaving(&mut task),
            Kind::Gone => {}
        }
        let went_on = task.wait != before || task.done;
        self.application.tasks[at] = task;
        self.forward();
        self.stop_if_all_is_done();
        went_on
    }

    /// When everything is sent and received the consumers stop, and then the client is left.
    pub(crate) fn stop_if_all_is_done(&mut self) -> bool {
        let application = &mut self.application;
        if !application.stopping && application.has_sent_all() && self.is_drained() {
            self.application.stopping = true;
            self.books.report.stranded += self.in_hands() as u64;
        }
        let application = &mut self.application;
        let leaves = application.stopping && application.has_only_to_leave();
        let mut told = false;
        for task in &mut application.tasks {
            let is_it = match &task.kind {
                Kind::Consume(_) => application.stopping && matches!(task.wait, Wait::Inbox(_)),
                Kind::Leave(None) => leaves,
                _ => false,
            };
            task.runnable |= is_it;
            told |= is_it;
        }
        told
    }

    fn think(&mut self, most: u64) -> Option<Instant> {
        Some(self.now + Duration::from_micros(self.rng.u64(..most)))
    }

    /// What was offered of the link that is up.
    fn with_tail(&mut self, note: impl FnOnce(&mut crate::books::Books, &Tail)) {
        match &self.driver.transport {
            Some(transport) => note(&mut self.books, &transport.offered),
            None => note(&mut self.books, &Tail::new()),
        }
    }

    fn go_on_sending(&mut self, task: &mut Task) {
        let Kind::Send(sending) = &mut task.kind else {
            return;
        };
        if sending.abandon_at.is_some_and(|at| at <= self.now) {
            if let Some(op) = sending.op {
                self.engine.abandon(op, self.now);
                let number = sending.number;
                self.with_tail(|books, tail| books.abandoned(number, tail));
            }
            task.done = true;
            return;
        }
        if sending.number == 0 {
            sending.number = self.books.number();
            let body = format!("{} {}", sending.number, "x".repeat(sending.size));
            let queue = QUEUES[self.rng.usize(..2)];
            sending.command = Some(Send::to(queue).text(body));
            sending.abandon_at = sending.patience.map(|patience| self.now + patience);
        }
        task.at = sending.abandon_at;
        if !sending.asked {
            let command = sending.command.as_ref().expect("it has a number");
            let (confirm, timeout) = (sending.confirm, sending.timeout);
            let sent = self
                .engine
                .send(command, confirm, timeout, sending.op, self.now);
            match sent {
                Ok(Sent::Done) => {
                    self.books.report.fired += 1;
                    task.done = true;
                    return;
                }
                Ok(Sent::Asked(op)) => {
                    sending.asked = true;
                    sending.op = Some(op);
                }
                Ok(Sent::Wait(op)) => {
                    sending.op = Some(op);
                    task.wait = Wait::Operation(op);
                    return;
                }
                Err(error) => return self.send_failed(task, &error),
            }
        }
        let Some(op) = sending.op else { return };
        match self.engine.outcome(op) {
            None => task.wait = Wait::Operation(op),
            Some(Ok(_)) => {
                self.books.confirmed(sending.number);
                task.done = true;
            }
            Some(Err(error)) => self.send_failed(task, &error),
        }
    }

    fn send_failed(&mut self, task: &mut Task, error: &Error) {
        let Kind::Send(sending) = &mut task.kind else {
            return;
        };
        let number = sending.number;
        (self.tell)(self.now - self.start, &(number, error.to_string()));
        match error {
            Error::NotSent(_) => self.books.denied(number),
            Error::Unconfirmed(_) => self.with_tail(|books, tail| books.in_doubt(number, tail)),
            Error::Closed(_) if sending.op.is_none() => self.books.denied(number),
            _ => self.books.report.errors += 1,
        }
        let again = sending.must && !self.application.stopping;
        // Whoever had too little time is given all that is usual.
        sending.timeout = None;
        sending.number = 0;
        sending.op = None;
        sending.asked = false;
        task.at = self.think(500_000);
        task.done = !again;
    }

    fn go_on_leaving(&mut self, task: &mut Task) {
        let Kind::Leave(op) = &mut task.kind else {
            return;
        };
        self.application.stopping = true;
        let op = *op.get_or_insert_with(|| {
            if self.rng.u32(..4) == 0 {
                self.engine.handle_abandoned(self.now);
            }
            self.engine.disconnect(self.now)
        });
        match self.engine.outcome(op) {
            None => task.wait = Wait::Operation(op),
            Some(Ok(Outcome::Disconnected) | Err(Error::Closed(_))) => task.done = true,
            Some(_) => {
                self.books.report.errors += 1;
                task.done = true;
            }
        }
    }

    fn go_on_consuming(&mut self, task: &mut Task) {
        let Kind::Consume(consuming) = &mut task.kind else {
            return;
        };
        match consuming.state {
            Subscribed::Not if self.application.stopping && consuming.hand.is_empty() => {
                task.done = true;
            }
            Subscribed::Not if !consuming.hand.is_empty() => {
                self.settle_one(consuming);
                task.at = self.think(20_000);
            }
            Subscribed::Not => self.subscribe(task, None),
            Subscribed::Asking { op, asked: false } => self.subscribe(task, Some(op)),
            Subscribed::Asking { op, asked: true } => match self.engine.outcome(op) {
                None if self.rng.u32(..40) == 0 && !self.looking => {
                    self.engine.abandon(op, self.now);
                    consuming.state = Subscribed::Not;
                    task.at = self.think(100_000);
                }
                None => task.wait = Wait::Operation(op),
                Some(Ok(Outcome::Subscribed(key))) => {
                    consuming.state = Subscribed::Is(key);
                    task.at = Some(self.now);
                }
                Some(outcome) => {
                    (self.tell)(self.now - self.start, &("not subscribed", &outcome));
                    let may_be = matches!(outcome, Err(Error::NotSent(_) | Error::Unconfirmed(_)));
                    self.books.report.errors += u64::from(!may_be);
                    consuming.state = Subscribed::Not;
                    task.at = self.think(100_000);
                }
            },
            Subscribed::Is(key) => self.receive(task, key),
            Subscribed::Ending(op) => {
                if !consuming.hand.is_empty() {
                    self.settle_one(consuming);
                    task.at = self.think(20_000);
                }
                match self.engine.outcome(op) {
                    None => task.wait = Wait::Operation(op),
                    Some(_) => {
                        for token in consuming.hand.drain(..) {
                            self.engine.release(&token, self.now);
                        }
                        consuming.state = Subscribed::Not;
                        task.at = self.think(100_000);
                    }
                }
            }
        }
    }

    fn subscribe(&mut self, task: &mut Task, place: Option<OpId>) {
        let Kind::Consume(consuming) = &mut task.kind else {
            return;
        };
        consuming.untidy = false;
        let command = Subscribe::to(consuming.destination).ack(consuming.mode);
        let capacity = consuming.capacity;
        match self
            .engine
            .subscribe(&command, capacity, None, place, self.now)
        {
            Ok(Sent::Wait(op)) => {
                consuming.state = Subscribed::Asking { op, asked: false };
                task.wait = Wait::Operation(op);
            }
            Ok(Sent::Asked(op)) => {
                consuming.state = Subscribed::Asking { op, asked: true };
                task.at = Some(self.now);
            }
            Ok(Sent::Done) => self.books.report.errors += 1,
            Err(Error::Closed(_)) => {
                consuming.state = Subscribed::Not;
                task.done = self.application.stopping;
                self.books.report.errors += u64::from(!task.done);
            }
            Err(error) => {
                let may_be = matches!(error, Error::NotSent(_));
                self.books.report.errors += u64::from(!may_be);
                consuming.state = Subscribed::Not;
                task.at = self.think(100_000);
            }
        }
    }

    fn receive(&mut self, task: &mut Task, key: SubscriptionKey) {
        let Kind::Consume(consuming) = &mut task.kind else {
            return;
        };
        let drops = self.rng.u32(..60) == 0 || self.application.stopping || consuming.untidy;
        if drops && !self.looking {
            self.books.report.drops += 1;
            (self.tell)(
                self.now - self.start,
                &("dropped", key, consuming.hand.len()),
            );
            consuming.state = match self.rng.u32(..4) {
                0 => {
                    let drain = self.rng.bool().then_some(Duration::from_millis(500));
                    let patience = self.rng.bool().then_some(Duration::from_secs(2));
                    Subscribed::Ending(self.engine.unsubscribe(key, drain, patience, self.now))
                }
                _ => {
                    self.engine.drop_subscriber(key, self.now);
                    Subscribed::Not
                }
            };
            task.at = self.think(50_000);
            return;
        }
        if consuming.hand.len() > self.rng.usize(..4) && !self.looking {
            self.settle_one(consuming);
            task.at = self.think(5_000);
            return;
        }
        match self.engine.take(key, self.now) {
            Taken::Message(arrival) => {
                let token = arrival.delivery.token;
                if token.is_ackable() {
                    let stale = self.engine.is_stale(&token);
                    self.books.report.stale_handed_out += u64::from(stale);
                    consuming.hand.push(token);
                }
                let number = number_in(arrival.delivery.message.body());
                self.books.received.extend(number);
                task.at = match consuming.slow {
                    true if self.rng.u32(..20) == 0 => self.think(5_000_000),
                    true => self.think(60_000),
                    false => self.think(3_000),
                };
            }
            Taken::Nothing => {
                task.wait = Wait::Inbox(key);
                if !consuming.hand.is_empty() {
                    task.at = self.think(20_000);
                }
            }
            Taken::Ended(why) => {
                (self.tell)(self.now - self.start, &("ended", key, &why));
                let closed = matches!(why, None | Some(Error::Closed(_)));
                self.books.report.errors += u64::from(!closed || !self.application.stopping);
                consuming.state = Subscribed::Not;
                task.at = self.think(10_000);
            }
        }
    }

    fn settle_one(&mut self, consuming: &mut Consuming) {
        let at = self.rng.usize(..consuming.hand.len());
        let token = consuming.hand.remove(at);
        let verdict = match self.rng.u32(..30) {
            0 => {
                self.engine.release(&token, self.now);
                consuming.untidy = true;
                return;
            }
            1 => Verdict::Nack(None),
            _ => Verdict::Ack,
        };
        let cumulative = consuming.mode == AckMode::Client;
        match self.engine.settle(verdict, &token, self.now) {
            Ok(Settled::Sent | Settled::Stale) => {}
            // By a later one, and the subscription may have ended since.
            Err(Error::Usage(UsageError::AlreadySettled | UsageError::UnknownMessage))
                if cumulative => {}
            // The end of a drain, or of the client, has given it back.
            Err(Error::Usage(UsageError::UnknownMessage))
                if self.application.stopping
                    || matches!(consuming.state, Subscribed::Ending(_)) => {}
            Err(Error::Closed(_)) if self.application.stopping => {}
            result => {
                (self.tell)(self.now - self.start, &(result, &token, &consuming.mode));
                self.books.report.errors += 1;
            }
        }
    }
}
