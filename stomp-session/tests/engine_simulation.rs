//! Clients on the engine whose connections break at random, against the test broker; and that every
//! bug is found that a driver may have.

#[path = "../examples/engine_simulation/application.rs"]
mod application;
#[path = "../examples/engine_simulation/books.rs"]
mod books;
#[path = "../examples/engine_simulation/driver.rs"]
mod driver;
#[allow(dead_code)] // the other simulation looks at more of it
#[path = "../examples/simulation/network.rs"]
mod network;
#[path = "../examples/engine_simulation/report.rs"]
mod report;
#[path = "../examples/engine_simulation/world.rs"]
mod world;

use driver::Plant;
use report::Report;
use world::World;

fn run(seed: u64, plant: Plant) -> Report {
    World::run(seed, plant, World::ignore)
}

#[test]
fn all_promises_are_kept_whatever_breaks() {
    for seed in 0..60 {
        let report = run(seed, Plant::Nothing);
        let broken: Vec<_> = report.broken().collect();
        assert!(report.keeps_promises(), "seed {seed}: {broken:?}");
    }
}

#[test]
fn worlds_break_enough_to_prove_something() {
    let mut total = Report::default();
    for seed in 0..60 {
        total.add(&run(seed, Plant::Nothing));
    }
    assert!(total.kills > 100, "{total}");
    assert!(total.confirmed > 3_000, "{total}");
    assert!(total.in_doubt > 500, "{total}");
    assert!(total.not_sent > 500, "{total}");
    assert!(total.abandoned > 200, "{total}");
    assert!(total.drops > 500, "{total}");
    assert!(total.lies > 1_000, "{total}");
}

#[test]
fn same_seed_makes_the_same_world() {
    for seed in 0..10 {
        assert_eq!(
            run(seed, Plant::Nothing),
            run(seed, Plant::Nothing),
            "{seed}"
        );
    }
}

#[test]
fn every_bug_of_a_driver_is_found() {
    for plant in Plant::ALL {
        let found = (0..60).any(|seed| !run(seed, plant).keeps_promises());
        assert_eq!(found, plant != Plant::Nothing, "{plant:?}");
    }
}
