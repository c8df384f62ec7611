//! What came of it.

use std::fmt;

macro_rules! figures {
    ($($(#[$doc:meta])* $name:ident: $words:literal $(, $kind:ident)?;)*) => {
        /// The figures of one world, or of many.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub(crate) struct Report {
            $($(#[$doc])* pub(crate) $name: u64,)*
        }

        impl Report {
            pub(crate) fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// The promises, and how often each was broken.
            pub(crate) fn broken(&self) -> impl Iterator<Item = (&'static str, u64)> {
                let all = [$(($words, self.$name, false $(|| figures!($kind))?),)*];
                let broken = |(words, count, counts): (_, u64, bool)| {
                    (counts && count > 0).then_some((words, count))
                };
                all.into_iter().filter_map(broken)
            }
        }

        impl fmt::Display for Report {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let all = [$((self.$name, $words),)*];
                for (at, (count, words)) in all.into_iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{count} {words}")?;
                }
                Ok(())
            }
        }
    };
    (promise) => { true };
}

figures! {
    links: "connections";
    kills: "kills";
    lies: "lies of the driver";
    sends: "sends";
    confirmed: "confirmed";
    fired: "fired";
    not_sent: "not sent";
    in_doubt: "in doubt";
    abandoned: "abandoned";
    received: "received";
    drops: "subscriptions dropped";
    stale: "stale ones dropped";
    bounced: "bounced by RabbitMQ";
    stranded: "stranded there";
    wakes: "wakes";
    /// Confirmed, and neither delivered nor in its queue.
    lost: "lost", promise;
    /// SENDs on the wire in another order than that of their calls.
    reordered: "reordered", promise;
    /// The engine said that it was not sent, and the broker has it.
    sent_all_the_same: "sent against all denials", promise;
    /// The engine said that it was confirmed, and the broker never had it.
    never_stored: "confirmed and never stored", promise;
    /// In doubt, though nothing of it was offered to the transport.
    needless_doubt: "in doubt without a reason", promise;
    stale_handed_out: "stale deliveries handed out", promise;
    stale_acks: "stale acks on the wire", promise;
    stale_transactions: "stale transactions on the wire", promise;
    /// Somebody sleeps who could go on, and nobody told him.
    slept: "not woken", promise;
    /// Waits that did not end.
    unfinished: "waits without end", promise;
    over_budget: "budgets exceeded", promise;
    errors: "errors", promise;
}

impl Report {
    pub(crate) fn keeps_promises(&self) -> bool {
        self.broken().next().is_none()
    }
}
