use std::fmt;
use std::process::Command;

use crate::Corpus;

/// A table in Markdown: a row for each crate, a column for each corpus.
pub struct Table {
    what: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<(&'static str, Vec<String>)>,
}

impl Table {
    pub fn new(what: &'static str, columns: impl Iterator<Item = &'static str>) -> Self {
        Self {
            what,
            columns: columns.collect(),
            rows: Vec::new(),
        }
    }

    pub fn set(&mut self, row: &'static str, column: &str, cell: String) {
        let width = self.columns.len();
        let at = self.rows.iter().position(|(name, _)| *name == row);
        let at = at.unwrap_or_else(|| {
            self.rows.push((row, vec!["–".to_owned(); width]));
            self.rows.len() - 1
        });
        let column = self.columns.iter().position(|name| *name == column);
        self.rows[at].1[column.expect("a column of this table")] = cell;
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {} | {} |", self.what, self.columns.join(" | "))?;
        writeln!(f, "|---|{}", "---:|".repeat(self.columns.len()))?;
        for (name, cells) in &self.rows {
            writeln!(f, "| {name} | {} |", cells.join(" | "))?;
        }
        Ok(())
    }
}

/// Shows nanoseconds in the unit that leaves at most four digits.
pub fn duration(nanoseconds: f64) -> String {
    let (mut time, mut units) = (nanoseconds, ["ns", "µs", "ms", "s"].into_iter());
    let mut unit = units.next();
    while time >= 9999.5 && unit != Some("s") {
        time /= 1000.0;
        unit = units.next();
    }
    format!("{} {}", number(time), unit.unwrap_or_default())
}

/// Shows a number with a decimal if it is small and has one, and its digits in groups of three.
pub fn number(number: f64) -> String {
    if number < 99.95 && number.fract() >= 0.05 {
        return format!("{number:.1}");
    }
    grouped(number.round() as u64)
}

pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// Says what the columns are, when and where this runs.
pub fn legend(corpora: &[&'static Corpus]) -> String {
    let corpora = corpora.iter();
    let lines = corpora.map(|corpus| format!("- `{}`: {}\n", corpus.name, corpus.about));
    format!("{}\n{}", machine(), lines.collect::<String>())
}

fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split(": ").nth(1));
    format!(
        "{}, {}, {} of them, {}.\n",
        output("date", "+%F"),
        model.unwrap_or("unknown processor"),
        std::thread::available_parallelism().map_or(0, usize::from),
        output("rustc", "--version"),
    )
}

fn output(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    let output = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
