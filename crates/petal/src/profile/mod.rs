//! Where the time goes: how long each step of a model's plan takes, as a table and as a trace.
//!
//! The environment variable `PETAL_PROFILE` turns it on for all models of a program: with `1` each that was run says its
//! table on stderr when it ends, and with the name of a file its trace is written there too. To look at one model, or
//! at a part of a program, give it a [`Profile`]:
//!
//! ```
//! use petal::layers::*;
//! use petal::model::Model;
//! use petal::profile::Profile;
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("trace.json");
//! let x = Input::image(32, 32, 3);
//! let h = Conv2D::new(8, 3).relu().on(&x)?;
//! let mut model = Model::new(&x, &Dense::new(5).on(&GlobalAveragePooling2D::new().on(&h)?)?)?;
//! let profile = Profile::new();
//! model.set_profile(&profile);
//! model.predict_array(ndarray::Array::ones([4, 32, 32, 3]).into_dyn().view())?;
//! let table = profile.to_string();
//! assert!(table.contains("conv2d 3×3") && table.contains("outside"));
//! profile.write_trace(&path)?;
//! # Ok::<(), petal::Error>(())
//! ```

mod at_the_end;
mod table;
mod trace;

use std::fmt::{self, Display};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use crate::{Error, Result};
use at_the_end::AtTheEnd;
pub(crate) use at_the_end::asked_for;

/// The calls that a trace keeps, the first ones: some 10 MB, a few hundred training steps of MobileNetV2. The table's
/// sums are of all.
const MOST_EVENTS: usize = 100_000;

/// What was measured so far; clones share it. It prints as a table, at most 100 columns wide: the steps of the plan,
/// the slowest first, then sums by operation, and what was outside.
///
/// | column | |
/// |---|---|
/// | pass | `forward` and `backward` in training, `infer` in validation and prediction |
/// | ms, ms/call | wall time of the calls |
/// | share | of the wall time from the begin of the first call to the end of the last one |
/// | GFLOPS | 2 for each multiply-add of a convolution or matrix product, counted as computed directly; where Winograd's transforms or pooled maxima need fewer it may be more than the processor can do |
/// | GB/s | what the step reads and writes at least: inputs, outputs and weights, or the gradients by them |
///
/// The CPU's engine measures its steps; of other engines there is only what surrounds them: the wait for data, the loss.
#[derive(Clone, Debug, Default)]
pub struct Profile(Arc<Mutex<Record>>);

impl Profile {
    /// One that has measured nothing yet.
    pub fn new() -> Profile {
        Profile::default()
    }

    /// Measures what happens until the returned value is dropped, as a line of the table.
    ///
    /// ```
    /// use petal::profile::Profile;
    /// let profile = Profile::new();
    /// let numbers = {
    ///     let _measured = profile.measure("reading numbers");
    ///     [1, 2, 3]
    /// };
    /// assert!(profile.to_string().contains("reading numbers"));
    /// ```
    pub fn measure(&self, what: &str) -> Measured {
        self.begin(self.row(Call { name: what.to_owned(), ..Call::default() }), Cost::default())
    }

    /// Writes the trace in Chrome's Trace Event Format, which <https://ui.perfetto.dev> and `chrome://tracing` show. It
    /// has the first 100,000 calls.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_trace(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        trace::write(&self.record(), path).map_err(Error::io("write", path))
    }

    /// The number of the row for this call, the same for equal ones.
    pub(crate) fn row(&self, call: Call) -> usize {
        self.record().row(call)
    }

    /// A call of a row begins, which ends when the returned value is dropped.
    pub(crate) fn begin(&self, row: usize, cost: Cost) -> Measured {
        Measured { profile: self.clone(), row, cost, began: Instant::now() }
    }

    /// Shows in the trace, but not in the table, what others are measured in.
    pub(crate) fn whole(&self, what: &str) -> Measured {
        let call = Call { name: what.to_owned(), is_whole: true, ..Call::default() };
        self.begin(self.row(call), Cost::default())
    }

    /// The calls of a layer's step, and what they cost together.
    #[cfg(test)]
    pub(crate) fn cost_of(&self, layer: &str, pass: &str) -> Option<(usize, Cost)> {
        let record = self.record();
        let row = record.rows.iter().find(|row| row.call.name == layer && row.call.pass == pass)?;
        Some((row.sums.calls, row.sums.cost))
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        // What is in it is right also after a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.record().fmt(f)
    }
}

/// Something whose time is measured from when it was made, by [`Profile::measure`], until it is dropped.
#[derive(Debug)]
#[must_use = "what is measured ends where this is dropped"]
pub struct Measured {
    profile: Profile,
    row: usize,
    cost: Cost,
    began: Instant,
}

impl Drop for Measured {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        self.profile.record().add(self.row, self.cost, self.began, took);
    }
}

/// What is called: a step of a plan, or something around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Call {
    /// The layer's path, or what it is.
    pub name: String,
    /// Empty where it isn't a step.
    pub operation: String,
    /// `forward`, `backward` or `infer`; empty where it isn't a step.
    pub pass: &'static str,
    /// Whether it has others in it, so that it is no part of the sums.
    pub is_whole: bool,
}

/// What a call computes and moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Floating-point operations.
    pub flops: u64,
    /// Bytes that are read and written.
    pub bytes: u64,
}

#[derive(Debug, Default)]
struct Record {
    rows: Vec<Row>,
    events: Vec<Event>,
    /// Calls that the trace no longer keeps.
    left_out: usize,
    /// The threads in which something was measured.
    threads: Vec<ThreadId>,
    /// From the begin of the first call to the end of the last one.
    span: Option<(Instant, Instant)>,
    at_the_end: Option<AtTheEnd>,
}

#[derive(Debug)]
struct Row {
    call: Call,
    sums: Sums,
}

/// Of some calls together.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    calls: usize,
    time: Duration,
    cost: Cost,
}

#[derive(Debug)]
struct Event {
    row: usize,
    thread: usize,
    began: Instant,
    took: Duration,
}

impl Record {
    fn row(&mut self, call: Call) -> usize {
        self.rows.iter().position(|row| row.call == call).unwrap_or_else(|| {
            self.rows.push(Row { call, sums: Sums::default() });
            self.rows.len() - 1
        })
    }

    fn add(&mut self, row: usize, cost: Cost, began: Instant, took: Duration) {
        let ended = began + took;
        self.rows[row].sums += Sums { calls: 1, time: took, cost };
        self.span =
            Some(self.span.map_or((began, ended), |(first, last)| (first.min(began), last.max(ended))));
        if self.events.len() == MOST_EVENTS {
            self.left_out += 1;
            return;
        }
        let id = thread::current().id();
        let thread = self.threads.iter().position(|&known| known == id).unwrap_or_else(|| {
            self.threads.push(id);
            self.threads.len() - 1
        });
        self.events.push(Event { row, thread, began, took });
    }
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Sums) {
        self.calls += other.calls;
        self.time += other.time;
        self.cost.flops += other.cost.flops;
        self.cost.bytes += other.cost.bytes;
    }
}
