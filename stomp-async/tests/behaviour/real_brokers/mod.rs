//! What only a real broker can say: RabbitMQ and ActiveMQ, as `.ci/brokers start` has them.
//!
//! ```text
//!     .ci/run real_brokers                            starts them, and stops what it has started
//!     STOMP_DROPS=100 .ci/run real_brokers            the long form
//! ```

mod acknowledging;
mod dropping;
mod elsewhere;
mod line;
mod reconnecting;
mod stage;

/// Each scenario is a test with each kind of client.
macro_rules! scenarios {
    ($($group:ident { $($scenario:ident)+ })+) => { $($(
        mod $scenario {
            use crate::real_brokers::{$group, stage};

            #[test]
            #[ignore = "needs a real broker; run by .ci/run"]
            fn async_current_thread() {
                $group::$scenario(stage::adapter("async_current_thread"));
            }

            #[test]
            #[ignore = "needs a real broker; run by .ci/run"]
            fn async_multi_thread() {
                $group::$scenario(stage::adapter("async_multi_thread"));
            }

            #[test]
            #[ignore = "needs a real broker; run by .ci/run"]
            fn sync_threads() {
                $group::$scenario(stage::adapter("sync_threads"));
            }

            #[test]
            #[ignore = "needs a real broker; run by .ci/run"]
            fn sync_manual() {
                $group::$scenario(stage::adapter("sync_manual"));
            }
        }
    )+)+ };
}

scenarios! {
    dropping {
        nothing_is_stranded_by_drops_while_messages_flow
        nothing_is_lost_by_drops_while_messages_come_in
        rabbitmq_gives_the_prefetched_to_others_at_once_and_takes_the_ack_of_the_held
        activemq_gives_the_prefetched_to_others_once_the_held_is_settled
        what_a_dropped_inbox_held_comes_to_the_next_at_once
    }
    acknowledging {
        a_cumulative_ack_leaves_the_other_subscription_alone
    }
    reconnecting {
        what_was_in_hand_comes_again_in_order_however_the_connection_is_lost
    }
}
