use std::collections::VecDeque;
use std::sync::Arc;

use stomp_frame::{Command, Frame, header};

use super::Broker;
use super::connection::{AckMode, ConnectionId, Key, Subscription};
use super::failure::Failure;
use super::queue::{Destination, Target};
use crate::Profile;
use crate::profile::spring;

pub(crate) const TEMPORARY: &str = "/temp-queue/";

/// What RabbitMQ makes of it for those who answer.
const REPLIES: &str = "/reply-queue/";

/// What RabbitMQ knows behind a slash.
const RABBITMQ: [&str; 6] = [
    "/queue/",
    "/topic/",
    "/exchange/",
    "/amq/queue/",
    "/temp-queue/",
    "/reply-queue/",
];

/// Names of destinations, and temporary queues, which every connection has its own of.
impl Broker {
    /// Finds what a client means by a destination.
    pub(crate) fn resolve(
        &mut self,
        from: Option<ConnectionId>,
        name: &str,
    ) -> Result<Destination, Failure> {
        let is_bare = !name.starts_with('/');
        match (from, self.config.profile) {
            (_, Profile::RabbitMq | Profile::ActiveMq) if name.is_empty() => {
                Err(Failure::EmptyDestination)
            }
            // What has no kind is a queue.
            (_, Profile::RabbitMq | Profile::ActiveMq) if is_bare => {
                self.destination(&format!("/queue/{name}"))
            }
            (_, Profile::RabbitMq) if !RABBITMQ.iter().any(|kind| name.starts_with(kind)) => {
                Err(Failure::UnknownDestination)
            }
            (_, Profile::Spring) if !spring::serves(name) => Err(Failure::UnknownDestination),
            (_, Profile::RabbitMq) if has_slashes(name) => Err(Failure::InvalidDestination),
            (Some(id), _) if self.manners.is_private(name) => {
                let private = self.private_name(id, name);
                let private = self.destination(&private)?;
                let temporary = &mut self.connection(id).temporary;
                if !temporary.contains(&private.name) {
                    temporary.push(Arc::clone(&private.name));
                }
                Ok(private)
            }
            _ => self.destination(name),
        }
    }

    /// Finds a destination, and makes it at first use.
    pub(crate) fn destination(&mut self, name: &str) -> Result<Destination, Failure> {
        let cap = self.config.caps.destinations;
        let before = self.destinations.len();
        let is_topic = self.manners.is_topic(name);
        let found = self.destinations.find_or_create(name, is_topic, cap);
        let found = found.ok_or(Failure::TooMany("destinations"))?;
        if self.destinations.len() > before && !self.patterns.is_empty() {
            self.fit_into_patterns(&found);
        }
        Ok(found)
    }

    /// Makes a name that others can answer to out of `reply-to:/temp-queue/…`.
    pub(crate) fn resolve_reply_to(
        &mut self,
        id: ConnectionId,
        mut frame: Frame,
    ) -> Result<Frame, Failure> {
        let Some(name) = frame.headers.get("reply-to") else {
            return Ok(frame);
        };
        if self.manners.is_private(name) {
            let private = self.resolve(Some(id), name)?.name;
            if self.config.profile == Profile::RabbitMq {
                let name = name.to_owned();
                self.subscribe_to_replies(id, &name, &private);
            }
            frame.headers.set("reply-to", &*private);
        }
        Ok(frame)
    }

    /// RabbitMQ subscribes whoever asks for a reply, in the name of the temporary queue.
    fn subscribe_to_replies(&mut self, id: ConnectionId, name: &str, private: &str) {
        let Some(Target::Queue(queue)) = self.destinations.find(private) else {
            return;
        };
        let key = Key::Id(name.to_owned());
        if self.connection(id).subscription_keys.contains_key(&key) {
            return;
        }
        let shown_as = private.replace("/reply-queue/", "/queue/");
        self.add_consumer(
            id,
            Subscription {
                key,
                part_of: None,
                queue,
                mode: AckMode::Auto,
                prefetch: None,
                shown_as: Some(shown_as.into()),
                unsettled: VecDeque::new(),
                lead: None,
            },
        );
    }

    /// Ends the temporary queues of a connection, with what is left in them.
    pub(crate) fn drop_temporary(&mut self, id: ConnectionId) {
        for name in std::mem::take(&mut self.connection(id).temporary) {
            if let Some(queue) = self.destinations.remove_named(&name) {
                for entry in &queue.entries {
                    self.stored -= entry.message.weight();
                }
            }
        }
    }

    /// Tells whether a destination is a reply queue of RabbitMQ's that is not there (any more).
    /// What is sent there is confirmed, and lost.
    pub(crate) fn is_missing_reply_queue(&self, name: &str) -> bool {
        self.config.profile == Profile::RabbitMq
            && name.starts_with(REPLIES)
            && self.destinations.find(name).is_none()
    }

    /// Refuses what RabbitMQ keeps for itself: it subscribes in the name of a temporary queue.
    pub(crate) fn check_id(&self, frame: &Frame) -> Result<(), Failure> {
        let id = frame.headers.get(header::ID).unwrap_or_default();
        match self.config.profile {
            Profile::RabbitMq if id.starts_with(TEMPORARY) => Err(Failure::ReservedId),
            _ => Ok(()),
        }
    }

    /// Refuses a temporary queue as anything but `reply-to`, as RabbitMQ does.
    pub(crate) fn check_destination(&self, command: Command, name: &str) -> Result<(), Failure> {
        match self.config.profile {
            Profile::RabbitMq if name.starts_with(TEMPORARY) => {
                Err(Failure::NotADestinationFor(command))
            }
            _ => Ok(()),
        }
    }

    fn private_name(&self, id: ConnectionId, name: &str) -> String {
        let name = name.strip_prefix(TEMPORARY).unwrap_or(name);
        match self.config.profile {
            Profile::RabbitMq => format!("{REPLIES}amq.gen-{}-{name}", id.0),
            _ => format!("{}{name}", remote_prefix(id)),
        }
    }

    /// Tells how ActiveMQ calls a reply destination towards a client: one of the client's own by
    /// the name that it gave it.
    pub(crate) fn own_name(&self, id: ConnectionId, reply_to: &str) -> Option<String> {
        let name = reply_to.strip_prefix(&remote_prefix(id))?;
        (self.config.profile == Profile::ActiveMq).then(|| format!("{TEMPORARY}{name}"))
    }

    /// Tells how a destination is called in MESSAGE, if not by its name: a temporary queue by that
    /// which its owner knows.
    pub(crate) fn shown_as(&self, subscribe: &Frame) -> Option<Arc<str>> {
        let name = subscribe.headers.get(header::DESTINATION)?;
        self.manners.is_private(name).then(|| name.into())
    }
}

fn remote_prefix(id: ConnectionId) -> String {
    format!("/remote-temp-queue/ID:testbroker-{}:", id.0)
}

/// Tells whether the name of a queue or topic has more slashes than its kind, which RabbitMQ wants
/// to be escaped.
fn has_slashes(name: &str) -> bool {
    let kinds = ["/queue/", "/topic/"];
    let rest = kinds.iter().find_map(|kind| name.strip_prefix(kind));
    rest.is_some_and(|rest| rest.contains('/'))
}
