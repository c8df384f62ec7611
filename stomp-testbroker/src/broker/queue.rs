use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use stomp_frame::Frame;

use super::connection::ConnectionId;

/// A message as the broker keeps it: one text, however many subscribers of a topic share it.
#[derive(Debug)]
pub(crate) struct Message {
    /// Where the sender sent it.
    pub(crate) destination: Arc<str>,
    pub(crate) target: Target,
    /// SEND, without the headers that concern only the broker.
    pub(crate) frame: Frame,
    /// Octets of all headers that SEND had.
    pub(crate) head: usize,
    /// Counts the messages of the broker.
    pub(crate) number: u64,
    /// Survives a crash.
    pub(crate) persistent: bool,
    /// SEND had `content-length`: with ActiveMQ it is not a text message then.
    pub(crate) had_length: bool,
    /// From when on nobody wants it any more.
    pub(crate) expires: Option<Instant>,
}

impl Message {
    /// What the message weighs in the account of stored octets.
    pub(crate) fn weight(&self) -> usize {
        const OVERHEAD: usize = 512; // the frame with its spans, and a place in a queue
        self.head + self.frame.body.len() + OVERHEAD
    }
}

/// A message's place in a queue.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) message: Arc<Message>,
    /// Messages that come back go in front of those with greater places.
    pub(crate) place: u64,
    /// How often it was delivered.
    pub(crate) deliveries: u32,
}

/// Names a queue of [`Destinations`], and no later one in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct QueueId {
    at: usize,
    generation: u64,
}

/// A subscription, as its queue knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Consumer {
    pub(crate) connection: ConnectionId,
    pub(crate) subscription: u32,
}

/// What a queue is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Has a name; messages wait in it.
    Named,
    /// Holds what one subscriber of a topic has not got yet, and ends with the subscription.
    Subscriber { topic: usize },
    /// The same, but it outlives the subscription.
    Durable { topic: usize },
}

/// Messages in order, and who takes turns in getting them.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) name: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) entries: VecDeque<Entry>,
    pub(crate) consumers: Vec<Consumer>,
    /// Whose turn it is.
    turn: usize,
    next_place: u64,
    /// Messages in the hands of clients.
    pub(crate) unsettled: usize,
    pub(crate) counts: Counts,
}

/// What happened at a destination since the broker started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sends: u64,
    pub(crate) subscribes: u64,
    pub(crate) settled: u64,
}

impl Queue {
    fn new(name: Arc<str>, kind: Kind) -> Self {
        Self {
            name,
            kind,
            entries: VecDeque::new(),
            consumers: Vec::new(),
            turn: 0,
            next_place: 0,
            unsettled: 0,
            counts: Counts::default(),
        }
    }

    pub(crate) fn push(&mut self, message: Arc<Message>) {
        let place = self.next_place;
        self.next_place += 1;
        self.entries.push_back(Entry {
            message,
            place,
            deliveries: 0,
        });
    }

    /// Puts a message back where it was.
    pub(crate) fn put_back(&mut self, entry: Entry) {
        let at = self.entries.partition_point(|e| e.place < entry.place);
        self.entries.insert(at, entry);
    }

    /// Returns the first consumer, in turn, that `may` have a message, and passes the turn on.
    pub(crate) fn next_consumer(
        &mut self,
        mut may: impl FnMut(Consumer) -> bool,
    ) -> Option<Consumer> {
        let count = self.consumers.len();
        for step in 0..count {
            let at = (self.turn + step) % count;
            if may(self.consumers[at]) {
                self.turn = (at + 1) % count;
                return Some(self.consumers[at]);
            }
        }
        None
    }

    pub(crate) fn remove_consumer(&mut self, consumer: Consumer) {
        if let Some(at) = self.consumers.iter().position(|c| *c == consumer) {
            self.consumers.remove(at);
            if at < self.turn {
                self.turn -= 1;
            }
        }
    }
}

/// A topic: no storage of its own, only the queues of its subscribers.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) subscribers: Vec<QueueId>,
    pub(crate) counts: Counts,
}

/// What a destination's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Queue(QueueId),
    Topic(usize),
}

/// A destination, looked up: it lasts as long as the broker.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    /// The one text of its name.
    pub(crate) name: Arc<str>,
    pub(crate) target: Target,
}

/// All queues and topics.
#[derive(Debug, Default)]
pub(crate) struct Destinations {
    /// The names come from peers, so the map is keyed (no hash flooding).
    names: HashMap<Arc<str>, Target>,
    queues: Vec<Option<(u64, Queue)>>,
    generation: u64,
    free: Vec<usize>,
    topics: Vec<Topic>,
    /// Durable subscriptions, by a name that is unique to their client.
    durable: HashMap<String, QueueId>,
}

impl Destinations {
    /// Tells what a name stands for, if it was ever used.
    pub(crate) fn find(&self, name: &str) -> Option<Target> {
        self.names.get(name).copied()
    }

    /// Counts the destinations there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// Iterates over all destinations, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Destination> {
        self.names.iter().map(|(name, target)| Destination {
            name: Arc::clone(name),
            target: *target,
        })
    }

    /// Tells what a name stands for; makes the queue, or the topic if it is to be one, at first use.
    /// `None` if there are `cap` of them already.
    pub(crate) fn find_or_create(
        &mut self,
        name: &str,
        is_topic: bool,
        cap: usize,
    ) -> Option<Destination> {
        if let Some((name, target)) = self.names.get_key_value(name) {
            return Some(Destination {
                name: Arc::clone(name),
                target: *target,
            });
        }
        if self.names.len() >= cap {
            return None;
        }
        let name: Arc<str> = name.into();
        let target = if is_topic {
            self.topics.push(Topic {
                subscribers: Vec::new(),
                counts: Counts::default(),
            });
            Target::Topic(self.topics.len() - 1)
        } else {
            Target::Queue(self.add(Queue::new(Arc::clone(&name), Kind::Named)))
        };
        self.names.insert(Arc::clone(&name), target);
        Some(Destination { name, target })
    }

    /// Makes a queue without a name, for a subscriber of a topic.
    pub(crate) fn add_subscriber(&mut self, topic: usize, name: Arc<str>) -> QueueId {
        let id = self.add(Queue::new(name, Kind::Subscriber { topic }));
        self.topics[topic].subscribers.push(id);
        id
    }

    /// Returns the queue of a durable subscription to a topic; makes it at first use.
    pub(crate) fn durable(&mut self, topic: usize, destination: Arc<str>, name: String) -> QueueId {
        if let Some(queue) = self.durable.get(&name) {
            return *queue;
        }
        let id = self.add(Queue::new(destination, Kind::Durable { topic }));
        self.topics[topic].subscribers.push(id);
        self.durable.insert(name, id);
        id
    }

    pub(crate) fn find_durable(&self, name: &str) -> Option<QueueId> {
        self.durable.get(name).copied()
    }

    /// Ends the queue of a subscriber.
    pub(crate) fn remove_subscriber(&mut self, id: QueueId) -> Option<Queue> {
        let queue = self.queues[id.at]
            .take_if(|(generation, _)| *generation == id.generation)?
            .1;
        self.free.push(id.at);
        self.durable.retain(|_, durable| *durable != id);
        if let Kind::Subscriber { topic } | Kind::Durable { topic } = queue.kind {
            self.topics[topic].subscribers.retain(|other| *other != id);
        }
        Some(queue)
    }

    /// Ends a queue that has a name, and forgets the name.
    pub(crate) fn remove_named(&mut self, name: &str) -> Option<Queue> {
        let Some(Target::Queue(id)) = self.find(name) else {
            return None;
        };
        self.names.remove(name);
        self.remove_subscriber(id)
    }

    fn add(&mut self, queue: Queue) -> QueueId {
        self.generation += 1;
        let slot = Some((self.generation, queue));
        let at = match self.free.pop() {
            Some(at) => {
                self.queues[at] = slot;
                at
            }
            None => {
                self.queues.push(slot);
                self.queues.len() - 1
            }
        };
        QueueId {
            at,
            generation: self.generation,
        }
    }

    /// Returns a queue, unless it was the queue of a subscriber that has left.
    pub(crate) fn queue(&self, id: QueueId) -> Option<&Queue> {
        match &self.queues[id.at] {
            Some((generation, queue)) if *generation == id.generation => Some(queue),
            _ => None,
        }
    }

    pub(crate) fn queue_mut(&mut self, id: QueueId) -> Option<&mut Queue> {
        match &mut self.queues[id.at] {
            Some((generation, queue)) if *generation == id.generation => Some(queue),
            _ => None,
        }
    }

    pub(crate) fn topic(&self, at: usize) -> &Topic {
        &self.topics[at]
    }

    pub(crate) fn topic_mut(&mut self, at: usize) -> &mut Topic {
        &mut self.topics[at]
    }

    pub(crate) fn queues_mut(&mut self) -> impl Iterator<Item = &mut Queue> {
        self.queues.iter_mut().flatten().map(|(_, queue)| queue)
    }

    /// Iterates over all queues, those of subscribers included.
    pub(crate) fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.queues.iter().flatten().map(|(_, queue)| queue)
    }
}
