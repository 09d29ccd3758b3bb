//! What training shows: Keras' progress bar, or a line for each epoch.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::{Logs, Verbose};
use crate::python_float::{fixed, scientific};

/// Cells of a whole bar.
const BAR: usize = 20;
/// Time between two refreshes of the bar.
const INTERVAL: Duration = Duration::from_millis(50);

/// The progress of an epoch, or of a pass over a data set, in Keras' manner.
pub(crate) struct Progress {
    style: Style,
    /// The terminal's width; without it a line may have any length.
    columns: Option<usize>,
    steps: usize,
    begin: Instant,
    first_step: Option<Duration>,
    last_refresh: Option<Duration>,
    seen: usize,
    /// In the order in which they first came.
    values: Vec<(String, f64)>,
    /// Of the line that the next refresh overwrites.
    width: usize,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Silent,
    Bar,
    Lines,
}

impl Progress {
    /// For stderr.
    pub(crate) fn new(verbose: Verbose) -> Self {
        Progress::with(style(verbose, io::stderr().is_terminal()), columns())
    }

    /// For something else than a terminal.
    pub(crate) fn for_writer(verbose: Verbose) -> Self {
        Progress::with(style(verbose, false), None)
    }

    /// Begins epoch `epoch` (from 0) of `epochs`.
    pub(crate) fn epoch(&mut self, output: &mut dyn Write, epoch: usize, epochs: usize, steps: usize) {
        self.pass(steps);
        if self.style != Style::Silent && epochs > 1 {
            let _ = writeln!(output, "Epoch {}/{epochs}", epoch + 1);
        }
    }

    /// Begins a pass over a data set.
    pub(crate) fn pass(&mut self, steps: usize) {
        self.steps = steps;
        self.begin = Instant::now();
        (self.first_step, self.last_refresh) = (None, None);
        (self.seen, self.width) = (0, 0);
        self.values.clear();
    }

    /// After `seen` steps; `logs` are the means so far.
    pub(crate) fn step(&mut self, output: &mut dyn Write, seen: usize, logs: &Logs) {
        self.step_at(output, self.begin.elapsed(), seen, logs);
    }

    /// Leaves the bar as it is, for what is to be said of an epoch that failed.
    pub(crate) fn abandon(&mut self, output: &mut dyn Write) {
        if std::mem::take(&mut self.width) > 0 {
            self.text.replace_range(.., "\n");
            self.show(output);
        }
    }

    /// After the last step.
    pub(crate) fn finish(&mut self, output: &mut dyn Write, logs: &Logs) {
        self.finish_at(output, self.begin.elapsed(), logs);
    }
}

fn style(verbose: Verbose, to_terminal: bool) -> Style {
    match verbose {
        Verbose::Silent => Style::Silent,
        Verbose::Bar => Style::Bar,
        Verbose::Auto if to_terminal => Style::Bar,
        Verbose::Auto | Verbose::Lines => Style::Lines,
    }
}

/// Of the terminal that stderr goes to.
#[cfg(feature = "system")]
fn columns() -> Option<usize> {
    terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| usize::from(width.0))
}

#[cfg(not(feature = "system"))]
fn columns() -> Option<usize> {
    None
}

impl Progress {
    fn with(style: Style, columns: Option<usize>) -> Self {
        Progress {
            style,
            columns,
            steps: 0,
            begin: Instant::now(),
            first_step: None,
            last_refresh: None,
            seen: 0,
            values: Vec::new(),
            width: 0,
            text: String::new(),
        }
    }

    fn step_at(&mut self, output: &mut dyn Write, now: Duration, seen: usize, logs: &Logs) {
        self.seen = seen;
        if self.style != Style::Bar {
            return;
        }
        if seen == 1 {
            self.first_step = Some(now);
        }
        if self.last_refresh.is_some_and(|last| now - last < INTERVAL) {
            return;
        }
        self.last_refresh = Some(now);
        self.set(logs);
        self.refresh(output, now, false);
    }

    fn finish_at(&mut self, output: &mut dyn Write, now: Duration, logs: &Logs) {
        self.set(logs);
        match self.style {
            Style::Silent => {}
            Style::Bar => self.refresh(output, now, true),
            Style::Lines => {
                let step = self.step_seconds(now);
                self.text.clear();
                let _ =
                    write!(self.text, "{} - {:.0}s - {}", self.count(), now.as_secs_f64(), duration(step));
                for (name, value) in &self.values {
                    push_value(&mut self.text, name, *value, *value > 1e-3);
                }
                self.text.push('\n');
                self.show(output);
            }
        }
    }

    fn set(&mut self, logs: &Logs) {
        for (name, &value) in logs {
            match self.values.iter_mut().find(|(known, _)| known == name) {
                Some((_, last)) => *last = value,
                None => self.values.push((name.clone(), value)),
            }
        }
    }

    /// `12/115`, aligned.
    fn count(&self) -> String {
        let width = self.steps.to_string().len();
        format!("{:>width$}/{}", self.seen, self.steps)
    }

    /// An estimate, without the first step if there are others.
    fn step_seconds(&self, now: Duration) -> f64 {
        match (self.first_step, self.seen) {
            (_, 0) => 0.0,
            (Some(first), 2..) => (now.as_secs_f64() - first.as_secs_f64()) / (self.seen - 1) as f64,
            _ => now.as_secs_f64() / self.seen as f64,
        }
    }

    fn refresh(&mut self, output: &mut dyn Write, now: Duration, last: bool) {
        let step = self.step_seconds(now);
        let count = self.count();
        let time = match last {
            true => format!("{:.0}s", now.as_secs_f64()),
            false => remaining(step * self.steps.saturating_sub(self.seen) as f64),
        };
        let step = duration(step);
        let mut values = String::new();
        // Around the bar, the time and the step are three spaces.
        let fixed_width = count.len() + time.len() + step.len() + 3;
        // A line that wraps could not be overwritten: the bar gives way first, then the last values.
        let room = match self.columns {
            Some(columns) if !last => columns.saturating_sub(1 + fixed_width),
            _ => usize::MAX,
        };
        for (name, value) in &self.values {
            let before = values.len();
            push_value(&mut values, name, *value, value.abs() > 1e-3);
            if values.len() > room {
                values.truncate(before);
                break;
            }
        }
        let cells = BAR.min(room - values.len());
        let done = match self.steps {
            0 => cells,
            steps => cells * self.seen.min(steps) / steps,
        };

        let text = &mut self.text;
        text.clear();
        text.extend(std::iter::repeat_n('\u{8}', self.width));
        let _ = write!(text, "\r\x1b[1m{count}\x1b[0m ");
        if done > 0 {
            let _ = write!(text, "\x1b[32m{}\x1b[0m", "━".repeat(done));
        }
        let _ =
            write!(text, "\x1b[37m{}\x1b[0m \x1b[1m{time}\x1b[0m {step}{values}", "━".repeat(cells - done));
        let width = fixed_width + cells + values.len();
        text.extend(std::iter::repeat_n(' ', self.width.saturating_sub(width)));
        if last {
            text.push('\n');
        }
        self.width = width;
        self.show(output);
    }

    /// A closed output is no reason to end the training.
    fn show(&self, output: &mut dyn Write) {
        let _ = output.write_all(self.text.as_bytes());
        let _ = output.flush();
    }
}

fn push_value(text: &mut String, name: &str, value: f64, large: bool) {
    let value = if large { fixed(value, 4) } else { scientific(value, 4) };
    text.extend([" - ", name, ": ", &value]);
}

fn duration(seconds: f64) -> String {
    if seconds >= 1.0 || seconds == 0.0 {
        format!("{seconds:.0}s/step")
    } else if seconds >= 1e-3 {
        format!("{:.0}ms/step", seconds * 1e3)
    } else {
        format!("{:.0}us/step", seconds * 1e6)
    }
}

fn remaining(seconds: f64) -> String {
    let whole = seconds as u64;
    if seconds > 3600.0 {
        format!("{}:{:02}:{:02}", whole / 3600, whole % 3600 / 60, whole % 60)
    } else if seconds > 60.0 {
        format!("{}:{:02}", whole / 60, whole % 60)
    } else {
        format!("{whole}s")
    }
}

#[cfg(test)]
mod tests {
    use super::super::callbacks::traces;
    use super::*;

    fn text(
        columns: Option<usize>,
        style: Style,
        show: impl FnOnce(&mut Progress, &mut dyn Write),
    ) -> String {
        let mut bytes = Vec::new();
        show(&mut Progress::with(style, columns), &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    fn logs<const N: usize>(values: [(&str, f64); N]) -> Logs {
        values.map(|(name, value)| (name.to_owned(), value)).into()
    }

    #[test]
    fn lines_and_bars_are_those_of_keras() {
        for trace in traces::of("progress") {
            // Petal knows the number of steps.
            let Some(steps) = trace["steps"].as_u64() else { continue };
            let count = |key: &str| trace[key].as_u64().unwrap() as usize;
            let style = if trace["verbose"] == 1 { Style::Bar } else { Style::Lines };
            let seconds = |value: &serde_json::Value| Duration::from_secs_f64(value.as_f64().unwrap());
            let batches = trace["batches"].as_array().unwrap();
            // Of an epoch that ends before its last step, Keras says that it took all steps; Petal doesn't.
            let cut_short = batches.len() < steps as usize;
            let text = text(None, style, |progress, output| {
                progress.epoch(output, count("epoch"), count("epochs"), steps as usize);
                for (i, batch) in batches.iter().enumerate() {
                    progress.step_at(
                        output,
                        seconds(&batch["seconds"]),
                        i + 1,
                        &traces::logs(&batch["logs"]),
                    );
                }
                if !cut_short {
                    progress.finish_at(output, seconds(&trace["end_seconds"]), &traces::logs(&trace["logs"]));
                }
            });
            let mut expected = trace["text"].as_str().unwrap();
            if cut_short {
                expected = &expected[..expected.rfind('\r').unwrap()];
                expected = expected.trim_end_matches('\u{8}');
            }
            assert_eq!(text, expected, "{}", trace["case"]);
        }
    }

    #[test]
    fn an_epoch_that_was_cut_short_shows_its_steps() {
        let text = text(None, Style::Lines, |progress, output| {
            progress.epoch(output, 0, 5, 100);
            progress.step_at(output, Duration::from_secs(1), 1, &Logs::new());
            progress.step_at(output, Duration::from_secs(3), 2, &Logs::new());
            progress.finish_at(output, Duration::from_secs(3), &logs([("loss", 1.5)]));
        });
        assert_eq!(text, "Epoch 1/5\n  2/100 - 3s - 2s/step - loss: 1.5000\n");
    }

    #[test]
    fn the_bar_gives_way_in_a_narrow_terminal_and_then_the_values() {
        let width = |columns: usize| {
            let text = text(Some(columns), Style::Bar, |progress, output| {
                progress.epoch(output, 0, 1, 10);
                progress.step_at(
                    output,
                    Duration::from_secs(1),
                    5,
                    &logs([("accuracy", 0.5), ("loss", 1.5)]),
                );
            });
            let (mut visible, mut escape) = (0, false);
            for character in text.chars() {
                match character {
                    '\x1b' => escape = true,
                    'm' if escape => escape = false,
                    '\r' => {}
                    _ if !escape => visible += 1,
                    _ => {}
                }
            }
            (visible, text.matches('━').count(), text.contains("accuracy"), text.contains("loss"))
        };
        assert_eq!(width(200), (74, 20, true, true));
        assert_eq!(width(60), (59, 5, true, true));
        assert_eq!(width(50), (49, 10, true, false));
        assert_eq!(width(30), (29, 9, false, false));
        assert_eq!(width(1).1, 0);
    }

    #[test]
    fn silence_is_silent() {
        let text = text(None, Style::Silent, |progress, output| {
            progress.epoch(output, 0, 2, 1);
            progress.step_at(output, Duration::from_secs(1), 1, &logs([("loss", 1.0)]));
            progress.finish_at(output, Duration::from_secs(1), &logs([("loss", 1.0)]));
        });
        assert_eq!(text, "");
    }
}
