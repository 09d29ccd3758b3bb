//! The sums as a table of 100 columns.

use std::fmt::{self, Display, Formatter, Write};
use std::time::Duration;

use super::{MOST_EVENTS, Record, Row, Sums};
use crate::printable::printable;

/// Characters of a layer's path; the end of a longer one is shown.
const NAME: usize = 24;

impl Display for Record {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let wall = self.span.map_or(Duration::ZERO, |(first, last)| last - first);
        let rows: Vec<&Row> =
            self.rows.iter().filter(|row| row.sums.calls > 0 && !row.call.is_whole).collect();
        let mut lines: Vec<Line<'_>> = rows
            .iter()
            .map(|row| Line {
                name: &row.call.name,
                operation: &row.call.operation,
                pass: row.call.pass,
                sums: row.sums,
            })
            .collect();
        write_sorted(&mut lines, "layer", wall, f)?;
        f.write_char('\n')?;
        write_sorted(&mut by_operation(&rows), "sum of the operation", wall, f)?;

        let mut all = Sums::default();
        rows.iter().for_each(|row| all += row.sums);
        let outside = wall.saturating_sub(all.time);
        let all = Line { name: "", operation: "all of these", pass: "", sums: all };
        writeln!(f, "\n{}", all.of(wall))?;
        writeln!(
            f,
            "{:.1} ms wall time, {:.1}% of it outside of these",
            milliseconds(wall),
            percent(outside, wall)
        )?;
        f.write_str(
            "GFLOPS: 2 for each multiply-add as computed directly; Winograd's transforms and pooled maxima\nneed fewer. \
             GB/s: inputs, outputs and weights alone.",
        )?;
        if self.left_out > 0 {
            let calls = self.left_out + MOST_EVENTS;
            write!(f, "\nThe trace has the first {MOST_EVENTS} of {calls} calls, the table all.")?;
        }
        Ok(())
    }
}

/// The sums of each operation, forward and backward; what isn't a step is one by itself.
fn by_operation<'a>(rows: &[&'a Row]) -> Vec<Line<'a>> {
    let mut lines: Vec<Line<'a>> = Vec::new();
    for row in rows {
        let call = &row.call;
        let operation = if call.operation.is_empty() { &call.name } else { &call.operation };
        match lines.iter_mut().find(|line| line.name == operation && line.pass == call.pass) {
            Some(line) => line.sums += row.sums,
            None => lines.push(Line { name: operation, operation: "", pass: call.pass, sums: row.sums }),
        }
    }
    lines
}

fn write_sorted(lines: &mut [Line<'_>], first: &str, wall: Duration, f: &mut Formatter<'_>) -> fmt::Result {
    lines.sort_by_key(|line| std::cmp::Reverse(line.sums.time));
    let operation = if first == "layer" { "operation" } else { "" };
    let [calls, ms, each] = ["calls", "ms", "ms/call"];
    let [share, gflops, gb] = ["share", "GFLOPS", "GB/s"];
    writeln!(
        f,
        "{first:NAME$} {operation:20} {:8} {calls:>6} {ms:>9} {each:>8} {share:>6} {gflops:>6} {gb:>5}",
        "pass"
    )?;
    lines.iter().try_for_each(|line| writeln!(f, "{}", line.of(wall)))
}

struct Line<'a> {
    name: &'a str,
    operation: &'a str,
    pass: &'a str,
    sums: Sums,
}

impl Line<'_> {
    /// The line, with its share of `wall`.
    fn of(&self, wall: Duration) -> impl Display {
        let Line { name, operation, pass, sums } = self;
        let Sums { calls, time, cost } = *sums;
        let ms = milliseconds(time);
        let (name, share) = (end_of(name), percent(time, wall));
        let mut line = format!(
            "{name:NAME$} {operation:20} {pass:8} {calls:>6} {ms:>9.1} {:>8.3} {share:>5.1}%",
            ms / calls.max(1) as f64
        );
        // Per nanosecond, so billions a second.
        let rate = |amount: u64| amount as f64 / time.as_nanos().max(1) as f64;
        // Writing to a String cannot fail.
        let _ = match (cost.flops, cost.bytes) {
            (0, 0) => Ok(()),
            (0, bytes) => write!(line, " {:>6} {:>5.1}", "", rate(bytes)),
            (flops, bytes) => write!(line, " {:>6.1} {:>5.1}", rate(flops), rate(bytes)),
        };
        line
    }
}

/// As much of a name as there is room for.
fn end_of(name: &str) -> String {
    let name = printable(name).to_string();
    match name.chars().count() {
        0..=NAME => name,
        length => format!("…{}", name.chars().skip(length - NAME + 1).collect::<String>()),
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn percent(part: Duration, whole: Duration) -> f64 {
    100.0 * part.as_secs_f64() / whole.as_secs_f64().max(f64::MIN_POSITIVE)
}
