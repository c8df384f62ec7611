//! What is known to fail today, with the reason. The list shall become empty, and the suite says so
//! of everything in it that does not fail any more.

#[cfg(feature = "websocket")]
use crate::suite::SUITES;

pub(crate) struct Expected {
    scenario: &'static str,
    link: &'static str,
    adapters: &'static [&'static str],
    pub(crate) today: Today,
    /// What it breaks: a promise of the design, or a field report by its number.
    pub(crate) row: &'static str,
    /// What happens instead.
    pub(crate) happens: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Today {
    Fails,
    /// A race: it is not run.
    Flaky,
}

pub(crate) fn find(scenario: &str, link: &str, adapter: &str) -> Option<&'static Expected> {
    EXPECTED.iter().find(|expected| {
        expected.scenario == scenario
            && (expected.link == link || expected.link == ANY)
            && expected.adapters.contains(&adapter)
    })
}

#[test]
#[cfg(feature = "websocket")] // without it, there is only a part of the suite
fn whatever_is_expected_to_fail_is_in_the_suite() {
    let scenarios = || SUITES.iter().copied().flatten();
    for expected in EXPECTED {
        let found = scenarios().any(|scenario| {
            let links = scenario.links.iter().map(|(name, _)| *name);
            scenario.name == expected.scenario
                && (expected.link == ANY || links.into_iter().any(|name| name == expected.link))
        });
        assert!(found, "{} is not in the suite", expected.scenario);
    }
}

const fn fails(
    scenario: &'static str,
    link: &'static str,
    adapters: &'static [&'static str],
    row: &'static str,
    happens: &'static str,
) -> Expected {
    Expected {
        scenario,
        link,
        adapters,
        today: Today::Fails,
        row,
        happens,
    }
}

const fn flaky(
    scenario: &'static str,
    link: &'static str,
    adapters: &'static [&'static str],
    row: &'static str,
    happens: &'static str,
) -> Expected {
    Expected {
        today: Today::Flaky,
        ..fails(scenario, link, adapters, row, happens)
    }
}

const ANY: &str = "any";

const ALL: &[&str] = &[
    "async_current_thread",
    "async_multi_thread",
    "sync_threads",
    "sync_manual",
];
const SYNC: &[&str] = &["sync_threads", "sync_manual"];
const THREADS: &[&str] = &["sync_threads"];
const MANUAL: &[&str] = &["sync_manual"];

#[rustfmt::skip]
const EXPECTED: &[Expected] = &[
    // Every wait ends.
    fails("a_receipt_that_never_comes_is_not_waited_for_longer", ANY, THREADS, "A1", "nobody is woken when the time is up"),
    flaky("an_over_full_inbox_holds_up_no_reconnect", ANY, THREADS, "A2", "reader and keeper wait for each other"),
    flaky("an_over_full_inbox_hides_no_reset", ANY, THREADS, "A2", "reader and keeper wait for each other"),
    fails("a_slow_reader_that_beats_stops_no_clock", ANY, SYNC, "A3", "calls wait until what is before them has been written"),
    fails("what_was_not_begun_in_time_is_withdrawn", "tcp", SYNC, "A3", "it waits for the time of a receipt, and is in doubt"),
    fails("who_sends_faster_than_the_broker_takes_is_told", ANY, MANUAL, "A3", "writing waits for 10 s in whatever call comes next"),
    fails("what_was_begun_is_in_doubt_in_time", ANY, SYNC, "one deadline a call", "`timeout` is only for the wait before the frame is handed over"),
    fails("the_deadline_of_a_call_is_over_all_of_it", ANY, SYNC, "one deadline a call", "`timeout` is only for the wait before the frame is handed over"),
    fails("line_ends_without_end_do_not_stop_the_clock", ANY, SYNC, "A4", "it waits for as long as line ends come"),
    fails("a_tls_handshake_octet_by_octet_is_given_up_in_time", ANY, SYNC, "A4, A30", "the error does not say how long it waited"),
    fails("pings_without_end_do_not_stop_the_clock", ANY, SYNC, "A4", "it waits for as long as pings come"),
    fails("empty_messages_without_end_do_not_stop_the_clock", ANY, SYNC, "A4", "it waits for as long as messages come"),
    fails("the_time_of_a_receipt_begins_when_the_frame_has_left", ANY, SYNC, "A24", "it begins when the frame is handed over"),
    fails("who_waits_for_anything_sees_what_lies_in_any_inbox", ANY, SYNC, "A27", "`poll` sleeps for all of its time"),
    flaky("disconnecting_takes_its_time_once", "memory", MANUAL, "A33", "whoever waits for a receipt waits on after the end"),
    fails("durations_without_end_wait_for_ever", "tcp", SYNC, "A31", "a panic"),
    fails("durations_without_end_wait_for_ever", "tls", SYNC, "A31", "a panic"),
    fails("durations_without_end_wait_for_ever", "websocket", SYNC, "A31", "a panic"),

    // Memory.
    fails("a_peer_that_pings_and_never_reads_is_left", ANY, ALL, "A5", "answers are kept without end"),
    fails("headers_count_while_somebody_waits_for_an_answer", ANY, SYNC, "A6", "only bodies count"),
    fails("an_inbox_of_large_messages_is_full_by_their_octets", ANY, SYNC, "A6", "it is full by their number alone"),

    // Verdicts.
    fails("a_transport_that_panics_leaves_doubt_behind", ANY, SYNC, "A7", "async: closed, and not in doubt; sync: whoever waits, waits on"),
    fails("an_error_names_its_frame_by_receipt_too", ANY, SYNC, "A45", "only `receipt-id` is read"),

    // A process that stood still.

    // What is received.
    fails("what_is_stale_is_not_handed_out", ANY, SYNC, "A16", "stale messages come first"),
    fails("rabbitmq_gets_no_acknowledgement_of_several", ANY, ALL, "A39", "an ACK settles the messages of another subscription, too"),
    fails("a_message_is_answer_enough_to_a_subscribe", ANY, SYNC, "A40", "it fails after 15 s"),
    fails("who_answers_no_subscribe_is_asked_for_two_seconds_once", ANY, SYNC, "A40", "it fails after 15 s"),
    fails("where_there_is_no_ack_header_nothing_is_to_be_settled", ANY, SYNC, "A41", "`ack` fails"),

    // Brokers, and what is between.
    fails("a_transport_of_the_users_gets_no_passcode_where_tls_was_asked_for", ANY, SYNC, "A20", "the passcode goes in clear"),
    fails("a_head_beyond_the_limits_is_an_item_to_be_settled", ANY, SYNC, "A35", "the connection ends, again and again"),
    fails("the_same_poison_again_and_again_ends_the_subscription", ANY, SYNC, "A35", "the client reconnects for ever"),
    fails("a_broker_that_comes_and_goes_is_found_at_once", ANY, SYNC, "A37", "delays go on growing for 10 s"),
    fails("two_fail_overs_of_a_healthy_pair_are_quick", ANY, SYNC, "A37", "delays go on growing for 10 s"),
    fails("version_1_0_is_asked_for_by_its_name_and_subscriptions_by_ids", ANY, SYNC, "A46", "neither is sent"),
    fails("an_acknowledgement_that_is_always_refused_ends_the_subscription", ANY, SYNC, "A48", "delivered, acknowledged and refused for ever"),
    fails("a_body_that_breaks_its_own_frame_is_an_item_to_be_settled", ANY, ALL, "A50", "the client reconnects for ever"),
    fails("a_return_escaped_for_version_1_1_costs_no_connection", ANY, SYNC, "A53", "the client reconnects for ever"),

    // The end.
    fails("what_waited_for_a_connection_is_not_sent", ANY, SYNC, "A30", "the client is closed, and nothing is said of the message"),
    fails("without_an_answer_it_says_so_and_the_others_that_it_was_disconnected", ANY, SYNC, "A30", "the others hear that there was no answer"),
    fails("nothing_that_went_back_is_handed_out_after_it", ANY, SYNC, "A30", "what lies in the inbox is still handed out"),
    fails("an_error_in_answer_to_it_harms_nothing", ANY, SYNC, "A44", "an error although nothing was outstanding"),
];
