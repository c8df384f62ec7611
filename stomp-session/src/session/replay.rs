//! Subscriptions from one connection to the next.

use std::time::Instant;

use stomp_commands::{AckMode, ReceiptId, Subscribe, SubscriptionId};
use stomp_frame::{ContentLength, Version};

use super::Session;
use crate::live::Slot;
use crate::receipts::Purpose;
use crate::{Event, ReceiptFailure, Refusal, ServerError, SubscriptionKey, UsageError};

/// So many ERRORs in a row that name no frame are enough to suspect a SUBSCRIBE for good: one may
/// have been about anything, as when an administrator closes all connections.
const SUSPICIONS: u8 = 2;

impl Session {
    /// Subscribes anew, in the old order, what the previous connection had.
    pub(super) fn replay(&mut self) {
        let commands = self.subscriptions.to_replay();
        let any = !commands.is_empty();
        for (key, command) in commands {
            if let Err(error) = self.replay_one(key, command) {
                self.quarantine(key, Refusal::Inexpressible(error));
            }
        }
        if any && !self.is_replaying() {
            self.events.push_back(Event::Replayed);
        }
    }

    /// Subscribes anew what was [withheld](crate::Subscriptions::withhold).
    pub fn replay_withheld(&mut self, subscription: SubscriptionKey, now: Instant) {
        self.advance(now);
        let Some(entry) = self.subscriptions.get_mut(subscription) else {
            return;
        };
        if !std::mem::take(&mut entry.withheld) {
            return;
        }
        let command = entry.command.clone();
        if let Err(error) = self.replay_one(subscription, command) {
            self.quarantine(subscription, Refusal::Inexpressible(error));
        }
    }

    fn replay_one(
        &mut self,
        key: SubscriptionKey,
        mut command: Subscribe,
    ) -> Result<(), UsageError> {
        let peer = self.peer()?;
        self.name(key, &mut command, peer.version);
        let id = self.on_wire(&command);
        self.check_free(id.as_ref(), &command)?;
        let slot = Slot::new(id.clone(), &command);
        let receipt = self.new_receipt();
        command.id = id;
        command.receipt = Some(receipt.clone());
        self.narrow(&mut command);
        let frame = command.into_frame(peer)?;
        let purpose = Purpose::Subscribe {
            subscription: key,
            replay: true,
        };
        self.enqueue(&frame, ContentLength::Auto, Some(receipt), purpose)?;
        self.connected_mut()?.replaying += 1;
        self.enliven(key, slot);
        Ok(())
    }

    /// Gives a subscription an id that has none. 1.0 can do without, and what is durable is called
    /// by its name.
    pub(super) fn name(&self, key: SubscriptionKey, command: &mut Subscribe, version: Version) {
        if command.id.is_none() {
            command.id = match &command.durable {
                Some(name) => Some(SubscriptionId::from(name.as_str())),
                None if version == Version::V1_0 && !self.config.names_in_1_0 => None,
                None => Some(self.generate_id(key)),
            };
        }
    }

    /// Makes an id for a subscription that nobody named. Should the application have given it to
    /// another one, it gets longer.
    fn generate_id(&self, key: SubscriptionKey) -> SubscriptionId {
        let mut id = format!("{}{}", self.config.id_prefix, key.0);
        while self.subscriptions.has_id(&id) {
            id.push('-');
        }
        SubscriptionId::from(id)
    }

    /// Refuses an id that is taken, and in 1.0 a second subscription without id to one destination:
    /// nobody could tell whose a message is.
    pub(super) fn check_free(
        &self,
        id: Option<&SubscriptionId>,
        command: &Subscribe,
    ) -> Result<(), UsageError> {
        let live = &self.connected()?.live;
        let taken = match id {
            Some(id) => live.has_id(id),
            None => live.has_anonymous(&command.destination),
        };
        match taken {
            true => Err(UsageError::DuplicateSubscription),
            false => Ok(()),
        }
    }

    /// What a subscription is called on this connection.
    ///
    /// On every connection it is called differently, so that nothing left over from an old one can
    /// hit it. Only a durable subscription keeps its id: RabbitMQ names the queue after it.
    pub(super) fn on_wire(&self, command: &Subscribe) -> Option<SubscriptionId> {
        let base = command.id.as_ref()?;
        if self.epoch.0 == 1 || command.durable.is_some() {
            return Some(base.clone());
        }
        Some(SubscriptionId::from(format!("{base}.e{}", self.epoch)))
    }

    /// Has messages acknowledged one by one where an ACK reaches too far: see
    /// [`ack`](Session::ack).
    pub(super) fn narrow(&self, command: &mut Subscribe) {
        if command.ack == AckMode::Client && self.acknowledges_one_by_one() {
            command.ack = AckMode::ClientIndividual;
        }
    }

    pub(super) fn enliven(&mut self, key: SubscriptionKey, slot: Slot) {
        if let Some(connected) = self.state.established_mut() {
            connected.live.insert(key, slot);
        }
    }

    /// Tells whether the subscription was not given up in the meantime.
    pub(super) fn is_live(&self, subscription: SubscriptionKey) -> bool {
        let connected = self.state.established();
        connected.is_some_and(|c| c.live.get(subscription).is_some())
    }

    /// One replayed subscription less to wait for.
    pub(super) fn replayed_one(&mut self) {
        if let Some(connected) = self.state.established_mut() {
            connected.replaying -= 1;
            if connected.replaying == 0 {
                self.events.push_back(Event::Replayed);
            }
        }
    }

    /// The broker confirmed a SUBSCRIBE.
    pub(super) fn confirmed(&mut self, subscription: SubscriptionKey) {
        if let Some(entry) = self.subscriptions.get_mut(subscription) {
            entry.suspicions = 0;
        }
        if self.is_live(subscription) {
            self.events.push_back(Event::Subscribed { subscription });
        }
    }

    /// Keeps a subscription from being replayed for ever.
    pub(super) fn quarantine(&mut self, subscription: SubscriptionKey, why: Refusal) {
        if let Some(entry) = self.subscriptions.get_mut(subscription) {
            entry.refusal = Some(why.clone());
        }
        if let Some(connected) = self.state.established_mut() {
            connected.live.remove(subscription);
        }
        self.events
            .push_back(Event::SubscriptionRefused { subscription, why });
    }

    /// Counts a SUBSCRIBE as confirmed, since a message came for it, or since nobody answers it on a
    /// connection that lives. Its RECEIPT is not waited for any longer.
    /// Returns the id of that RECEIPT, which is [unexpected](Event::UnexpectedReceipt) if it comes
    /// all the same.
    pub fn presume_subscribed(&mut self, subscription: SubscriptionKey) -> Option<ReceiptId> {
        let connected = self.state.established_mut()?;
        let pending = connected.receipts.remove_subscribe(subscription)?;
        self.set_receipt_timer();
        self.confirmed(subscription);
        if pending.purpose.is_internal() {
            self.replayed_one();
        }
        Some(pending.id)
    }

    /// Tells whether the SUBSCRIBE of this subscription was answered, or need not be.
    #[must_use]
    pub fn is_subscribed(&self, subscription: SubscriptionKey) -> bool {
        let connected = self.state.established();
        connected.is_some_and(|c| {
            c.live.get(subscription).is_some() && !c.receipts.awaits_subscribe(subscription)
        })
    }

    /// An ERROR came that names no frame. If a SUBSCRIBE was the next to be answered, it may have
    /// been meant.
    pub(super) fn suspect(&mut self, error: &ServerError) {
        let Some(connected) = self.state.established_mut() else {
            return;
        };
        let Some(oldest) = connected.receipts.oldest() else {
            return;
        };
        let Purpose::Subscribe {
            subscription,
            replay,
        } = oldest.purpose
        else {
            return;
        };
        if !replay {
            // Whoever asked for it is told, and decides.
            let receipt = oldest.id.clone();
            connected.receipts.remove(receipt.as_str());
            let why = ReceiptFailure::Suspected(error.clone());
            self.events.push_back(Event::ReceiptFailed { receipt, why });
        }
        let Some(entry) = self.subscriptions.get_mut(subscription) else {
            return;
        };
        entry.suspicions += 1;
        if entry.suspicions >= SUSPICIONS {
            self.quarantine(subscription, Refusal::Suspected(error.clone()));
        }
    }
}
