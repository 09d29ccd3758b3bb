//! `--profile`: where the time of a command goes.

use std::path::Path;

use petal::PathText;
use petal::model::Model;
use petal::profile::Profile;

use crate::terminal::{say, say_lines, warn};

/// Begins to measure what the model does, if that is asked for.
pub fn begin(is_asked_for: bool, model: &mut Model) -> Option<Profile> {
    let profile = is_asked_for.then(Profile::new)?;
    model.set_profile(&profile);
    Some(profile)
}

/// Says the table and writes the trace into this file, if something was measured.
pub fn end(profile: Option<Profile>, trace: &Path) {
    let Some(profile) = profile else { return };
    say_lines(format_args!("\n{profile}"));
    match profile.write_trace(trace) {
        Ok(()) => say!("Trace, for https://ui.perfetto.dev or chrome://tracing: {}", PathText::new(trace)),
        Err(error) => warn(format_args!("no trace: {error}")),
    }
}
