//! Ctrl-C: in training, the first ends it after the current step, the second ends the program. Before, there is nothing
//! to be saved, so the first ends the program.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use std::{io, process, thread};

use petal::training::{Callback, Logs, Training};

use crate::ranks::Ranks;
use crate::terminal::say;
use crate::{Failure, INTERRUPTED};

static SIGNALS: AtomicUsize = AtomicUsize::new(0);
static TRAINING: AtomicBool = AtomicBool::new(false);
/// Whether a step ends only if other ranks end it, too.
static SEVERAL: AtomicBool = AtomicBool::new(false);
/// Whether the ranks have ended their step.
static ENDED: AtomicBool = AtomicBool::new(false);

/// The longest that is waited for other ranks: one that has died never ends its step.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ends training after the step in which Ctrl-C came, or SIGTERM, or SIGHUP when the terminal is closed.
#[derive(Clone, Copy)]
pub struct Interrupt(());

impl Interrupt {
    /// Begins to listen. Until [`Interrupt::training_begins`], a signal ends the program at once.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn install(ranks: &Ranks) -> io::Result<Self> {
        let several = ranks.size() > 1;
        SEVERAL.store(several, Ordering::SeqCst);
        listen(several)?;
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

    /// Makes it have come here if it came to another rank.
    ///
    /// # Errors
    /// If a rank has ended.
    pub fn share(self, ranks: &Ranks) -> Result<(), Failure> {
        if ranks.any(self.came())? {
            SIGNALS.fetch_max(1, Ordering::SeqCst);
            ENDED.store(true, Ordering::SeqCst);
        }
        Ok(())
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
    if !SEVERAL.load(Ordering::SeqCst) {
        say!("Ending after this step; press Ctrl-C again to end at once without saving.");
        return;
    }
    say!(
        "Told to end, by a signal or since a rank has failed: all ranks end after this step, if they can. What was learned \
         until the last whole epoch is saved, and --resume goes on from there."
    );
    thread::spawn(|| {
        thread::sleep(PATIENCE);
        if !ENDED.load(Ordering::SeqCst) {
            say!("Another rank doesn't end its step; this one ends without it.");
            process::exit(i32::from(INTERRUPTED));
        }
    });
}

#[cfg(unix)]
fn listen(several: bool) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    if several {
        // mpirun hands this one on, while Ctrl-C makes it end its ranks within a second.
        signals.add_signal(SIGUSR1)?;
    }
    if is_heard(SIGHUP) {
        signals.add_signal(SIGHUP)?;
    }
    thread::Builder::new().spawn(move || signals.forever().for_each(|_| signal()))?;
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
fn listen(_several: bool) -> io::Result<()> {
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
