//! Both clients against a server that is never the slower side.
//!
//! ```text
//! clients speed [OTHER [ROUNDS]]    messages a second, of this program and of another build of it, in turns
//! clients counts [OTHER]            instructions, allocations and system calls a message: they do not depend
//!                                   on what else the machine does (needs valgrind and strace)
//! clients run MODE WORK N ADDRESS   one run, against a server that is there
//! clients sink                      that server
//! clients attacks [OTHER]           brokers that mean no good: how long calls take, and the peak of the memory
//! clients attack NAME MODE          one of them
//! ```
//!
//! MODE is one of `current`, `multi` (stomp-async), `threads`, `manual` (stomp-sync).

mod asynchronous;
mod attack;
mod blocking;
mod sink;
mod tables;
mod work;

use work::{Mode, Report, Work};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["sink"] => sink::serve(),
        ["run", mode, work, n, address] => {
            let mode = Mode::named(mode).expect("a mode");
            let work = Work::named(work).expect("a work");
            let n = n.parse().expect("a number");
            let report = run(mode, work, n, address);
            println!("{report}");
        }
        ["speed"] => tables::speed(None, 5),
        ["speed", other] => tables::speed(Some(other), 5),
        ["speed", other, rounds] => tables::speed(Some(other), rounds.parse().expect("a number")),
        ["counts"] => tables::counts(None),
        ["counts", other] => tables::counts(Some(other)),
        ["attacks"] => tables::attacks(None),
        ["attacks", other] => tables::attacks(Some(other)),
        ["attack", name, mode] => attack::run(name, Mode::named(mode).expect("a mode")),
        _ => {
            eprintln!("clients speed|counts|attacks [OTHER] | run MODE WORK N ADDRESS | sink");
            std::process::exit(2);
        }
    }
}

fn run(mode: Mode, work: Work, n: u64, address: &str) -> Report {
    let uri = format!("stomp://{address}");
    match mode {
        Mode::Current | Mode::Multi => asynchronous::run(mode, work, n, &uri),
        Mode::Threads | Mode::Manual => blocking::run(mode, work, n, &uri),
    }
}
