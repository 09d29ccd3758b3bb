use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::program::Collective;
use crate::{Error, Result};

/// Ranks that are threads of one process: to try what several machines do.
///
/// ```
/// use std::sync::Arc;
/// use petal::data::ArrayDataset;
/// use petal::layers::*;
/// use petal::model::Model;
/// use petal::training::{Fit, MeanSquaredError, SGD, Threads, Verbose};
/// let data = ArrayDataset::with_targets(ndarray::Array2::ones((64, 2)), ndarray::Array2::ones((64, 1)))?;
/// let train = |rank: Threads| -> petal::Result<f64> {
///     let x = Input::new([2]);
///     let mut model = Model::new(&x, &Dense::new(1).on(&x)?)?;
///     model.compile(SGD::new(0.1), MeanSquaredError::new())?;
///     let history = model.fit(&data, Fit::epochs(2).ranks(Arc::new(rank)).verbose(Verbose::Silent))?;
///     Ok(history.get("loss")?[1])
/// };
/// let losses: Vec<f64> = std::thread::scope(|scope| {
///     let ranks: Vec<_> = Threads::ranks(3).into_iter().map(|rank| scope.spawn(|| train(rank))).collect();
///     ranks.into_iter().map(|rank| rank.join().unwrap()).collect::<petal::Result<_>>()
/// })?;
/// assert!(losses[0] == losses[1] && losses[1] == losses[2]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Debug)]
pub struct Threads {
    rank: usize,
    to: Vec<Sender<Arc<Vec<u8>>>>,
    from: Mutex<Vec<Receiver<Arc<Vec<u8>>>>>,
}

impl Threads {
    /// This many ranks, each for a thread of its own.
    pub fn ranks(size: usize) -> Vec<Threads> {
        let mut ranks: Vec<Threads> =
            (0..size).map(|rank| Threads { rank, to: Vec::new(), from: Mutex::default() }).collect();
        for from in 0..size {
            for to in 0..size {
                let (sender, receiver) = channel();
                ranks[from].to.push(sender);
                ranks[to].from.get_mut().unwrap_or_else(PoisonError::into_inner).push(receiver);
            }
        }
        ranks
    }
}

impl Collective for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.to.len()
    }

    fn host(&self) -> String {
        "this machine".into()
    }

    fn gather(&self, own: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let own = Arc::new(own);
        for to in &self.to {
            // Who has ended is missed below.
            let _ = to.send(own.clone());
        }
        let from = self.from.lock().unwrap_or_else(PoisonError::into_inner);
        let receive = |(rank, from): (usize, &Receiver<Arc<Vec<u8>>>)| match from.recv() {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(_) => Err(Error::Training(format!("rank {rank} has ended before the training has"))),
        };
        from.iter().enumerate().map(receive).collect()
    }
}
