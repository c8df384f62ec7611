//! Scenarios that measure memory: each in a process of its own, so that none sees another's.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::world::World;

/// Set in a process that was started for one scenario.
const CHILD: &str = "BEHAVIOUR_ALONE";

pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs the scenario in another process, and fails if its memory ever was above the bound.
///
/// Does nothing where a process cannot be asked how much that was.
pub(crate) fn with_memory_below(mebibytes: u64, world: &World, scenario: impl FnOnce()) {
    if peak().is_none() {
        return;
    }
    if is_child() {
        scenario();
        let peak = peak().unwrap();
        assert!(
            peak < mebibytes,
            "{peak} MiB were in use, and not {mebibytes}"
        );
        return;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", &world.test])
        .env(CHILD, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap();
    while child.try_wait().unwrap().is_none() {
        if world.is_over() {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "alone: {text}");
}

/// The most memory that this process has had, in MiB.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes / 1024)
}
