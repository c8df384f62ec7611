//! Everything at once: session, network, broker, application, and time.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use fastrand::Rng;
use stomp_commands::HeartBeat;
use stomp_frame::{Version, encode};
use stomp_session::{Config, Event, Session, Subscriptions};
use stomp_testbroker::{Broker, ConnectionId, NackPolicy};

use crate::application::{Application, QUEUES};
use crate::network::Link;
use crate::report::Report;

/// A bug put in on purpose, so that a checker can show that it bites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)] // the program plants nothing
pub(crate) enum Plant {
    Nothing,
    /// ACKs go to whatever connection there is.
    StaleAcks,
    /// A message counts as confirmed when it is sent.
    ConfirmEarly,
    /// Nothing is subscribed anew.
    ForgetSubscriptions,
    /// Two deliveries change places.
    SwapDeliveries,
    /// Waits that fail are not told so.
    ForgetWaits,
    /// A COMMIT in doubt is reported as one that did not take place.
    DenyDoubt,
}

/// How long after the last kill everything may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    rng: Rng,
    start: Instant,
    now: Instant,
    broker: Broker,
    config: Config,
    session: Option<Session>,
    subscriptions: Option<Subscriptions>,
    link: Option<Link>,
    /// Connections that the client gave up, and the broker does not know it.
    orphans: Vec<ConnectionId>,
    read: BytesMut,
    application: Application,
    kills_left: u32,
    kill_at: Option<Instant>,
    connect_at: Option<Instant>,
    act_at: Instant,
    healed: Option<Instant>,
    ids: HashSet<String>,
    digest: DefaultHasher,
    report: Report,
    tell: fn(Duration, &dyn std::fmt::Debug),
}

impl World {
    /// Lives through one world, from its seed to its end.
    pub(crate) fn run(seed: u64, plant: Plant, tell: fn(Duration, &dyn std::fmt::Debug)) -> Report {
        let mut world = Self::new(seed, plant, tell);
        while !world.is_over() {
            world.step();
        }
        world.finish()
    }

    /// Prints what happens.
    #[allow(dead_code)] // the tests tell nothing
    pub(crate) fn tell(at: Duration, what: &dyn std::fmt::Debug) {
        println!("{at:>14?}  {what:?}");
    }

    pub(crate) fn ignore(_: Duration, _: &dyn std::fmt::Debug) {}

    fn new(seed: u64, plant: Plant, tell: fn(Duration, &dyn std::fmt::Debug)) -> Self {
        let mut rng = Rng::with_seed(seed);
        let start = Instant::now();
        let mut broker = stomp_testbroker::Config::default();
        broker.heart_beat = HeartBeat::new(10_000, 10_000);
        broker.nack = Some(NackPolicy::Requeue);
        broker.transcript = 0;
        let version = Version::ALL[rng.usize(..3)];
        let kills_left = rng.u32(1..=6);
        Self {
            application: Application::new(plant, &mut rng, 100),
            start,
            now: start,
            broker: Broker::new(broker),
            config: Config::default().versions([version]),
            session: None,
            subscriptions: Some(Subscriptions::new()),
            link: None,
            orphans: Vec::new(),
            read: BytesMut::new(),
            kills_left,
            kill_at: None,
            connect_at: Some(start),
            act_at: start,
            healed: None,
            ids: HashSet::new(),
            digest: DefaultHasher::new(),
            report: Report::default(),
            tell,
            rng,
        }
    }

    /// Over when all is sent, confirmed, received and settled, or when patience is.
    fn is_over(&self) -> bool {
        let drained = || {
            let left = |queue| self.broker.depth(queue) + self.broker.unacked(queue);
            QUEUES.iter().all(|queue| left(queue) == 0)
        };
        let done = self.application.has_sent_all() && self.application.holds_nothing();
        match self.healed {
            Some(healed) => done && drained() || self.now > healed + PATIENCE,
            None => false,
        }
    }

    fn step(&mut self) {
        self.move_octets();
        self.pass_events();
        let next = self.next_instant();
        self.now = self.now.max(next);
        self.arrive();
        self.fire_timers();
        if self.connect_at.is_some_and(|at| at <= self.now) {
            self.connect();
        }
        if self.kill_at.is_some_and(|at| at <= self.now) {
            self.kill();
        }
        if self.act_at <= self.now {
            self.act();
        }
    }

    fn next_instant(&self) -> Instant {
        let instants = [
            self.session.as_ref().and_then(Session::poll_timeout),
            self.broker.poll_next_timeout().map(|(at, _)| at),
            self.link.as_ref().and_then(Link::next_arrival),
            self.kill_at,
            self.connect_at,
            Some(self.act_at),
        ];
        instants
            .into_iter()
            .flatten()
            .min()
            .expect("there is always something to do")
    }

    fn act(&mut self) {
        self.act_at = self.now + Duration::from_micros(self.rng.u64(1..10_000));
        if let Some(session) = &mut self.session {
            self.application.act(session, &mut self.rng, self.now);
        }
        for frame in self.application.planted.drain(..) {
            let Some(link) = &mut self.link else { break };
            let version = self.config.versions[0];
            let mut octets = BytesMut::new();
            encode(&frame, version, &mut octets).expect("an ACK");
            link.wiretap.hear_client(&octets);
            link.up.push(octets.freeze(), self.now, &mut self.rng);
        }
        if self.kills_left == 0 && self.kill_at.is_none() && self.healed.is_none() {
            self.healed = Some(self.now);
        }
    }

    /// Takes what session and broker write, and sends it on its way.
    fn move_octets(&mut self) {
        if let (Some(session), Some(link)) = (&mut self.session, &mut self.link) {
            while let Some(octets) = session.poll_transmit(self.now) {
                self.digest.write(&octets);
                link.wiretap.hear_client(&octets);
                link.up.push(octets, self.now, &mut self.rng);
            }
            while let Some(octets) = self.broker.poll_transmit(link.id, self.now) {
                self.digest.write(&octets);
                link.down.push(octets, self.now, &mut self.rng);
            }
        }
        let (broker, now) = (&mut self.broker, self.now);
        self.orphans.retain(|&id| {
            while broker.poll_transmit(id, now).is_some() {}
            let over = broker.poll_close(id);
            if over {
                broker.handle_close(id, now);
            }
            !over
        });
    }

    fn arrive(&mut self) {
        let (Some(session), Some(link)) = (&mut self.session, &mut self.link) else {
            return;
        };
        if link.dark {
            return;
        }
        while let Some(octets) = link.up.pop_due(self.now) {
            self.broker.handle_data(link.id, &octets, self.now);
        }
        while let Some(octets) = link.down.pop_due(self.now) {
            link.wiretap.hear_broker(&octets);
            self.read.extend_from_slice(&octets);
            session.handle_data(&mut self.read, self.now);
        }
    }

    fn fire_timers(&mut self) {
        while let Some((at, id)) = self.broker.poll_next_timeout()
            && at <= self.now
        {
            self.broker.handle_timeout(id, self.now);
            self.move_octets();
        }
        if let Some(session) = &mut self.session {
            session.handle_timeout(self.now);
        }
    }

    fn pass_events(&mut self) {
        let mut events = Vec::new();
        while let Some(event) = self.session.as_mut().and_then(Session::poll_event) {
            events.push(event);
        }
        if self.application.plant == Plant::SwapDeliveries && events.len() > 1 {
            events.reverse();
        }
        for event in events {
            (self.tell)(self.now - self.start, &event);
            self.check_order(&event);
            self.application.note(&event);
            if let Event::Closed(_) = event {
                self.hang_up();
            }
        }
    }

    /// Deliveries come in the order in which they arrived.
    fn check_order(&mut self, event: &Event) {
        let message = match event {
            Event::Message(delivery) => &delivery.message,
            Event::OrphanMessage(message) => message,
            _ => return,
        };
        let next = self
            .link
            .as_mut()
            .and_then(|link| link.wiretap.order.pop_front());
        let in_order = next.as_deref() == Some(message.message_id());
        self.report.reordered += u64::from(!in_order);
    }

    fn connect(&mut self) {
        self.connect_at = None;
        let mut subscriptions = self.subscriptions.take().expect("no session has them");
        if self.application.plant == Plant::ForgetSubscriptions {
            subscriptions.clear();
        }
        let session = Session::connect(self.config.clone(), subscriptions, self.now);
        self.session = Some(session.expect("the configuration is good"));
        self.link = Some(Link::new(self.broker.handle_open(self.now), self.now));
        self.report.connections += 1;
        self.read.clear();
        if self.kills_left > 0 {
            self.kills_left -= 1;
            self.kill_at = Some(self.now + Duration::from_micros(self.rng.u64(..600_000)));
        }
    }

    /// Breaks the connection: at an octet of each direction, or without telling anybody.
    fn kill(&mut self) {
        self.kill_at = None;
        self.report.kills += 1;
        let (Some(session), Some(link)) = (&mut self.session, &mut self.link) else {
            return;
        };
        let beats = session
            .connection()
            .is_some_and(|c| c.heart_beat.receive.is_some());
        if beats && self.rng.u32(..4) == 0 {
            (self.tell)(self.now - self.start, &"the network goes dark");
            link.dark = true;
            return;
        }
        (self.tell)(self.now - self.start, &"the connection breaks");
        let up = link.up.cut(&mut self.rng);
        self.broker.handle_data(link.id, &up, self.now);
        self.broker.handle_close(link.id, self.now);
        let down = link.down.cut(&mut self.rng);
        link.wiretap.hear_broker(&down);
        self.read.extend_from_slice(&down);
        session.handle_data(&mut self.read, self.now);
        session.handle_eof(self.now);
    }

    /// Closes the transport, and connects again after a while.
    fn hang_up(&mut self) {
        if let Some(session) = self.session.take() {
            self.subscriptions = Some(session.into_subscriptions());
        }
        if let Some(link) = self.link.take() {
            self.report.stale_acks += link.wiretap.stale_acks;
            self.report.stale_transactions += link.wiretap.stale_transactions;
            self.check_ids(link.wiretap.subscribed);
            match link.dark {
                true => self.orphans.push(link.id),
                false => self.broker.handle_close(link.id, self.now),
            }
        }
        self.kill_at = None;
        let pause = Duration::from_millis(self.rng.u64(1..2_000));
        self.connect_at = Some(self.now + pause);
    }

    /// No subscription is called on this connection what one was called on another.
    fn check_ids(&mut self, subscribed: Vec<String>) {
        let subscribed: HashSet<_> = subscribed.into_iter().collect();
        for id in subscribed {
            self.report.reused_ids += u64::from(!self.ids.insert(id));
        }
    }

    fn finish(mut self) -> Report {
        if let Some(session) = &mut self.session {
            session.handle_eof(self.now);
        }
        self.pass_events();
        self.report.digest = self.digest.finish();
        self.report.add(&self.application.finish());
        self.report
    }
}
