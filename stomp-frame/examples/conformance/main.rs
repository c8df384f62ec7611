//! Runs corpus files (JSON Lines, one case a line) against decoder and encoder.
//!
//! ```text
//! cargo run -p stomp-frame --example conformance -- tests/data/frames.jsonl tests/data/encode.jsonl
//! ```
//!
//! Prints each case that fails with what was expected and what came, how many lines of other kinds
//! it left out (session scripts), and `N passed, M failed` as the last line. A file that cannot be
//! read and a line that is no case count as failed. Exits with 1 if any failed.

mod corpus;

use std::process::ExitCode;

fn main() -> ExitCode {
    let files: Vec<_> = std::env::args_os().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: conformance FILE.jsonl...");
        return ExitCode::from(2);
    }
    let mut report = corpus::Report::default();
    for file in &files {
        let name = file.to_string_lossy();
        match std::fs::read_to_string(file) {
            Ok(text) => report.run(&name, &text),
            Err(error) => report.failures.push(format!("{name}: {error}")),
        }
    }
    for failure in &report.failures {
        println!("{failure}");
    }
    println!("{} lines of other kinds left out", report.left_out);
    println!("{} passed, {} failed", report.passed, report.failed());
    match report.failed() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
