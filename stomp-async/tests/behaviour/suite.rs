//! The table: which scenarios there are, and what each is run over.
//!
//! What runs over `memory` needs no socket; what stands with `tcp` alone needs one.

use crate::harness::Scenario;
#[allow(non_upper_case_globals, reason = "words of the table")]
mod link {
    use crate::world::Link;

    pub(super) const memory: Link = Link::Memory;
    pub(super) const tcp: Link = Link::Tcp;
    pub(super) const tls: Link = Link::Tls;
    #[cfg(feature = "websocket")]
    pub(super) const websocket: Link = Link::WebSocket;
    #[cfg(feature = "websocket")]
    pub(super) const secure_websocket: Link = Link::SecureWebSocket;
}

/// All of them.
pub(crate) const SUITES: &[&[Scenario]] = &[
    behaviour::SUITE,
    #[cfg(feature = "websocket")]
    over_websocket::SUITE,
];

macro_rules! suite {
    ($($group:ident { $($scenario:ident: $($link:ident)+;)+ })+) => {
        pub(super) const SUITE: &[Scenario] = &[$($(
            Scenario {
                group: stringify!($group),
                name: stringify!($scenario),
                links: &[$((stringify!($link), super::link::$link)),+],
                run: crate::scenarios::$group::$scenario,
            },
        )+)+];

        $(mod $group {
            $(mod $scenario {
                $(mod $link {
                    tests!($group $scenario $link:
                        async_current_thread async_multi_thread sync_threads sync_manual);
                })+
            })+
        })+
    };
}

macro_rules! tests {
    ($group:ident $scenario:ident $link:ident: $($adapter:ident)+) => { $(
        #[test]
        fn $adapter() {
            let name = [
                stringify!($group),
                stringify!($scenario),
                stringify!($link),
                stringify!($adapter),
            ];
            crate::harness::judge(name);
        }
    )+ };
}

mod behaviour {
    use super::Scenario;

    suite! {
        memory {
            headers_count_while_somebody_waits_for_an_answer: tcp;
            an_inbox_of_large_messages_is_full_by_their_octets: tcp;
            who_looked_once_and_left_is_not_waited_for: tcp;
            line_ends_without_end_cost_nothing: tcp;
        }
        cutting {
            after_any_octet_towards_the_broker: tcp;
            after_any_octet_towards_the_client: tcp;
            what_was_not_offered_is_not_in_doubt: tcp;
        }
        reconnecting {
            subscriptions_come_back_and_late_acks_are_stale: memory tcp tls;
            a_subscription_dropped_between_two_connections_does_not_come_back: memory;
            what_happens_to_the_connection_can_be_heard_in_order: memory;
            who_gives_up_says_why_to_everybody: memory tcp;
            what_is_stale_is_not_handed_out: memory;
            a_subscription_refused_later_ends_and_the_rest_goes_on: memory;
            an_over_full_inbox_holds_up_no_reconnect: memory;
            an_over_full_inbox_hides_no_reset: tcp;
            a_client_that_nobody_holds_ends_although_its_inbox_was_over_full: memory tcp;
            a_broker_that_comes_and_goes_is_found_at_once: memory;
            two_fail_overs_of_a_healthy_pair_are_quick: tcp;
        }
        deadlines {
            a_receipt_that_never_comes_is_not_waited_for_longer: memory tcp;
            the_deadline_of_a_call_is_over_all_of_it: memory;
            what_was_not_begun_in_time_is_withdrawn: memory tcp;
            what_was_begun_is_in_doubt_in_time: memory tcp;
            disconnecting_ends_in_time_while_nothing_is_taken: memory tcp;
            dropping_ends_in_time_while_nothing_is_taken: memory tcp;
            a_slow_reader_that_beats_stops_no_clock: tcp;
            the_time_of_a_receipt_begins_when_the_frame_has_left: memory;
            disconnecting_takes_its_time_once: memory tcp;
            who_waits_for_anything_sees_what_lies_in_any_inbox: memory;
            who_stood_still_blames_nobody: memory tcp;
        }
        connecting {
            a_message_goes_there_and_back: memory tcp tls;
            a_refused_login_is_told_without_its_passcode: memory tcp;
            where_nobody_listens_the_address_is_told: tcp;
            the_second_broker_serves_when_the_first_is_down: tcp;
            a_wrong_uri_is_told_before_anything_is_tried: memory;
            what_speaks_no_stomp_is_given_up_in_time: tcp;
            line_ends_without_end_do_not_stop_the_clock: tcp;
            a_tls_handshake_octet_by_octet_is_given_up_in_time: tcp;
            a_transport_of_the_users_gets_no_passcode_where_tls_was_asked_for: tcp;
            durations_without_end_wait_for_ever: memory tcp tls;
            version_1_0_is_asked_for_by_its_name_and_subscriptions_by_ids: memory;
        }
        sending {
            only_confirmed_messages_are_persistent: memory;
            a_call_that_cannot_be_carried_out_harms_nothing: memory;
            many_threads_send_in_their_order_while_one_receives: memory tcp tls;
            a_refusal_is_told_and_the_next_connection_goes_on: memory;
            an_error_names_its_frame_by_receipt_too: tcp;
            nobody_can_tell_whether_a_message_was_taken_that_was_cut_off: memory;
            without_a_connection_it_is_not_sent_and_never_will_be: memory;
            what_waits_for_a_connection_goes_out_with_the_next: memory;
            who_sends_faster_than_the_broker_takes_is_told: memory tcp;
            a_transport_that_panics_leaves_doubt_behind: tcp;
            a_runtime_that_ends_leaves_doubt_behind: memory;
            what_was_fired_arrives_although_all_handles_are_dropped: memory tcp tls;
            a_dropped_client_says_goodbye: memory;
        }
        receiving {
            what_is_not_acknowledged_is_delivered_to_the_next: memory;
            what_is_refused_leaves_the_hand: memory;
            a_full_inbox_stops_the_reading_and_nothing_is_lost: memory tcp;
            a_message_arrives_behind_those_of_a_full_inbox: memory;
            a_receipt_arrives_behind_messages_that_nobody_asked_for_yet: memory;
            a_message_beyond_the_limit_can_be_settled: memory;
            a_subscription_that_the_broker_refuses_is_told_with_its_reason: memory;
            a_dropped_subscription_unsubscribes_and_the_rest_goes_on: memory;
            a_subscription_given_up_in_the_making_is_ended_when_there_is_room: memory;
            rabbitmq_gets_no_acknowledgement_of_several: memory;
            where_there_is_no_ack_header_nothing_is_to_be_settled: tcp;
            a_message_is_answer_enough_to_a_subscribe: tcp;
            who_answers_no_subscribe_is_asked_for_two_seconds_once: tcp;
        }
        disconnecting {
            it_waits_for_what_was_sent_before: memory;
            after_it_every_handle_says_so: memory;
            an_error_in_answer_to_it_harms_nothing: memory;
            a_message_in_hand_can_be_settled_meanwhile: memory;
            what_waited_for_a_connection_is_not_sent: memory;
            without_an_answer_it_says_so_and_the_others_that_it_was_disconnected: memory tcp;
            nothing_that_went_back_is_handed_out_after_it: memory;
            a_message_that_outlives_the_client_says_so: memory;
            the_last_of_all_that_is_held_ends_the_client: memory;
        }
        odd_brokers {
            a_head_beyond_the_limits_is_an_item_to_be_settled: tcp;
            the_same_poison_again_and_again_ends_the_subscription: tcp;
            an_acknowledgement_that_is_always_refused_ends_the_subscription: memory;
            a_return_escaped_for_version_1_1_costs_no_connection: tcp;
        }
    }
}

#[cfg(feature = "websocket")]
mod over_websocket {
    use super::Scenario;

    suite! {
        connecting {
            a_message_goes_there_and_back: websocket secure_websocket;
            a_refused_login_is_told_without_its_passcode: websocket;
            durations_without_end_wait_for_ever: websocket;
        }
        websocket_peers {
            pings_without_end_do_not_stop_the_clock: websocket;
            empty_messages_without_end_do_not_stop_the_clock: websocket;
            a_peer_that_pings_and_never_reads_is_left: websocket;
            a_body_that_breaks_its_own_frame_is_an_item_to_be_settled: websocket;
        }
        sending {
            many_threads_send_in_their_order_while_one_receives: websocket secure_websocket;
            what_was_fired_arrives_although_all_handles_are_dropped: websocket;
        }
        deadlines {
            a_receipt_that_never_comes_is_not_waited_for_longer: websocket;
            what_was_begun_is_in_doubt_in_time: websocket;
            who_stood_still_blames_nobody: websocket;
        }
        reconnecting {
            subscriptions_come_back_and_late_acks_are_stale: websocket secure_websocket;
        }
    }
}
