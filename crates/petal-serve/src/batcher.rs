//! Photos of requests that come together go through the model together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use petal::training::Predictor;
use petal::{Error, Result};
use tokio::sync::oneshot;

use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::served::Served;
use crate::settings::Settings;

/// A thread with a model. It ends when the last of those who may ask it is gone.
#[derive(Clone, Debug)]
pub struct Batcher {
    jobs: Sender<Job>,
}

struct Job {
    pixels: Vec<f32>,
    answer: oneshot::Sender<Result<Classified>>,
}

/// What the model says of a photo.
pub struct Classified {
    pub probabilities: Vec<f32>,
    /// How familiar it looks.
    pub familiarity: f32,
}

impl Batcher {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the model can't predict, or the system has no thread.
    pub fn start(served: &Served, settings: &Settings, metrics: Metrics) -> Result<Self> {
        let name = served.name();
        let (size, delay) = (settings.batch_size.max(1), settings.batch_delay);
        let predictor = served.predictor(size)?;
        let (jobs, queue) = channel();
        thread::Builder::new()
            .name(format!("model {name}"))
            .spawn(move || work(&queue, predictor, size, delay, &metrics))
            .map_err(|error| Error::Model(format!("'{name}' cannot be served: no thread for it: {error}")))?;
        Ok(Batcher { jobs })
    }

    /// What the model says of one photo's pixels. Whoever asks holds a place in the server's queue, so
    /// that the jobs stay few.
    pub async fn classify(&self, pixels: Vec<f32>) -> Result<Classified, Problem> {
        let (answer, waits) = oneshot::channel();
        let gone = || Problem::internal("the model's thread has ended; start the server anew");
        self.jobs.send(Job { pixels, answer }).map_err(|_| gone())?;
        waits.await.map_err(|_| gone())?.map_err(|error| Problem::internal(error.to_string()))
    }
}

fn work(queue: &Receiver<Job>, mut predictor: Predictor, size: usize, delay: Duration, metrics: &Metrics) {
    let mut pixels = Vec::new();
    while let Ok(first) = queue.recv() {
        let mut batch = collect(queue, first, size, delay);
        // Who has given up waiting needs no answer.
        batch.retain(|job| !job.answer.is_closed());
        if batch.is_empty() {
            continue;
        }
        pixels.clear();
        batch.iter().for_each(|job| pixels.extend_from_slice(&job.pixels));
        metrics.batch(batch.len());
        // A fault of the program costs these photos, and not all that come after them.
        let answers = catch_unwind(AssertUnwindSafe(|| {
            let probabilities = predictor.probabilities(&pixels)?;
            Ok((probabilities, predictor.familiarity()))
        }));
        let answers =
            answers.unwrap_or_else(|_| Err(Error::Model("the model failed on these photos".into())));
        match answers {
            Ok((probabilities, familiarities)) => {
                for ((job, row), familiarity) in
                    batch.into_iter().zip(probabilities.rows()).zip(familiarities)
                {
                    let _ = job.answer.send(Ok(Classified { probabilities: row.to_vec(), familiarity }));
                }
            }
            Err(error) => {
                let problem = error.to_string();
                for job in batch {
                    let _ = job.answer.send(Err(Error::Model(problem.clone())));
                }
            }
        }
    }
}

/// The first job with those that are there already, or come within `delay`.
fn collect(queue: &Receiver<Job>, first: Job, size: usize, delay: Duration) -> Vec<Job> {
    let end = Instant::now() + delay;
    let mut batch = vec![first];
    while batch.len() < size {
        match queue.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(job) => batch.push(job),
            Err(_) => break,
        }
    }
    batch
}
