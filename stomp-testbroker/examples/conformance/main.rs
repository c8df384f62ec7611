//! Runs session scripts of kind `broker` against the broker core, in virtual time.
//!
//! ```text
//! cargo run -p stomp-testbroker --example conformance -- stomp-testbroker/tests/data/sessions.jsonl
//! ```
//!
//! Says how many lines of other kinds it left out; the last line reads `N passed, M failed`. A file
//! that cannot be read and a line that is no script count as failed. Exits with 1 if any failed.

mod pattern;
mod script;
mod stage;

use std::process::ExitCode;

fn main() -> ExitCode {
    let files: Vec<_> = std::env::args_os().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: conformance FILE.jsonl...");
        return ExitCode::from(2);
    }
    let mut report = script::Report::default();
    for file in files {
        let name = file.to_string_lossy();
        match std::fs::read_to_string(&file) {
            Ok(text) => report.run(&name, &text),
            Err(error) => report.failures.push(format!("{name}: {error}")),
        }
    }
    for failure in &report.failures {
        println!("{failure}");
    }
    let failed = report.failures.len();
    println!("{} lines of other kinds left out", report.left_out);
    println!("{} passed, {failed} failed", report.passed);
    ExitCode::from(u8::from(failed > 0))
}
