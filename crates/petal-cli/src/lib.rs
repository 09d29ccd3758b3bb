//! The command `petal`: arguments in, a run's folder out.
//!
//! It is a library so that `petal-mpi` can be the same command on several machines, and the Python package have it.

// Both panic where the output is closed or full: see `terminal.rs`.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod calibrate;
mod checkpoint;
mod class_names;
mod clean;
mod compare;
mod csv_field;
mod data;
mod download;
mod evaluate;
mod explain;
mod export;
mod interrupt;
mod lecture;
mod load;
mod model_file;
mod models;
mod optimization;
mod output;
mod page;
mod photo_folder;
mod photo_list;
mod precision;
mod predict;
mod profile;
mod progress;
mod quantize;
mod ranks;
mod run_folder;
mod sample_data;
#[cfg(feature = "serve")]
mod serve;
mod sets;
mod settings;
mod show;
mod summary;
mod terminal;
mod test_set;
mod train;

use std::ffi::OsString;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use args::{Cli, Command};
use petal::training::Collective;
use ranks::Ranks;
use terminal::{Unanswered, say, say_lines};

/// Success; 2, for arguments that cannot be understood, is clap's.
const SUCCESS: u8 = 0;
/// Something failed; stderr says what.
const FAILURE: u8 = 1;
/// Ended by Ctrl-C, with what has been learned saved: 128 + SIGINT, as shells have it.
const INTERRUPTED: u8 = 130;

/// What a command ended with, and why.
type Outcome = Result<u8, Failure>;

/// Why a command, or a part of it, could not be done.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The command on one machine.
pub fn main() -> ExitCode {
    ExitCode::from(run(std::env::args_os()))
}

/// The command with these words, of which the first is its own name; what it ends with.
pub fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    outcome(&Ranks::alone(), words).unwrap_or_else(|error| {
        say_lines(format_args!("petal: {error}"));
        FAILURE
    })
}

/// The command as one of several ranks. Where this one fails, `abort` ends all of them with an exit code.
pub fn main_of_rank(all: Arc<dyn Collective>, abort: impl FnOnce(u8)) -> ExitCode {
    /// What fails on all ranks alike is said by the first, which ends the others within this time.
    const GRACE: Duration = Duration::from_secs(5);
    let (leads, rank) = (all.rank() == 0, format!("rank {} on {}", all.rank(), all.host()));
    terminal::speak(leads);
    match Ranks::new(all).and_then(|ranks| outcome(&ranks, std::env::args_os())) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            if !leads {
                std::thread::sleep(GRACE);
                terminal::speak(true);
            }
            let of_rank = if leads { String::new() } else { format!("{rank}: ") };
            say_lines(format_args!("petal: {of_rank}{error}"));
            abort(FAILURE);
            ExitCode::from(FAILURE)
        }
    }
}

fn outcome(ranks: &Ranks, words: impl IntoIterator<Item = OsString>) -> Outcome {
    match parse_and_run(ranks, words) {
        Err(error) if error.downcast_ref().is_some_and(Unanswered::is_unwanted) => Ok(SUCCESS),
        outcome => outcome,
    }
}

fn parse_and_run(ranks: &Ranks, words: impl IntoIterator<Item = OsString>) -> Outcome {
    let cli = match Cli::read(words) {
        Ok(cli) => cli,
        Err(_) if !ranks.leads() => return Ok(SUCCESS),
        Err(mistake) if mistake.use_stderr() => {
            say_lines(mistake.render().to_string().trim_end());
            return Ok(mistake.exit_code() as u8);
        }
        // What --help and --version ask for comes as an error, too.
        Err(help) => return help.print().map(|()| SUCCESS).map_err(|error| Unanswered(error).into()),
    };
    start_threads(cli.threads, ranks)?;
    match cli.command {
        Command::Train(args) => train::run(*args, ranks),
        _ if ranks.size() > 1 => {
            Err("only `petal train` is for several ranks; start this command without mpirun".into())
        }
        Command::Lecture(args) => lecture::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Clean(args) => clean::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Summary(args) => summary::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Quantize(args) => quantize::run(&args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Download(args) => download::run(&args),
        Command::SampleData(args) => sample_data::run(&args),
    }
}

/// Starts the threads that all work is shared among.
fn start_threads(wanted: Option<usize>, ranks: &Ranks) -> Result<(), String> {
    /// More don't make anything faster.
    const PER_CORE: usize = 4;
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = wanted.unwrap_or(ranks.threads).min(PER_CORE * cores);
    if let Some(wanted) = wanted.filter(|&wanted| wanted > threads) {
        say!("--threads {wanted}: {threads} are used, {PER_CORE} for each core");
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().map_err(|error| {
        format!(
            "cannot start {threads} threads: {error}; ask for fewer with --threads, or end other programs"
        )
    })
}
