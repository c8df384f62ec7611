//! Runs everything, each run in a process of its own, and prints it as a table.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::attack;
use crate::work::{Mode, Work};

/// A server in a process of its own.
struct Sink {
    child: Child,
    address: String,
}

impl Sink {
    fn start() -> Self {
        let mut child = Command::new(own())
            .arg("sink")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program");
        let said = child.stdout.take().expect("its output");
        let mut address = String::new();
        let read = BufReader::new(said).read_line(&mut address);
        read.expect("its address");
        let address = address.trim().to_owned();
        Self { child, address }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn own() -> std::path::PathBuf {
    std::env::current_exe().expect("the name of this program")
}

/// What there is to be run, if the environment does not say `ROWS=multi/ack,threads/ack`.
fn rows() -> impl Iterator<Item = ((Mode, &'static str), (Work, &'static str, u64))> {
    let all = Work::ALL.iter().copied().flat_map(|work| {
        let modes = Mode::ALL.iter().copied();
        modes.map(move |mode| (mode, work))
    });
    let named = std::env::var("ROWS").unwrap_or_default();
    all.filter(|((mode, _), (work, ..))| work.is_for(*mode))
        .filter(move |((_, mode), (_, work, _))| {
            let name = format!("{mode}/{work}");
            named.is_empty() || named.split(',').any(|wanted| name.contains(wanted))
        })
}

/// Numbers by their names, as a run says them.
type Figures = HashMap<String, f64>;

fn figures(text: &str) -> Figures {
    let words: Vec<&str> = text.split_whitespace().collect();
    let pairs = words.chunks_exact(2);
    pairs
        .filter_map(|pair| Some((pair[0].to_owned(), pair[1].parse().ok()?)))
        .collect()
}

fn run(program: &str, mode: &str, work: &str, n: u64) -> Figures {
    let sink = Sink::start();
    let output = Command::new(program)
        .args(["run", mode, work, &n.to_string(), &sink.address])
        .stderr(Stdio::inherit())
        .output()
        .expect("a program to run");
    figures(&String::from_utf8_lossy(&output.stdout))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

pub fn speed(other: Option<&str>, rounds: usize) {
    let own = own().display().to_string();
    println!(
        "| work | client | other, messages/s | this, messages/s | ratio | calls, ns (other; this) |"
    );
    println!("|---|---|---|---|---|---|");
    for ((_, mode), (_, work, n)) in rows() {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            before.extend(other.map(|other| run(other, mode, work, n)));
            after.push(run(&own, mode, work, n));
        }
        let of = |runs: &[Figures], name: &str| {
            median(
                runs.iter()
                    .filter_map(|run| run.get(name).copied())
                    .collect(),
            )
        };
        let calls = |runs: &[Figures]| {
            let names = ["fire50", "fire99", "lock50", "lock99"];
            let said = names.map(|name| Some(format!("{name} {:.0}", of(runs, name)?)));
            said.into_iter().flatten().collect::<Vec<_>>().join(" ")
        };
        let (old, new) = (of(&before, "rate"), of(&after, "rate"));
        let ratio = old.zip(new).map(|(old, new)| format!("{:.2}", new / old));
        println!(
            "| {work} | {mode} | {} | {} | {} | {}; {} |",
            number(old),
            number(new),
            ratio.unwrap_or_default(),
            calls(&before),
            calls(&after),
        );
    }
}

fn number(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.2}"),
    }
}

/// Instructions, allocations, and system calls: of one message, since the same is run with more and
/// with less of them.
pub fn counts(other: Option<&str>) {
    let own = own().display().to_string();
    println!(
        "| work | client | build | instructions | allocations | system calls | of these futex | write, to wake | send | receive | wait |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for ((_, mode), (kind, work, n)) in rows() {
        if kind == Work::Latency {
            continue;
        }
        let builds = other.map(|other| ("other", other));
        for (build, program) in builds.into_iter().chain([("this", own.as_str())]) {
            // What comes with the first ones is subtracted.
            let (less, more) = match kind {
                Work::Ack1000 => (4_000, 12_000),
                _ => (2_048, 8_192),
            };
            let each = |count: &dyn Fn(u64) -> Option<f64>| {
                Some((count(more)? - count(less)?) / (more - less) as f64)
            };
            let instructions = each(&|n| valgrind("callgrind", program, mode, work, n));
            let allocations = each(&|n| valgrind("memcheck", program, mode, work, n));
            let (less, more) = (n / 5, n);
            let few = calls(program, mode, work, less);
            let many = calls(program, mode, work, more);
            let each = |names: &[&str]| {
                let of = |all: &Figures| -> f64 {
                    let wanted = |name: &str| names.is_empty() || names.contains(&name);
                    let wanted = all.iter().filter(|(name, _)| wanted(name));
                    wanted.map(|(_, count)| count).sum()
                };
                Some((of(&many) - of(&few)) / (more - less) as f64)
            };
            println!(
                "| {work} | {mode} | {build} | {} | {} | {} | {} | {} | {} | {} | {} |",
                number(instructions),
                number(allocations),
                number(each(&[])),
                number(each(&["futex"])),
                number(each(&["write"])),
                number(each(&["sendto", "writev"])),
                number(each(&["recvfrom", "read"])),
                number(each(&["epoll_wait", "poll", "ppoll"])),
            );
        }
    }
}

fn valgrind(tool: &str, program: &str, mode: &str, work: &str, n: u64) -> Option<f64> {
    let sink = Sink::start();
    let output = Command::new("valgrind")
        .arg(format!("--tool={tool}"))
        .args(match tool {
            "callgrind" => ["--callgrind-out-file=/dev/null"],
            _ => ["--leak-check=no"],
        })
        .args([program, "run", mode, work, &n.to_string(), &sink.address])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let mark = match tool {
        "callgrind" => "Collected :",
        _ => "total heap usage:",
    };
    let rest = &said[said.find(mark)? + mark.len()..];
    rest.split_whitespace()
        .next()?
        .replace(',', "")
        .parse()
        .ok()
}

/// How often each system call was made.
fn calls(program: &str, mode: &str, work: &str, n: u64) -> Figures {
    let sink = Sink::start();
    let output = Command::new("strace")
        .args(["-c", "-f", "-U", "name,calls"])
        .args([program, "run", mode, work, &n.to_string(), &sink.address])
        .output();
    let Ok(output) = output else {
        return Figures::new();
    };
    let mut all = figures(&String::from_utf8_lossy(&output.stderr));
    all.remove("total");
    all
}

pub fn attacks(other: Option<&str>) {
    let own = own().display().to_string();
    let wanted = std::env::var("ROWS").unwrap_or_default();
    for (name, _) in attack::ALL {
        for (_, mode) in Mode::ALL.iter().filter(|(mode, _)| *mode != Mode::Current) {
            if !wanted.is_empty() && !format!("{mode}/{name}").contains(&wanted) {
                continue;
            }
            let builds = other.map(|other| ("other", other));
            for (build, program) in builds.into_iter().chain([("this", own.as_str())]) {
                println!("{name}, {mode}, {build}");
                // Some never end by themselves.
                let mut command = Command::new("timeout");
                let ended = command.args(["60", program, "attack", name, mode]).status();
                if !ended.is_ok_and(|ended| ended.success()) {
                    println!("  not over after 60 s, or failed");
                }
            }
        }
    }
}
