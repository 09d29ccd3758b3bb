//! The command `petal` on several machines.

use std::process::ExitCode;
use std::sync::Arc;

use petal_mpi::Mpi;

fn main() -> ExitCode {
    let ranks = match Mpi::start() {
        Ok(ranks) => Arc::new(ranks),
        // Without MPI it is the command on one machine.
        Err(_) => return petal_cli::main(),
    };
    let aborting = ranks.clone();
    let code = petal_cli::main_of_rank(ranks.clone(), move |code| aborting.abort(code));
    ranks.finish();
    code
}
