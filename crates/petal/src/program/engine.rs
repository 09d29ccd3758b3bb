use std::sync::Arc;

use super::{Collective, Program, Run};
use crate::{Error, Result};

/// Something that runs programs: it owns the memory between input and output, and the weights while it has them.
///
/// An engine gets programs, numbered in the order in which they are loaded, and one set of weights that all of them
/// share: training and validation are two programs on the same weights. Samples are rows of a batch; a call may have
/// fewer of them than the program was loaded for.
///
/// ```
/// use petal::cpu::Cpu;
/// use petal::layers::*;
/// use petal::model::Model;
/// use petal::program::{Engine, Gradient, Mode, Run};
///
/// let x = Input::new([3]);
/// let model = Model::new(&x, &Dense::new(2).on(&x)?)?;
/// let mut engine = Cpu::default();
/// let program = engine.load(model.program(Mode::Infer, Gradient::None), 8)?;
/// engine.set_weights(model.shared_weights());
/// engine.forward(program, Run { samples: &[0], epoch: 0, seed: 0 }, (&[1.0, 2.0, 3.0][..]).into())?;
/// assert_eq!(engine.output(program, 1).len(), 2);
/// # Ok::<(), petal::Error>(())
/// ```
pub trait Engine: Send {
    /// Gets ready to run `program` on up to `batch` samples. Returns its number. The program's
    /// [`dtype_policy`](Program::dtype_policy) says what may be rounded; an engine may compute with 32 bits all the same.
    ///
    /// # Errors
    /// If there is too little memory for it, or an operation that the engine doesn't have.
    fn load(&mut self, program: Program, batch: usize) -> Result<usize>;

    /// Takes these weights, those of all layers one after the other.
    fn set_weights(&mut self, weights: Arc<Vec<f32>>);

    /// The weights as they are now.
    fn weights(&mut self) -> Arc<Vec<f32>>;

    /// Says that the weights will stay as they are, so that what depends on them alone may be computed once.
    fn fix_weights(&mut self) {}

    /// Computes the values of the program for `inputs`, `[run.batch(), …]`. In [`Mode::Train`](super::Mode::Train) with
    /// gradients the moving statistics move.
    ///
    /// # Errors
    /// If the engine fails.
    fn forward(&mut self, program: usize, run: Run<'_>, inputs: Samples<'_>) -> Result<()>;

    /// The output of the last forward call, `[samples, …]`.
    fn output(&mut self, program: usize, samples: usize) -> &[f32];

    /// The watched value of the last forward call and, after a backward call, its gradient; empty where the program has
    /// none.
    fn watched(&mut self, program: usize, samples: usize) -> [&[f32]; 2];

    /// What a loss reads, the values at [`Program::start`], and where it writes its gradient by them, both
    /// `[samples, …]`; no gradient if the program needs none.
    fn loss(&mut self, program: usize, samples: usize) -> (&[f32], Option<&mut [f32]>);

    /// Computes the gradients from the one that the loss has left.
    ///
    /// # Errors
    /// If the engine fails.
    fn backward(&mut self, program: usize, run: Run<'_>) -> Result<()>;

    /// As [`backward`](Engine::backward), and says as early as may be which gradients are there: `finished` gets the place
    /// from which on all are, and those.
    ///
    /// # Errors
    /// If the engine or `finished` fails.
    fn backward_in_parts(
        &mut self,
        program: usize,
        run: Run<'_>,
        finished: &mut dyn FnMut(usize, &[f32]) -> Result<()>,
    ) -> Result<()> {
        self.backward(program, run)?;
        finished(0, self.gradients(program))
    }

    /// Computes the statistics of batches, where a normalization takes them, over all ranks from now on. A rank may then
    /// have no sample of a batch, and is called all the same.
    ///
    /// # Errors
    /// If the engine doesn't do that; this is the default.
    fn join(&mut self, _ranks: Arc<dyn Collective>) -> Result<()> {
        Err(Error::Training(
            "the model's engine computes the statistics of batch normalizations on one machine only; freeze them, or train \
             on one machine"
                .into(),
        ))
    }

    /// The gradients by the weights that train, one after the other in the order of the weights: to look at them, or to
    /// change them before [`update`](Engine::update).
    fn gradients(&mut self, program: usize) -> &mut [f32];

    /// Changes the weights by the gradients: `rule` gets both as the host sees them.
    fn update(&mut self, program: usize, rule: &mut dyn FnMut(&mut [f32], &[f32]));
}

/// The inputs of a batch where they are.
#[derive(Clone, Copy, Debug)]
pub enum Samples<'a> {
    /// Any numbers.
    Floats(&'a [f32]),
    /// Whole numbers of 0..=255, as photos have.
    Bytes(&'a [u8]),
}

impl Samples<'_> {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Samples::Floats(values) => values.len(),
            Samples::Bytes(values) => values.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at this place.
    pub fn get(&self, index: usize) -> f32 {
        match self {
            Samples::Floats(values) => values[index],
            Samples::Bytes(values) => f32::from(values[index]),
        }
    }
}

impl<'a> From<&'a [f32]> for Samples<'a> {
    fn from(values: &'a [f32]) -> Self {
        Samples::Floats(values)
    }
}

impl<'a> From<&'a Vec<f32>> for Samples<'a> {
    fn from(values: &'a Vec<f32>) -> Self {
        Samples::Floats(values)
    }
}

impl<'a> From<&'a [u8]> for Samples<'a> {
    fn from(values: &'a [u8]) -> Self {
        Samples::Bytes(values)
    }
}
