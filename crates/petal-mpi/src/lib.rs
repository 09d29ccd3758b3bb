//! Petal on several machines, by MPI: the ranks of a `petal::training::Collective` are the processes that `mpirun` or
//! `srun` has started.
//!
//! ```no_run
//! use std::sync::Arc;
//! use petal::data::ImageFolder;
//! use petal::training::{Collective, Fit};
//! # fn train(mut model: petal::model::Model) -> petal::Result<()> {
//! let ranks: Arc<dyn Collective> = Arc::new(petal_mpi::Mpi::start()?);
//! let photos = ImageFolder::new("flower_photos").batch_size(256).load()?;
//! model.fit(&photos, Fit::epochs(10).ranks(ranks.clone()))?;
//! if ranks.rank() == 0 {
//!     model.save("model.petal")?;
//! }
//! # Ok(())
//! # }
//! ```

mod calls;

use std::fmt;
use std::process;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use calls::{Call, Place, answer_calls};
use petal::training::{Collective, PendingSum};
use petal::{Error, Result};

/// The processes of an MPI job.
///
/// All calls of MPI are made by one thread, in the order in which they were asked for: so the library needs no support of
/// threads, and sums that were begun go on while something else is computed. Sums are added up in the order of the ranks,
/// by whatever algorithm MPI moves the numbers: the same number of ranks gives the same bits each time.
///
/// What fails within MPI ends the whole job, as MPI has it.
pub struct Mpi {
    place: Place,
    calls: Mutex<Sender<Call>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Mpi {
    /// Joins the job. Without `mpirun` that is one rank. Only once in a process.
    ///
    /// # Errors
    /// If MPI cannot be started, or was already.
    pub fn start() -> Result<Mpi> {
        let (calls, asked) = channel();
        let (started, places) = channel();
        let thread = thread::Builder::new().name("mpi".into()).spawn(move || answer_calls(&asked, &started));
        let thread =
            thread.map_err(|error| Error::Training(format!("cannot start a thread for MPI: {error}")))?;
        let place = places.recv().map_err(|_| {
            Error::Training("MPI has been started in this process before; it can be once".into())
        })?;
        Ok(Mpi { place, calls: Mutex::new(calls), thread: Mutex::new(Some(thread)) })
    }

    /// Leaves the job when all ranks do. What is asked for afterwards is an error.
    pub fn finish(&self) {
        self.ask(Call::Finish);
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }

    /// Ends all ranks now.
    pub fn abort(&self, code: u8) -> ! {
        /// Another call may be waiting for ranks that wait for this one.
        const PATIENCE: Duration = Duration::from_secs(2);
        self.ask(Call::Abort(code.into()));
        thread::sleep(PATIENCE);
        // Who has started the ranks sees that, and ends the others.
        process::exit(code.into());
    }

    fn ask(&self, call: Call) {
        // That nobody answers is seen by whoever waits.
        let _ = self.calls.lock().unwrap_or_else(PoisonError::into_inner).send(call);
    }
}

fn wait<T>(answer: &Receiver<T>) -> Result<T> {
    answer.recv().map_err(|_| Error::Training("this rank has left the MPI job already".into()))
}

impl Collective for Mpi {
    fn rank(&self) -> usize {
        self.place.rank
    }

    fn size(&self) -> usize {
        self.place.size
    }

    fn host(&self) -> String {
        self.place.host.clone()
    }

    fn gather(&self, own: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let (to, answer) = channel();
        self.ask(Call::Gather(own, to));
        wait(&answer)
    }

    fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        let (to, answer) = channel();
        self.ask(Call::Broadcast(bytes, to));
        wait(&answer)
    }

    fn sum(&self, values: &mut [f64]) -> Result<()> {
        let (to, answer) = channel();
        self.ask(Call::Sum(values.to_vec(), to));
        values.copy_from_slice(&wait(&answer)?);
        Ok(())
    }

    fn begin_sum(&self, values: Vec<f32>) -> Result<PendingSum> {
        let (to, answer) = channel();
        self.ask(Call::SumMany(values, to));
        Ok(PendingSum::new(move || wait(&answer)))
    }
}

impl fmt::Debug for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<rank {} of {} on {}>", self.place.rank, self.place.size, self.place.host)
    }
}
