use std::collections::VecDeque;
use std::sync::Arc;

use stomp_frame::{Frame, header};

use super::Broker;
use super::connection::{AckMode, ConnectionId, Key, Subscription};
use super::failure::Failure;
use super::queue::{Destination, Target};
use crate::Profile;

pub(crate) const TEMPORARY: &str = "/temp-queue/";

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
            (_, Profile::RabbitMq) if has_slashes(name) => Err(Failure::InvalidDestination),
            (Some(id), _) if name.starts_with(TEMPORARY) => {
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
        let found = self.destinations.find_or_create(name, cap);
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
        if name.starts_with(TEMPORARY) {
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

    /// Forgets what is left in the temporary queues of a connection.
    pub(crate) fn drop_temporary(&mut self, id: ConnectionId) {
        for name in std::mem::take(&mut self.connection(id).temporary) {
            if let Some(Target::Queue(queue)) = self.destinations.find(&name)
                && let Some(queue) = self.destinations.queue_mut(queue)
            {
                for entry in queue.entries.drain(..) {
                    self.stored -= entry.message.weight();
                }
            }
        }
    }

    fn private_name(&self, id: ConnectionId, name: &str) -> String {
        let name = name.strip_prefix(TEMPORARY).unwrap_or(name);
        match self.config.profile {
            Profile::RabbitMq => format!("/reply-queue/amq.gen-{}-{name}", id.0),
            _ => format!("/remote-temp-queue/ID:testbroker-{}:{name}", id.0),
        }
    }

    /// Tells how a destination is called in MESSAGE, if not by its name: a temporary queue by that
    /// which its owner knows.
    pub(crate) fn shown_as(&self, subscribe: &Frame) -> Option<Arc<str>> {
        let name = subscribe.headers.get(header::DESTINATION)?;
        name.starts_with(TEMPORARY).then(|| name.into())
    }
}

/// Tells whether the name of a queue or topic has more slashes than its kind, which RabbitMQ wants
/// to be escaped.
fn has_slashes(name: &str) -> bool {
    let kinds = ["/queue/", "/topic/"];
    let rest = kinds.iter().find_map(|kind| name.strip_prefix(kind));
    rest.is_some_and(|rest| rest.contains('/'))
}
