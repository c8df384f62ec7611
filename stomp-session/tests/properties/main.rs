//! Any order of calls, any octets, any time: a session against the test broker, step by step, with
//! its promises checked after every step; and that every check bites.

#[path = "../../examples/simulation/network.rs"]
#[allow(dead_code)] // nothing is on its way by itself here: octets arrive when a step says so
mod network;

mod books;
mod machine;
mod step;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestError, TestRng, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use machine::{Bug, Machine};
use step::{Intent, Step};

/// The test, as the state machines of `proptest` have it.
struct Promises;

impl StateMachineTest for Promises {
    type SystemUnderTest = Machine;
    type Reference = Intent;

    fn init_test(intent: &Intent) -> Machine {
        Machine::new(intent.version, intent.bug)
    }

    fn apply(mut machine: Machine, _: &Intent, step: Step) -> Machine {
        machine.take(step);
        machine
    }

    fn check_invariants(machine: &Machine, _: &Intent) {
        machine.check();
    }

    fn teardown(machine: Machine, _: Intent) {
        machine.finish();
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn promises_hold_after_every_step_and_at_the_end(sequential 1..120 => Promises);
}

/// Plants a bug, and tells by which words a check notices it.
fn complaint(bug: Bug) -> String {
    let config = ProptestConfig {
        cases: 2_000,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config.clone(), rng);
    let steps = Intent::sequential_strategy(1..120);
    let planted = steps.prop_map(|(mut intent, steps, seen)| {
        intent.bug = bug;
        (intent, steps, seen)
    });
    let result = runner.run(&planted, |(intent, steps, _)| {
        Promises::test_sequential(config.clone(), intent, steps, None);
        Ok(())
    });
    match result {
        Err(TestError::Fail(reason, _)) => reason.to_string(),
        other => panic!("nobody noticed: {other:?}"),
    }
}

macro_rules! bites {
    ($($test:ident: $bug:ident => $words:literal;)*) => {$(
        #[test]
        fn $test() {
            let complaint = complaint(Bug::$bug);
            assert!(complaint.contains($words), "{complaint}");
        }
    )*};
}

bites! {
    ack_for_a_dead_connection_is_noticed: StaleAck => "ACK for another connection";
    frame_of_a_dead_transaction_is_noticed: StaleTransaction => "transaction of another connection";
    subscription_id_used_twice_is_noticed: SameIds => "id of another connection";
    stale_delivery_that_counts_as_settled_is_noticed: LieAboutStale => "verdict on a delivery";
    wait_without_an_answer_is_noticed: ForgetWait => "waits are not those of the session";
    second_answer_is_noticed: AnswerTwice => "answered without being waited for";
    deliveries_in_another_order_are_noticed: SwapDeliveries => "out of order";
    message_confirmed_too_early_is_noticed: ConfirmEarly => "confirmed and lost";
    torn_transaction_is_noticed: DenyDoubt => "torn";
    second_end_is_noticed: CloseTwice => "after the end";
    deadline_left_behind_is_noticed: ForgetTimers => "deadline has passed";
    limit_that_does_not_hold_is_noticed: NoLimits => "more than the limit";
    refusal_without_reason_is_noticed: Nonsense => "broker refused";
}
