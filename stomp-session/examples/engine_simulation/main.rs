//! Simulates clients whose connections break at random, against the test broker, in virtual time.
//!
//! ```text
//! cargo run --release -p stomp-session --features engine --example engine_simulation -- 2000
//! … -- seed 17                                     # one seed, with its story
//! … -- plant 3                                     # a driver with a bug: it has to be found out
//! ```
//!
//! Every seed is a world of its own: an application that sends, receives, gives up and leaves; a
//! driver that lies, and that sleeps for ever unless it is told; a network that breaks at any octet;
//! and a broker that is asked at the end what it has. The last line sums up; the exit code is 1 if a
//! promise was broken.

mod application;
mod books;
mod driver;
#[allow(dead_code)] // the other simulation looks at more of it
#[path = "../simulation/network.rs"]
mod network;
mod report;
mod world;

use std::process::ExitCode;

use driver::Plant;
use report::Report;
use world::World;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let numbers: Vec<u64> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    match (arguments.first().map(String::as_str), &numbers[..]) {
        (Some("seed"), &[seed]) => verdict(&World::run(seed, Plant::Nothing, World::tell)),
        (Some("plant"), &[plant]) => find_out(plant as usize),
        (Some(_), &[seeds]) => verdict(&run_all(seeds)),
        _ => {
            eprintln!("usage: engine_simulation SEEDS | seed SEED | plant NUMBER");
            ExitCode::from(2)
        }
    }
}

fn verdict(total: &Report) -> ExitCode {
    println!("{total}");
    ExitCode::from(u8::from(!total.keeps_promises()))
}

fn run_all(seeds: u64) -> Report {
    let mut total = Report::default();
    for seed in 0..seeds {
        let report = World::run(seed, Plant::Nothing, World::ignore);
        if !report.keeps_promises() {
            let broken: Vec<_> = report.broken().collect();
            println!("seed {seed}: {broken:?}");
        }
        total.add(&report);
    }
    total
}

/// Succeeds if the bug is found.
fn find_out(plant: usize) -> ExitCode {
    let Some(&plant) = Plant::ALL.get(plant) else {
        eprintln!("there are {} plants", Plant::ALL.len());
        return ExitCode::from(2);
    };
    for seed in 0..200 {
        let report = World::run(seed, plant, World::ignore);
        if !report.keeps_promises() {
            let broken: Vec<_> = report.broken().collect();
            println!("{plant:?} is found by seed {seed}: {broken:?}");
            return ExitCode::SUCCESS;
        }
    }
    println!("{plant:?} was not found");
    ExitCode::FAILURE
}
