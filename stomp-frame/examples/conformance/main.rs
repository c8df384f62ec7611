//! Runs corpus files (JSON Lines, one case a line) against decoder and encoder.
//!
//! ```text
//! cargo run -p stomp-frame --example conformance -- tests/data/frames.jsonl tests/data/encode.jsonl
//! ```
//!
//! Prints each case that fails with what was expected and what came, and `N passed, M failed` as
//! the last line. Exits with 1 if any case failed, with 2 if a file cannot be read.

mod corpus;

use std::process::ExitCode;

fn main() -> ExitCode {
    let files: Vec<_> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: conformance FILE.jsonl...");
        return ExitCode::from(2);
    }
    let mut report = corpus::Report::default();
    for file in &files {
        match std::fs::read_to_string(file) {
            Ok(lines) => report.run(&lines),
            Err(error) => {
                eprintln!("{file}: {error}");
                return ExitCode::from(2);
            }
        }
    }
    for failure in &report.failures {
        println!("{failure}");
    }
    println!("{} passed, {} failed", report.passed, report.failed());
    match report.failed() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
