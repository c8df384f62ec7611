//! Sessions whose connections break at random, against the test broker; and that every checker of
//! the simulation bites.

#[path = "../examples/simulation/application.rs"]
mod application;
#[path = "../examples/simulation/network.rs"]
mod network;
#[path = "../examples/simulation/report.rs"]
mod report;
#[path = "../examples/simulation/world.rs"]
mod world;

use report::Report;
use world::{Plant, World};

fn run(plant: Plant, seeds: std::ops::Range<u64>) -> Report {
    let mut total = Report::default();
    for seed in seeds {
        total.add(&World::run(seed, plant, World::ignore));
    }
    total
}

#[test]
fn all_promises_are_kept_whatever_breaks() {
    for seed in 0..100 {
        let report = World::run(seed, Plant::Nothing, World::ignore);
        assert!(report.keeps_promises(), "seed {seed}: {report}");
        assert_eq!(report.confirmed, 100, "seed {seed}: {report}");
    }
}

#[test]
fn worlds_break_enough_to_prove_something() {
    let report = run(Plant::Nothing, 0..100);
    assert!(report.kills > 200, "{report}");
    assert!(report.attempts > 10_100, "{report}");
    assert!(report.duplicated > 1_000, "{report}");
    assert!(report.stale > 1_000, "{report}");
    assert!(report.in_doubt > 10, "{report}");
}

#[test]
fn same_seed_makes_the_same_world() {
    for seed in 0..20 {
        let [first, second] = [0; 2].map(|_| World::run(seed, Plant::Nothing, World::ignore));
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn acks_on_the_wrong_connection_are_noticed() {
    assert_ne!(run(Plant::StaleAcks, 0..10).stale_acks, 0);
}

#[test]
fn messages_confirmed_before_their_receipt_are_noticed() {
    assert_ne!(run(Plant::ConfirmEarly, 0..10).lost, 0);
}

#[test]
fn forgotten_subscriptions_are_noticed() {
    assert_ne!(run(Plant::ForgetSubscriptions, 0..3).lost, 0);
}

#[test]
fn swapped_deliveries_are_noticed() {
    assert_ne!(run(Plant::SwapDeliveries, 0..10).reordered, 0);
}

#[test]
fn waits_without_an_answer_are_noticed() {
    assert_ne!(run(Plant::ForgetWaits, 0..10).unresolved, 0);
}

#[test]
fn transactions_that_took_place_against_all_denials_are_noticed() {
    assert_ne!(run(Plant::DenyDoubt, 0..50).torn, 0);
}
