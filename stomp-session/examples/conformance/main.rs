//! Runs session scripts of kind `client` against the session, in virtual time.
//!
//! ```text
//! cargo run -p stomp-session --example conformance -- stomp-session/tests/data/sessions.jsonl
//! ```
//!
//! The last line reads `N passed, M failed`; the exit code is 1 if any failed.

mod script;
mod stage;

use std::process::ExitCode;

fn main() -> ExitCode {
    let files: Vec<_> = std::env::args_os().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: conformance FILE.jsonl...");
        return ExitCode::from(2);
    }
    let (mut passed, mut failed, mut left_out) = (0, 0, 0);
    for file in files {
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{}: {error}", file.display());
                return ExitCode::from(2);
            }
        };
        for outcome in script::run_all(&text) {
            match outcome {
                None => left_out += 1,
                Some(Ok(())) => passed += 1,
                Some(Err(failure)) => {
                    failed += 1;
                    println!("{failure}");
                }
            }
        }
    }
    println!("{left_out} scripts of other kinds left out");
    println!("{passed} passed, {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}
