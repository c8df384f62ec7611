//! Runs session scripts of kind `broker` against the broker core, in virtual time.
//!
//! ```text
//! cargo run -p stomp-testbroker --example conformance -- stomp-testbroker/tests/data/sessions.jsonl
//! ```
//!
//! The last line reads `N passed, M failed`; the exit code is 1 if any failed.

mod script;

use std::process::ExitCode;

fn main() -> ExitCode {
    let files: Vec<_> = std::env::args_os().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: conformance FILE.jsonl...");
        return ExitCode::from(2);
    }
    let (mut passed, mut failed) = (0, 0);
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
                Ok(()) => passed += 1,
                Err(failure) => {
                    failed += 1;
                    println!("{failure}");
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    ExitCode::from(u8::from(failed > 0))
}
