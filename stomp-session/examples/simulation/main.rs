//! Simulates sessions whose connections break at random, against the test broker, in virtual time.
//!
//! ```text
//! cargo run --release -p stomp-session --example simulation -- 2000      # seeds 0 to 1999
//! cargo run --release -p stomp-session --example simulation -- seed 17   # one seed, with its story
//! ```
//!
//! Every seed is a world of its own: a producer and a consumer of 100 messages and some
//! transactions, a network that cuts the stream at any octet or goes dark, and a broker that is
//! asked at the end what it has. The last line sums up; the exit code is 1 if a promise was broken.

mod application;
mod network;
mod report;
mod world;

use std::process::ExitCode;

use report::Report;
use world::{Plant, World};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let numbers: Vec<_> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    let total = match (arguments.first().map(String::as_str), &numbers[..]) {
        (Some("seed"), &[seed]) => World::run(seed, Plant::Nothing, World::tell),
        (Some(_), &[seeds]) => run_all(seeds),
        _ => {
            eprintln!("usage: simulation SEEDS | simulation seed SEED");
            return ExitCode::from(2);
        }
    };
    println!("{total}");
    ExitCode::from(u8::from(!total.keeps_promises()))
}

fn run_all(seeds: u64) -> Report {
    let mut total = Report::default();
    for seed in 0..seeds {
        let report = World::run(seed, Plant::Nothing, World::ignore);
        if !report.keeps_promises() {
            println!("seed {seed}: {report}");
        }
        total.add(&report);
    }
    total
}
