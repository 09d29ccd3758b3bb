//! The command `petal`: arguments in, a run's folder out.

mod args;
mod checkpoint;
mod class_names;
mod data;
mod download;
mod evaluate;
mod explain;
mod interrupt;
mod lecture;
mod load;
mod model_file;
mod networks;
mod output;
mod photo_folder;
mod photo_list;
mod predict;
mod progress;
mod run_folder;
mod sample_data;
mod settings;
mod shell;
mod show;
mod summary;
mod train;

use std::io::Write;
use std::process::ExitCode;

use args::{Cli, Command};

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

fn main() -> ExitCode {
    let cli = Cli::read();
    let mut pool = rayon::ThreadPoolBuilder::new();
    if let Some(threads) = cli.threads {
        pool = pool.num_threads(threads);
    }
    let outcome = match pool.build_global() {
        Err(error) => Err(error.into()),
        Ok(()) => match cli.command {
            Command::Train(args) => train::run(*args),
            Command::Lecture(args) => lecture::run(&args),
            Command::Evaluate(args) => evaluate::run(&args),
            Command::Predict(args) => predict::run(&args),
            Command::Summary(args) => summary::run(&args),
            Command::Explain(args) => explain::run(&args),
            Command::Show(args) => show::run(&args),
            Command::Download(args) => download::run(&args),
            Command::SampleData(args) => sample_data::run(&args),
        },
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        // The reader of our output has gone away (`petal predict … | head`): that is no fault of ours.
        Err(error) if is_broken_pipe(&*error) => ExitCode::from(SUCCESS),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "petal: {error}");
            ExitCode::from(FAILURE)
        }
    }
}

fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
