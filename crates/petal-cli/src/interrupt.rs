//! Ctrl-C: the first ends training after the current step, the second ends the program.

use std::sync::atomic::{AtomicUsize, Ordering};

use petal::training::{Callback, Logs, Training};

static SIGNALS: AtomicUsize = AtomicUsize::new(0);

/// Ends training after the step in which Ctrl-C (or SIGTERM) came.
#[derive(Clone, Copy)]
pub struct Interrupt(());

impl Interrupt {
    /// Begins to listen.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn install() -> Result<Self, ctrlc::Error> {
        ctrlc::set_handler(|| {
            if SIGNALS.fetch_add(1, Ordering::SeqCst) > 0 {
                std::process::exit(i32::from(crate::INTERRUPTED));
            }
            eprintln!("\nEnding after this step; press Ctrl-C again to end at once without saving.");
        })?;
        Ok(Interrupt(()))
    }

    /// Whether Ctrl-C came.
    pub fn came(self) -> bool {
        SIGNALS.load(Ordering::SeqCst) > 0
    }
}

impl Callback for Interrupt {
    fn on_batch_end(&mut self, _step: usize, _logs: &Logs, training: &mut Training<'_>) -> petal::Result<()> {
        if self.came() {
            training.stop_now();
        }
        Ok(())
    }
}
