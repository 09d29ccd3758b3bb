//! What the commands print: answers on stdout, what else there is to say on stderr.
//!
//! Nothing else here prints, so that a closed or full output never panics and no name commands the terminal.

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use petal::printable::{printable, printable_lines};

/// Says a line on stderr. Where it cannot be written it is lost, and the work goes on.
macro_rules! say {
    ($($line:tt)*) => { $crate::terminal::line(format_args!($($line)*)) };
}

/// Answers with a line on stdout. An [`Unanswered`](crate::terminal::Unanswered) where it cannot be written.
macro_rules! answer {
    ($($line:tt)*) => { $crate::terminal::answer_as_is(petal::printable::printable(format_args!($($line)*))) };
}

pub(crate) use {answer, say};

/// Whether anything is said and answered: by one of several ranks.
static SPEAKS: AtomicBool = AtomicBool::new(true);

/// Says and answers from now on, or no longer.
pub fn speak(speaks: bool) {
    SPEAKS.store(speaks, Ordering::SeqCst);
}

/// What `say!` does.
pub fn line(line: fmt::Arguments<'_>) {
    write(&printable(line));
}

/// Says a text of several lines on stderr, as `say!` does. It may end with a line break.
pub fn say_lines(text: impl Display) {
    write(&printable_lines(text.to_string().trim_end_matches('\n')));
}

/// Warns of what must not be missed, even where nothing else is said.
pub fn warn(text: impl Display) {
    // A line break first: there may be a progress bar.
    write(&format_args!("\nwarning: {}", printable_lines(text)));
}

fn write(line: &dyn Display) {
    if !SPEAKS.load(Ordering::SeqCst) {
        return;
    }
    // At once, so that lines of several threads don't mix.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Answers with a text of several lines on stdout, which may end with a line break.
///
/// # Errors
/// If it cannot be written.
pub fn answer_lines(text: impl Display) -> Result<(), Unanswered> {
    answer_as_is(printable_lines(text.to_string().trim_end_matches('\n')))
}

/// Answers with a line on stdout as it is, for programs to read.
///
/// # Errors
/// If it cannot be written.
pub fn answer_as_is(line: impl Display) -> Result<(), Unanswered> {
    if !SPEAKS.load(Ordering::SeqCst) {
        return Ok(());
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(format!("{line}\n").as_bytes()).and_then(|()| stdout.flush()).map_err(Unanswered)
}

/// An answer could not be written to stdout.
#[derive(Debug)]
pub struct Unanswered(pub io::Error);

impl Unanswered {
    /// Whether the reader has gone away (`petal predict … | head`), which is no fault.
    pub fn is_unwanted(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

impl Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write to stdout: {}; what it was to hold is not whole", self.0)
    }
}

impl std::error::Error for Unanswered {}
