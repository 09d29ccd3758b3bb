//! What a download shows on stderr.

use std::io::{self, Write};

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

use super::Progress;
use crate::printable::printable;

/// For [`GetFile::progress`](super::GetFile::progress): says on stderr, as Keras does, what is downloaded, and on a
/// terminal how far it is. Nothing is shown for a file that is in the cache.
pub fn progress_bar(url: impl Into<String>) -> impl FnMut(Progress) {
    let url = url.into();
    let mut bar: Option<ProgressBar> = None;
    move |progress| {
        let bar = bar.get_or_insert_with(|| {
            // Nobody may be reading.
            let _ = writeln!(io::stderr(), "Downloading data from {}", printable(&url));
            let bar = ProgressBar::no_length().with_finish(ProgressFinish::AndLeave);
            bar.with_style(style("{binary_bytes} {binary_bytes_per_sec}"))
        });
        if let Some(total) = progress.total.filter(|&total| bar.length() != Some(total)) {
            bar.set_length(total);
            bar.set_style(style("{binary_bytes}/{binary_total_bytes} {bar:20} {binary_bytes_per_sec} {eta}"));
        }
        bar.set_position(progress.received);
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("the templates are well-formed");
    style.progress_chars("━━─")
}
