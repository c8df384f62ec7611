use std::collections::{HashMap, HashSet};
use std::time::Duration;

use stomp_commands::{AckMode, Send, Subscribe};
use stomp_frame_fuzz::Choices;
use stomp_session::engine::{Error, ListenerId, OpId, Outcome, Sent, Taken, Verdict, Wake};
use stomp_session::{AckToken, SubscriptionKey};

use crate::world::World;

/// The application: calls, and keeps books of what it waits for.
pub(crate) struct Application {
    /// Every operation that is not over, and what it is.
    operations: HashMap<OpId, Kind>,
    order: Vec<OpId>,
    /// Those that were found unfinished, and nobody has told the end of.
    waits: HashSet<OpId>,
    /// Those that have a place in the line.
    in_line: HashSet<OpId>,
    subscriptions: Vec<SubscriptionKey>,
    /// Those that were found empty.
    hungry: HashSet<SubscriptionKey>,
    tokens: Vec<AckToken>,
    listeners: Vec<ListenerId>,
    sent: usize,
    /// What was never handed to a transport, by its own account.
    not_sent: Vec<String>,
}

#[derive(Clone)]
enum Kind {
    Connect,
    Send {
        command: Send,
        confirm: bool,
        name: String,
        timeout: Option<Duration>,
    },
    Subscribe {
        command: Subscribe,
        capacity: usize,
        timeout: Option<Duration>,
    },
    Unsubscribe,
    Disconnect,
}

impl Application {
    pub(crate) fn new(connecting: OpId) -> Self {
        Self {
            operations: HashMap::from([(connecting, Kind::Connect)]),
            order: vec![connecting],
            waits: HashSet::new(),
            in_line: HashSet::new(),
            subscriptions: Vec::new(),
            hungry: HashSet::new(),
            tokens: Vec::new(),
            listeners: Vec::new(),
            sent: 0,
            not_sent: Vec::new(),
        }
    }

    pub(crate) fn wake(&mut self, wake: Wake) {
        match wake {
            Wake::Operation(op) => drop(self.waits.remove(&op)),
            Wake::Inbox(key) => drop(self.hungry.remove(&key)),
            Wake::Everybody => {
                self.waits.clear();
                self.hungry.clear();
            }
            _ => {}
        }
    }

    fn add(&mut self, op: OpId, kind: Kind) {
        if self.operations.insert(op, kind).is_none() {
            self.order.push(op);
        }
    }

    fn forget(&mut self, op: OpId) -> Option<Kind> {
        self.waits.remove(&op);
        self.in_line.remove(&op);
        self.order.retain(|known| *known != op);
        self.operations.remove(&op)
    }

    fn operation(&self, choices: &mut Choices) -> Option<OpId> {
        self.order.iter().rev().nth(choices.below(8)).copied()
    }

    fn subscription(&self, choices: &mut Choices) -> Option<SubscriptionKey> {
        let keys = self.subscriptions.iter().rev();
        keys.copied().nth(choices.below(8))
    }

    /// An operation has ended.
    fn note(&mut self, op: OpId, result: Result<Outcome, Error>) {
        assert!(!self.waits.contains(&op), "nobody told that {result:?}");
        let kind = self.forget(op);
        match (result, kind) {
            (Ok(Outcome::Subscribed(key)), _) => self.subscriptions.push(key),
            (Err(Error::NotSent(_)), Some(Kind::Send { name, .. })) => self.not_sent.push(name),
            _ => {}
        }
    }
}

impl World {
    pub(crate) fn call(&mut self, letter: u8, mut choices: Choices) {
        let now = self.now;
        match letter {
            b's' => self.send(choices),
            b'S' => self.subscribe(choices),
            b'b' => {
                if let Some(op) = self.application.operation(&mut choices) {
                    self.come_again(op);
                }
            }
            b'U' | b'u' => {
                let Some(key) = self.application.subscription(&mut choices) else {
                    return;
                };
                if letter == b'u' {
                    return self.engine.drop_subscriber(key, now);
                }
                let times = [None, Some(0), Some(100), Some(5_000)];
                let drain = choices.one_of(times).map(Duration::from_millis);
                let timeout = choices.one_of(times).map(Duration::from_millis);
                let op = self.engine.unsubscribe(key, drain, timeout, now);
                self.application.add(op, Kind::Unsubscribe);
            }
            b'a' | b'n' | b'l' => {
                let tokens = self.application.tokens.iter().rev();
                let Some(token) = tokens.cloned().nth(choices.below(16)) else {
                    return;
                };
                match letter {
                    b'a' => drop(self.engine.settle(Verdict::Ack, &token, now)),
                    b'n' => drop(self.engine.settle(Verdict::Nack(None), &token, now)),
                    _ => self.engine.release(&token, now),
                }
            }
            b'k' => {
                if let Some(key) = self.application.subscription(&mut choices) {
                    self.take(key);
                }
            }
            b'K' => {
                if let Some(key) = self.application.subscription(&mut choices) {
                    self.application.hungry.remove(&key);
                    self.engine.stop_waiting(key, now);
                }
            }
            b'q' => {
                if let Some(op) = self.application.operation(&mut choices) {
                    self.ask(op);
                }
            }
            b'g' => {
                if let Some(op) = self.application.operation(&mut choices) {
                    self.application.forget(op);
                    self.engine.abandon(op, now);
                }
            }
            b'i' => {
                let op = self.application.operation(&mut choices);
                if let Some(op) = op.filter(|op| self.application.in_line.contains(op)) {
                    match self.engine.is_turn(op) {
                        true => self.application.waits.remove(&op),
                        false => self.application.waits.insert(op),
                    };
                }
            }
            b'v' => self.listen(choices),
            b'B' => {
                let op = self.engine.disconnect(now);
                self.application.add(op, Kind::Disconnect);
            }
            _ => self.engine.handle_abandoned(now),
        }
    }

    fn send(&mut self, mut choices: Choices) {
        let confirm = choices.yes();
        let times = [None, Some(0), Some(100), Some(100_000)];
        let timeout = choices.one_of(times).map(Duration::from_millis);
        let number = self.application.sent;
        self.application.sent += 1;
        let name = format!("name:of-{number}-\n");
        let command = Send::to("/queue/a").header("name", format!("of-{number}-"));
        let kind = Kind::Send {
            command: command.body(choices.rest().to_vec()),
            confirm,
            name,
            timeout,
        };
        self.submit(kind, None);
    }

    fn subscribe(&mut self, mut choices: Choices) {
        let mode = choices.one_of(AckMode::ALL);
        let capacity = choices.one_of([10, 1, 2, 1_000]);
        let times = [None, Some(0), Some(100), Some(100_000)];
        let kind = Kind::Subscribe {
            command: Subscribe::to("/queue/a").ack(mode),
            capacity,
            timeout: choices.one_of(times).map(Duration::from_millis),
        };
        self.submit(kind, None);
    }

    /// Whoever waits in the line comes again, called or not.
    fn come_again(&mut self, op: OpId) {
        let kind = self.application.operations.get(&op).cloned();
        if let Some(kind) = kind.filter(|_| self.application.in_line.contains(&op)) {
            self.submit(kind, Some(op));
        }
    }

    fn submit(&mut self, kind: Kind, place: Option<OpId>) {
        let now = self.now;
        let sent = match &kind {
            Kind::Send {
                command,
                confirm,
                timeout,
                ..
            } => self.engine.send(command, *confirm, *timeout, place, now),
            Kind::Subscribe {
                command,
                capacity,
                timeout,
            } => {
                let capacity = *capacity;
                self.engine
                    .subscribe(command, capacity, *timeout, place, now)
            }
            _ => return,
        };
        match sent {
            Ok(Sent::Done) => {
                if let Some(place) = place {
                    self.application.forget(place);
                }
            }
            Ok(Sent::Asked(op)) => {
                self.application.add(op, kind);
                self.application.in_line.remove(&op);
            }
            Ok(Sent::Wait(op)) => {
                self.application.add(op, kind);
                self.application.waits.insert(op);
                self.application.in_line.insert(op);
            }
            Err(error) => {
                if let Some(place) = place {
                    self.application.forget(place);
                }
                if let (Error::NotSent(_), Kind::Send { name, .. }) = (error, kind) {
                    self.application.not_sent.push(name);
                }
            }
        }
    }

    fn take(&mut self, key: SubscriptionKey) -> bool {
        match self.engine.take(key, self.now) {
            Taken::Message(arrival) => {
                assert!(!self.application.hungry.contains(&key), "nobody told");
                self.application.tokens.push(arrival.delivery.token);
                true
            }
            Taken::Nothing => {
                self.application.hungry.insert(key);
                false
            }
            Taken::Ended(_) => {
                assert!(!self.application.hungry.contains(&key), "nobody told");
                false
            }
        }
    }

    fn ask(&mut self, op: OpId) {
        match self.engine.outcome(op) {
            None => drop(self.application.waits.insert(op)),
            Some(result) => self.application.note(op, result),
        }
    }

    fn listen(&mut self, mut choices: Choices) {
        let what = choices.below(4);
        let listeners = &mut self.application.listeners;
        let listener = listeners.iter().rev().nth(choices.below(4)).copied();
        match (what, listener) {
            (0, _) => listeners.push(self.engine.listen()),
            (1, Some(listener)) => drop(self.engine.event(listener)),
            (2, Some(listener)) => self.engine.unlisten(listener),
            _ => drop(self.engine.watch()),
        }
    }

    /// Takes all that there is, and lets go of it.
    pub(crate) fn let_go(&mut self) {
        for op in self.application.order.clone() {
            // It may be a subscription that holds something.
            self.ask(op);
        }
        for key in self.application.subscriptions.clone() {
            while self.take(key) {
                self.look_around();
            }
            self.look_around();
        }
        for token in std::mem::take(&mut self.application.tokens) {
            self.engine.release(&token, self.now);
            self.look_around();
        }
    }

    /// Checks that nothing is waited for any more, but for a connection.
    pub(crate) fn must_be_over(&mut self, even_connecting: bool) {
        for op in self.application.order.clone() {
            let is_connecting = matches!(self.application.operations[&op], Kind::Connect);
            if is_connecting && !even_connecting {
                continue;
            }
            self.ask(op);
            let is_over = !self.application.operations.contains_key(&op);
            assert!(is_over, "an operation never ends");
        }
        let wire = String::from_utf8_lossy(&self.driver.wire);
        for name in &self.application.not_sent {
            assert!(
                !wire.contains(name.as_str()),
                "{name} was sent all the same"
            );
        }
    }
}
