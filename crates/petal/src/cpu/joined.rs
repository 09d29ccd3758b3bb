use std::sync::{Arc, Mutex, PoisonError};

use crate::program::Collective;
use crate::{Error, Result};

/// The ranks that an engine has joined, and what has gone wrong among them: operations don't fail, engines do.
#[derive(Debug)]
pub(crate) struct Joined {
    ranks: Arc<dyn Collective>,
    failed: Mutex<Option<Error>>,
}

impl Joined {
    pub(super) fn new(ranks: Arc<dyn Collective>) -> Self {
        Joined { ranks, failed: Mutex::new(None) }
    }

    /// Adds up the ranks' values, number by number.
    pub(super) fn sum(&self, values: &mut [f64]) {
        if let Err(error) = self.ranks.sum(values) {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    /// What went wrong since it was asked last.
    pub(super) fn check(&self) -> Result<()> {
        match self.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}
