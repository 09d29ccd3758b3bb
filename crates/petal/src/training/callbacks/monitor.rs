use super::{Logs, Training};
use crate::{Error, Result};

/// Whether smaller or larger values of a monitored figure are better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By the figure's name, with or without `val_`: a loss should fall, the model's metrics should rise.
    #[default]
    Auto,
    /// Smaller is better.
    Min,
    /// Larger is better.
    Max,
}

/// The figure that a callback watches, and what counts as better.
#[derive(Clone, Debug)]
pub(super) struct Monitor {
    pub name: String,
    pub mode: Mode,
    pub min_delta: f64,
    /// Known once training has begun.
    rises: bool,
    warned: bool,
}

/// The setters of a callback that has a [`Monitor`].
macro_rules! monitor_setters {
    () => {
        /// The figure to watch, by its name in the logs.
        pub fn monitor(mut self, name: impl Into<String>) -> Self {
            self.monitor.name = name.into();
            self
        }

        /// Whether it should fall or rise.
        pub fn mode(mut self, mode: Mode) -> Self {
            self.monitor.mode = mode;
            self
        }
    };
    (min_delta) => {
        monitor_setters!();

        /// What an improvement must be more than; the sign doesn't matter.
        pub fn min_delta(mut self, min_delta: f64) -> Self {
            self.monitor.min_delta = min_delta;
            self
        }
    };
}
pub(super) use monitor_setters;

impl Monitor {
    pub(super) fn new(min_delta: f64) -> Self {
        Monitor { name: "val_loss".into(), mode: Mode::Auto, min_delta, rises: false, warned: false }
    }

    /// Finds the direction.
    ///
    /// # Errors
    /// If it is to be found by the name, and this is neither a loss nor a metric of the model.
    pub(super) fn begin(&mut self, training: &Training<'_>) -> Result<()> {
        self.warned = false;
        if !self.min_delta.is_finite() {
            return Err(Error::argument("min_delta", self.min_delta, "a finite number"));
        }
        let name = self.name.strip_prefix("val_").unwrap_or(&self.name);
        self.rises = match self.mode {
            Mode::Min => false,
            Mode::Max => true,
            Mode::Auto if name == "loss" => false,
            Mode::Auto if training.metrics().iter().any(|metric| metric.name() == name) => true,
            Mode::Auto => {
                let known: Vec<_> = training.metrics().iter().map(|metric| metric.name()).collect();
                let expected = format!(
                    "loss or a metric of the model ({}), with or without val_; for another figure give its direction, \
                     mode(Mode::Min) or mode(Mode::Max)",
                    known.join(", ")
                );
                return Err(Error::argument("monitor", &self.name, expected));
            }
        };
        Ok(())
    }

    /// The figure's value in this epoch. Says once a training that there is none, unless the epoch was cut short.
    pub(super) fn value(&mut self, logs: &Logs, callback: &str, training: &mut Training<'_>) -> Option<f64> {
        let value = logs.get(&self.name).copied();
        if value.is_none() && !self.warned && !training.is_cut_short() {
            self.warned = true;
            let known = logs.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            training.say(&format!(
                "\nwarning: {callback} monitors {}, which this epoch doesn't have; it has {known}",
                self.name
            ));
        }
        value
    }

    /// Whether `value` is better than `reference` by more than `min_delta`; anything is better than none. Compares
    /// in f32, as Keras does.
    pub(super) fn improves(&self, value: f64, reference: Option<f64>) -> bool {
        let Some(reference) = reference else { return true };
        let delta = self.min_delta.abs();
        if self.rises {
            (value - delta) as f32 > reference as f32
        } else {
            ((value + delta) as f32) < reference as f32
        }
    }
}
