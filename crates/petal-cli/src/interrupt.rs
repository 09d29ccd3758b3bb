//! Ctrl-C: in training, the first ends it after the current step, the second ends the program. Before, there is nothing
//! to be saved, so the first ends the program.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{io, process};

use petal::training::{Callback, Logs, Training};

use crate::INTERRUPTED;
use crate::terminal::say;

static SIGNALS: AtomicUsize = AtomicUsize::new(0);
static TRAINING: AtomicBool = AtomicBool::new(false);

/// Ends training after the step in which Ctrl-C came, or SIGTERM, or SIGHUP when the terminal is closed.
#[derive(Clone, Copy)]
pub struct Interrupt(());

impl Interrupt {
    /// Begins to listen. Until [`Interrupt::training_begins`], a signal ends the program at once.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn install() -> io::Result<Self> {
        listen()?;
        Ok(Interrupt(()))
    }

    /// From now on there is something to be saved.
    pub fn training_begins(self) {
        TRAINING.store(true, Ordering::SeqCst);
    }

    /// Whether Ctrl-C came.
    pub fn came(self) -> bool {
        SIGNALS.load(Ordering::SeqCst) > 0
    }

    fn stop(self, training: &mut Training<'_>) {
        if self.came() {
            training.stop_now();
        }
    }
}

/// On each signal.
fn signal() {
    if !TRAINING.load(Ordering::SeqCst) || SIGNALS.fetch_add(1, Ordering::SeqCst) > 0 {
        process::exit(i32::from(INTERRUPTED));
    }
    say!("");
    say!("Ending after this step; press Ctrl-C again to end at once without saving.");
}

#[cfg(unix)]
fn listen() -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    if is_heard(SIGHUP) {
        signals.add_signal(SIGHUP)?;
    }
    std::thread::Builder::new().spawn(move || signals.forever().for_each(|_| signal()))?;
    Ok(())
}

/// Whether the parent process left this signal on; `nohup` turns SIGHUP off, and who asks for it means it.
///
/// Only Linux says so without unsafe code. Elsewhere SIGHUP keeps its own meaning, which nohup's is also part of.
#[cfg(unix)]
fn is_heard(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 << (signal - 1) == 0)
}

#[cfg(not(unix))]
fn listen() -> io::Result<()> {
    ctrlc::set_handler(signal).map_err(io::Error::other)
}

impl Callback for Interrupt {
    fn on_batch_end(&mut self, _step: usize, _logs: &Logs, training: &mut Training<'_>) -> petal::Result<()> {
        self.stop(training);
        Ok(())
    }

    fn on_test_batch_end(&mut self, _step: usize, training: &mut Training<'_>) -> petal::Result<()> {
        self.stop(training);
        Ok(())
    }
}
