//! One program on two engines.

use std::sync::Arc;

use super::models::Numbers;
use super::{Reference, TOLERANCE, weights_of};
use crate::model::Model;
use crate::program::{Engine, Gradient, Mode, Passes, Program, Run, Samples};
use crate::random::{Generator, Key};

/// The largest batch that programs are loaded for.
const BATCH: usize = 5;

/// What the programs are called with: a full batch, then one that has fewer samples, in another epoch.
const CALLS: [(&[usize], usize); 2] = [(&[4, 8, 15, 16, 23], 0), (&[3, 42, 7], 2)];

const SEED: u64 = 9;

/// How much was compared.
#[derive(Clone, Default)]
pub(super) struct Compared {
    pub numbers: usize,
    pub largest_difference: f32,
    /// What differs most.
    pub of: String,
}

/// The engine under test and the reference, each with the programs and weights of one model.
pub(super) struct Pair<'a> {
    make: &'a dyn Fn() -> Box<dyn Engine>,
    engine: Box<dyn Engine>,
    reference: Reference,
    numbers: Numbers,
    weights: Arc<Vec<f32>>,
    compared: Compared,
}

impl<'a> Pair<'a> {
    pub(super) fn new(make: &'a dyn Fn() -> Box<dyn Engine>, model: &Model, numbers: Numbers) -> Self {
        Pair {
            make,
            engine: make(),
            reference: Reference::default(),
            numbers,
            weights: Arc::new(weights_of(model)),
            compared: Compared::default(),
        }
    }

    /// Calls the engine's program and the reference's, which are to do the same.
    pub(super) fn run(&mut self, program: Program, reference: Program) -> Result<Compared, String> {
        self.compared = Compared::default();
        self.restart();
        let loaded = self.load(program.clone(), reference)?;
        for (number, (samples, epoch)) in CALLS.into_iter().enumerate() {
            let run = Run { samples, epoch, seed: SEED };
            let inputs = self.inputs(&program, samples.len());
            // The second time bytes come as the floats that they are.
            let inputs = inputs.each_ref(number == 0);
            self.forward(loaded, run, [inputs, inputs])?;
            self.compare_forward(loaded, &program, samples.len())?;
            self.compare_backward(loaded, &program, run)?;
        }
        Ok(self.compared.clone())
    }

    /// Trains with a program in two parts, the first of which makes the input of the second.
    pub(super) fn run_in_two_parts(&mut self, model: &Model) -> Result<Compared, String> {
        self.compared = Compared::default();
        let (Some(first), second) = model.program(Mode::Train, Gradient::Weights).cut_at_frozen_prefix()
        else {
            return Ok(Compared::default());
        };
        self.restart();
        let [firsts, seconds] =
            [self.load(first.clone(), first.clone())?, self.load(second.clone(), second.clone())?];
        for (samples, epoch) in CALLS {
            let run = Run { samples, epoch, seed: SEED };
            let inputs = self.inputs(&first, samples.len());
            let inputs = inputs.each_ref(true);
            self.forward(firsts, run, [inputs, inputs])?;
            self.compare_forward(firsts, &first, samples.len())?;
            let made = self.engine.output(firsts[0], samples.len()).to_vec();
            let expected = self.reference.output(firsts[1], samples.len()).to_vec();
            self.forward(seconds, run, [(&made).into(), (&expected).into()])?;
            self.compare_forward(seconds, &second, samples.len())?;
            self.compare_backward(seconds, &second, run)?;
        }
        Ok(self.compared.clone())
    }

    /// Predicts on an engine of its own, which may compute once what depends on the weights alone.
    pub(super) fn run_with_fixed_weights(&mut self, model: &Model) -> Result<Compared, String> {
        self.compared = Compared::default();
        let program = model.program(Mode::Infer, Gradient::None);
        let simplified = program.clone().simplify(Passes::default());
        self.engine = (self.make)();
        let loaded = self.load(simplified, program.clone())?;
        self.restart();
        self.engine.fix_weights();
        for (samples, epoch) in CALLS {
            let inputs = self.inputs(&program, samples.len());
            let inputs = inputs.each_ref(true);
            self.forward(loaded, Run { samples, epoch, seed: SEED }, [inputs, inputs])?;
            self.compare_forward(loaded, &program, samples.len())?;
        }
        Ok(self.compared.clone())
    }

    fn restart(&mut self) {
        self.engine.set_weights(self.weights.clone());
        self.reference.set_weights(self.weights.clone());
    }

    /// The programs' numbers, the engine's first.
    fn load(&mut self, program: Program, reference: Program) -> Result<[usize; 2], String> {
        let loaded =
            self.engine.load(program, BATCH).map_err(|problem| format!("it isn't loaded: {problem}"))?;
        let expected = self.reference.load(reference, BATCH).map_err(|problem| problem.to_string())?;
        Ok([loaded, expected])
    }

    fn forward(
        &mut self,
        [program, reference]: [usize; 2],
        run: Run<'_>,
        [inputs, expected]: [Samples<'_>; 2],
    ) -> Result<(), String> {
        self.reference.forward(reference, run, expected).map_err(|problem| problem.to_string())?;
        self.engine.forward(program, run, inputs).map_err(|problem| format!("forward: {problem}"))
    }

    /// Compares what there is to be seen after a forward call.
    fn compare_forward(
        &mut self,
        [program, reference]: [usize; 2],
        description: &Program,
        samples: usize,
    ) -> Result<(), String> {
        let Pair { engine, reference: expected, compared, .. } = self;
        let found = engine.output(program, samples);
        compared.tensor("the output", found, expected.output(reference, samples), 0.0)?;
        let (found, _) = engine.loss(program, samples);
        let (start, _) = expected.loss(reference, samples);
        compared.tensor("what the loss starts from", found, start, 0.0)?;
        let ([found, _], [watched, _]) =
            (engine.watched(program, samples), expected.watched(reference, samples));
        compared.tensor("the watched value", found, watched, 0.0)?;
        if description.mode.trains() {
            self.compare_weights(description, "after the forward call")?;
        }
        Ok(())
    }

    /// Hands both the same gradient of a loss, and compares what becomes of it.
    fn compare_backward(
        &mut self,
        [program, reference]: [usize; 2],
        description: &Program,
        run: Run<'_>,
    ) -> Result<(), String> {
        let samples = run.batch();
        let mut generator = generator("gradient", samples);
        {
            let (_, found) = self.engine.loss(program, samples);
            let (_, expected) = self.reference.loss(reference, samples);
            let (found, expected) = match (found, expected) {
                (None, None) => return Ok(()),
                (Some(found), Some(expected)) if found.len() == expected.len() => (found, expected),
                (found, expected) => {
                    let [found, expected] = [found, expected].map(|d| d.map_or(0, |d| d.len()));
                    return Err(format!(
                        "the place for the loss's gradient has {found} numbers; expected {expected}"
                    ));
                }
            };
            for (found, expected) in found.iter_mut().zip(expected) {
                *expected = generator.normal();
                *found = *expected;
            }
        }
        self.reference.backward(reference, run).map_err(|problem| problem.to_string())?;
        self.engine.backward(program, run).map_err(|problem| format!("backward: {problem}"))?;
        if description.gradient == Gradient::Watched {
            let [_, found] = self.engine.watched(program, samples);
            let [_, expected] = self.reference.watched(reference, samples);
            self.compared.tensor("the gradient by the watched value", found, expected, 0.0)?;
        }
        if description.gradient == Gradient::Weights {
            self.compare_gradients([program, reference], description)?;
            let rule = &mut |weights: &mut [f32], gradients: &[f32]| {
                let mut gradients = gradients.iter();
                for weight in description.weights.iter().filter(|weight| weight.trainable) {
                    for (weight, gradient) in weights[weight.range()].iter_mut().zip(&mut gradients) {
                        *weight -= 0.01 * gradient;
                    }
                }
            };
            self.engine.update(program, rule);
            self.reference.update(reference, rule);
            self.compare_weights(description, "after the update")?;
        }
        Ok(())
    }

    fn compare_gradients(
        &mut self,
        [program, reference]: [usize; 2],
        description: &Program,
    ) -> Result<(), String> {
        let (found, expected) = (self.engine.gradients(program), self.reference.gradients(reference));
        if found.len() != expected.len() {
            return Err(format!("the gradients have {} numbers; expected {}", found.len(), expected.len()));
        }
        let (least, mut start) = (0.1 * largest(expected), 0);
        for weight in description.weights.iter().filter(|weight| weight.trainable) {
            let range = start..start + weight.range().len();
            start = range.end;
            let what = format!("the gradient by '{}'", weight.path);
            self.compared.tensor(&what, &found[range.clone()], &expected[range], least)?;
        }
        Ok(())
    }

    fn compare_weights(&mut self, description: &Program, when: &str) -> Result<(), String> {
        let (found, expected) = (self.engine.weights(), self.reference.weights());
        if found.len() != expected.len() {
            return Err(format!("the weights are {} numbers; expected {}", found.len(), expected.len()));
        }
        for weight in &description.weights {
            let what = format!("'{}' {when}", weight.path);
            self.compared.tensor(&what, &found[weight.range()], &expected[weight.range()], 0.0)?;
        }
        Ok(())
    }

    /// Samples of the program's input, drawn anew for each number of samples.
    fn inputs(&self, program: &Program, samples: usize) -> Inputs {
        let floats = self.numbers.draw(samples, samples * program.values[program.input].elements());
        let bytes = match self.numbers {
            Numbers::Bytes => Some(floats.iter().map(|&value| value as u8).collect()),
            Numbers::Unit | Numbers::Normal => None,
        };
        Inputs { bytes, floats }
    }
}

impl Numbers {
    /// So many numbers, drawn anew for each number of samples.
    pub(super) fn draw(self, samples: usize, count: usize) -> Vec<f32> {
        let mut generator = generator("inputs", samples);
        let draw = |_| match self {
            Numbers::Bytes => generator.below(256) as f32,
            Numbers::Unit => generator.uniform(),
            Numbers::Normal => generator.normal(),
        };
        (0..count).map(draw).collect()
    }
}

struct Inputs {
    bytes: Option<Vec<u8>>,
    floats: Vec<f32>,
}

impl Inputs {
    fn each_ref(&self, as_bytes: bool) -> Samples<'_> {
        match &self.bytes {
            Some(bytes) if as_bytes => bytes.as_slice().into(),
            _ => (&self.floats).into(),
        }
    }
}

fn generator(what: &str, samples: usize) -> Generator {
    Key::new(7).named("conformance").named(what).number(samples as u64).generator()
}

fn largest(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |largest, value| largest.max(value.abs()))
}

impl Compared {
    /// Compares numbers that belong together; `least` is what the largest of them counts as at least.
    fn tensor(&mut self, what: &str, found: &[f32], expected: &[f32], least: f32) -> Result<(), String> {
        if found.len() != expected.len() {
            return Err(format!("{what} has {} numbers; expected {}", found.len(), expected.len()));
        }
        let scale = largest(expected).max(least).max(1e-3);
        self.numbers += expected.len();
        for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
            let difference = (found - expected).abs() / scale;
            let agree = difference <= TOLERANCE || (found.is_nan() && expected.is_nan());
            if !agree {
                return Err(format!(
                    "number {place} of {what} is {found}; expected {expected} ± {}",
                    TOLERANCE * scale
                ));
            }
            if difference > self.largest_difference {
                (self.largest_difference, self.of) = (difference, what.to_owned());
            }
        }
        Ok(())
    }
}
