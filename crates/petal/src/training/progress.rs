//! What training shows on stderr.

use super::{Logs, Verbose};

/// The progress of an epoch in Keras' manner.
#[derive(Debug)]
pub(crate) struct Progress {
    verbose: Verbose,
}

impl Progress {
    pub(crate) fn new(verbose: Verbose) -> Self {
        Progress { verbose }
    }

    pub(crate) fn epoch(&mut self, epoch: usize, epochs: usize, _steps: usize) {
        if self.verbose != Verbose::Silent {
            eprintln!("Epoch {}/{epochs}", epoch + 1);
        }
    }

    pub(crate) fn step(&mut self, _step: usize, _logs: &Logs) {}

    pub(crate) fn finish(&mut self, logs: &Logs) {
        if self.verbose != Verbose::Silent {
            eprintln!("{logs:?}");
        }
    }
}
