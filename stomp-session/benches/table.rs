//! What a session costs per message, settlement and SEND, in one table: instructions, which do not
//! depend on what else the machine does, and ns, of which the best round counts.
//!
//! ```text
//! cargo bench -p stomp-session --bench table              # all lines
//! cargo bench -p stomp-session --bench table -- MESSAGE   # those that begin so
//! ```
//!
//! Each figure is that of the session less that of the same work without one. Instructions are
//! counted by Valgrind, which has to be installed.

mod work;

use std::process::{Command, ExitCode};

use work::{Case, Meter, ROUND};

/// Rounds whose instructions are counted.
const COUNTED: usize = 10;

/// Rounds of which the best counts.
const TIMED: usize = 1_000;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [mode, at, which] if mode == "work" => {
            work(at.parse().expect("a number"), which == "session");
            ExitCode::SUCCESS
        }
        [mode] if mode == "--bench" => print_table(""),
        [begin, mode] if mode == "--bench" => print_table(begin),
        _ => {
            eprintln!("usage: cargo bench -p stomp-session --bench table [-- BEGINNING]");
            ExitCode::from(2)
        }
    }
}

fn print_table(begin: &str) -> ExitCode {
    println!("| | subscriptions | instructions | ns | in all |");
    println!("|---|--:|--:|--:|--:|");
    let cases = work::cases().into_iter().enumerate();
    for (at, mut case) in cases.filter(|(_, case)| case.name.starts_with(begin)) {
        let [all, without] = ["session", "without"].map(|which| count(at, which));
        let (Some(all), Some(without)) = (all, without) else {
            eprintln!("valgrind is not installed, or says something else than it used to");
            return ExitCode::FAILURE;
        };
        let [ns, ns_without] = time(&mut case);
        println!(
            "| {} | {} | {} | {:.0} | {all}, {ns:.0} ns |",
            case.name,
            case.subscriptions,
            all.saturating_sub(without),
            ns - ns_without,
        );
    }
    ExitCode::SUCCESS
}

fn work(at: usize, session: bool) {
    let case = work::cases().swap_remove(at);
    let mut work = if session { case.work } else { case.without };
    // What grows in the beginning has grown then.
    work(&mut Meter::off());
    let mut meter = Meter::on();
    for _ in 0..COUNTED {
        work(&mut meter);
    }
}

/// Counts the instructions of one repetition.
fn count(at: usize, which: &str) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .args(["--collect-atstart=no", "--toggle-collect=*measured*"])
        .arg(std::env::current_exe().ok()?)
        .args(["work", &at.to_string(), which])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let (_, collected) = said.split_once("Collected :")?;
    let total: u64 = collected.split_whitespace().next()?.parse().ok()?;
    Some(total / (COUNTED * ROUND) as u64)
}

/// Takes the time of one repetition, with and without a session, in turns.
fn time(case: &mut Case) -> [f64; 2] {
    let mut best = [f64::INFINITY; 2];
    for _ in 0..TIMED {
        for (best, work) in best.iter_mut().zip([&mut case.work, &mut case.without]) {
            let mut meter = Meter::on();
            work(&mut meter);
            let ns = meter.elapsed.as_nanos() as f64 / ROUND as f64;
            *best = best.min(ns);
        }
    }
    best
}
