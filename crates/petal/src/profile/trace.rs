//! The calls in Chrome's Trace Event Format.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Record, Row};

pub(super) fn write(record: &Record, path: &Path) -> io::Result<()> {
    let first = record.span.map(|(first, _)| first);
    let mut events: Vec<&super::Event> = record.events.iter().collect();
    // What is within another call comes after it.
    events.sort_by_key(|event| (event.began, std::cmp::Reverse(event.took)));
    let events = events.into_iter().map(|event| Event::new(event, &record.rows[event.row], first));
    let trace = Trace { events: events.collect(), unit: "ms" };
    let mut out = BufWriter::new(File::create(path)?);
    serde_json::to_writer(&mut out, &trace)?;
    out.flush()
}

#[derive(Serialize)]
struct Trace<'a> {
    #[serde(rename = "traceEvents")]
    events: Vec<Event<'a>>,
    #[serde(rename = "displayTimeUnit")]
    unit: &'static str,
}

/// A complete event, from its begin to its end.
#[derive(Serialize)]
struct Event<'a> {
    name: &'a str,
    cat: &'a str,
    ph: &'static str,
    /// Microseconds.
    ts: f64,
    dur: f64,
    pid: usize,
    tid: usize,
    args: Arguments<'a>,
}

#[derive(Serialize)]
struct Arguments<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    operation: &'a str,
}

impl<'a> Event<'a> {
    fn new(event: &super::Event, row: &'a Row, first: Option<Instant>) -> Self {
        let since = first.map_or(Duration::ZERO, |first| event.began.duration_since(first));
        let call = &row.call;
        Event {
            name: &call.name,
            cat: if call.pass.is_empty() { "around" } else { call.pass },
            ph: "X",
            ts: microseconds(since),
            dur: microseconds(event.took),
            pid: 1,
            tid: event.thread + 1,
            args: Arguments { operation: &call.operation },
        }
    }
}

fn microseconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}
