//! Does an engine compute what it should?
//!
//! [`check`] runs a list of small models on an engine and on the [`Reference`], and compares everything that an
//! [`Engine`] shows: outputs, what a loss reads, the gradients by the weights and by watched values, moving statistics,
//! and the weights after an update. Together the models have every operation of a
//! [`Program`], in training, in prediction and with augmentation. An engine's own tests need one more:
//!
//! ```
//! use petal::conformance;
//! use petal::cpu::Cpu;
//!
//! let report = conformance::check(|| Box::new(Cpu::default()))?;
//! println!("{report}");
//! # Ok::<(), conformance::Failures>(())
//! ```
//!
//! Numbers may differ by [`TOLERANCE`] of the largest of those that they stand among: f32 rounding, and sums in another
//! order.

mod compare;
mod models;
mod reference;

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use compare::Pair;
use models::CASES;

use crate::model::Model;
use crate::program::{Engine, Gradient, Mode, Passes, Program};
use crate::random::Key;

pub use reference::Reference;

/// How far a number may be from the expected one, as a share of the largest expected one of its tensor.
///
/// A tensor's largest number counts as at least 0.001, and that of a weight's gradient as at least a tenth of the
/// largest of all gradients: what cancels out leaves rounding errors of what it was.
pub const TOLERANCE: f32 = 1e-4;

/// What was compared, of an engine that passes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The number of models.
    pub models: usize,
    /// The number of programs.
    pub programs: usize,
    /// The number of numbers that were compared.
    pub numbers: usize,
    /// The largest difference, as a share of the largest number that it stands among.
    pub largest_difference: f32,
    /// What it is the difference of: the model, what the program is for, and the tensor.
    pub largest_of: String,
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Report { models, programs, numbers, largest_difference, largest_of } = self;
        write!(
            f,
            "{numbers} numbers of {programs} programs of {models} models agree; \
             the largest difference is {largest_difference:.1e}"
        )?;
        if largest_of.is_empty() { Ok(()) } else { write!(f, ", {largest_of}") }
    }
}

/// Something that an engine computes otherwise, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The suite's name for the model.
    pub model: String,
    /// What the program is for.
    pub program: String,
    /// What differs, what was found and what was expected; or the engine's own words.
    pub problem: String,
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Failure { model, program, problem } = self;
        write!(f, "model '{model}', {program}: {problem}")
    }
}

/// All failures of an engine.
#[derive(Clone, PartialEq, Eq)]
pub struct Failures(pub Vec<Failure>);

impl Display for Failures {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("the engine differs from the reference:")?;
        self.0.iter().try_for_each(|failure| write!(f, "\n- {failure}"))
    }
}

/// As [`Display`], so that a test that unwraps says what is wrong.
impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl std::error::Error for Failures {}

/// Runs the suite on engines that `make` makes: one for all programs of a model, so that they share its weights, and one
/// for its prediction with weights that stay as they are.
///
/// # Errors
/// Lists for each program of each model the first thing that differs.
pub fn check(make: impl Fn() -> Box<dyn Engine>) -> Result<Report, Failures> {
    let (mut report, mut failures) = (Report::default(), Vec::new());
    for case in CASES {
        let failed = |program: &str, problem: String| Failure {
            model: case.name.to_owned(),
            program: program.to_owned(),
            problem,
        };
        let model = match (case.build)() {
            Ok(model) => model,
            Err(problem) => {
                failures.push(failed("as a whole", problem.to_string()));
                continue;
            }
        };
        report.models += 1;
        let mut pair = Pair::new(&make, &model, case.input);
        for (purpose, program) in programs_of(&model) {
            for (purpose, simplified) in variants(purpose, &program) {
                report.programs += 1;
                match pair.run(simplified, program.clone()) {
                    Ok(compared) => report.add(case.name, &purpose, compared),
                    Err(problem) => failures.push(failed(&purpose, problem)),
                }
            }
        }
        for (purpose, result) in [
            ("its training in two parts, cut behind what stays the same", pair.run_in_two_parts(&model)),
            ("its prediction with fixed weights", pair.run_with_fixed_weights(&model)),
        ] {
            match result {
                Ok(compared) => report.add(case.name, purpose, compared),
                Err(problem) => failures.push(failed(purpose, problem)),
            }
        }
    }
    if failures.is_empty() { Ok(report) } else { Err(Failures(failures)) }
}

impl Report {
    fn add(&mut self, model: &str, purpose: &str, compared: compare::Compared) {
        self.numbers += compared.numbers;
        if compared.largest_difference > self.largest_difference {
            self.largest_difference = compared.largest_difference;
            self.largest_of = format!("model '{model}', {purpose}: {}", compared.of);
        }
    }
}

/// The programs of the suite as they are before any rewriting, with the names of their models: to see what an engine
/// will get.
///
/// ```
/// let programs = petal::conformance::programs()?;
/// assert!(programs.iter().any(|(model, program)| model == "convolutions" && program.mode.trains()));
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// If there is too little memory for the models.
pub fn programs() -> crate::Result<Vec<(String, Program)>> {
    let mut all = Vec::new();
    for case in CASES {
        let model = (case.build)()?;
        all.extend(programs_of(&model).into_iter().map(|(_, program)| (case.name.to_owned(), program)));
    }
    Ok(all)
}

/// A model of the suite, and what it is called with.
#[derive(Debug)]
pub struct Example {
    /// The suite's name for it.
    pub name: &'static str,
    /// The model, with weights none of which is 0 or 1.
    pub model: Model,
    /// A batch of samples, one after the other.
    pub inputs: Vec<f32>,
}

/// The models of the suite: for whatever is made of models, and has to do for all of them what they do.
///
/// ```
/// let example = &petal::conformance::examples(2)?[0];
/// let [height, width, channels] = example.model.input_shape()[..] else { panic!("it takes images") };
/// assert_eq!(example.inputs.len(), 2 * height * width * channels);
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// If there is too little memory for the models.
pub fn examples(batch: usize) -> crate::Result<Vec<Example>> {
    let example = |case: &models::Case| {
        let mut model = (case.build)()?;
        let weights = weights_of(&model);
        model.give_weights(weights.into());
        let inputs = case.input.draw(batch, batch * model.input_shape().elements());
        Ok(Example { name: case.name, model, inputs })
    };
    CASES.iter().map(example).collect()
}

/// The programs of a model, with what each is for. Neighbouring warps are composed, as that alone changes what an engine
/// is to compute.
fn programs_of(model: &Model) -> Vec<(String, Program)> {
    let mut programs = vec![
        ("its training".to_owned(), model.program(Mode::Train, Gradient::Weights)),
        ("its prediction".to_owned(), model.program(Mode::Infer, Gradient::None)),
        ("its augmentation".to_owned(), model.program(Mode::Augment, Gradient::None)),
        ("its output in training mode".to_owned(), model.program(Mode::Train, Gradient::None)),
        ("its prediction of rounded inputs".to_owned(), rounded(model)),
    ];
    if programs[0].1.logits.is_some() {
        let training = model.program(Mode::Train, Gradient::Weights).without_logits();
        programs.push(("its training on the output itself".to_owned(), training));
    }
    // The last layer is the output itself.
    for node in model.layers().iter().rev().skip(1) {
        let watching = |mode| model.program_watching(mode, Gradient::Watched, Some(node.name()));
        let (plain, augmenting) = (watching(Mode::Infer), watching(Mode::Augment));
        if augmenting.steps != plain.steps {
            programs.push((format!("its gradient at '{}' with augmentation", node.name()), augmenting));
        }
        programs.push((format!("its gradient at '{}'", node.name()), plain));
    }
    let compose = Passes { compose_warps: true, ..Passes::none() };
    programs.into_iter().map(|(purpose, program)| (purpose, program.simplify(compose))).collect()
}

/// The prediction of inputs that are rounded to steps of 1/64, and what is moved of them too. Of rounding numbers that
/// engines compute each might make something else, where they lie in the middle of two.
fn rounded(model: &Model) -> Program {
    let program = model.program(Mode::Infer, Gradient::None);
    let ranges = BTreeMap::from([(program.input, [-2.0, 127.0 / 64.0])]);
    let mut program = program.quantize(&model.shared_weights(), &ranges).program;
    // The weights stay as they are.
    program.weights.iter_mut().for_each(|weight| weight.scales = None);
    program
}

/// A program as it is, and as it is simplified if that changes something.
fn variants(purpose: String, program: &Program) -> Vec<(String, Program)> {
    let simplified = program.clone().simplify(Passes::default());
    let changed = (simplified != *program).then(|| (format!("{purpose}, simplified"), simplified));
    [(purpose, program.clone())].into_iter().chain(changed).collect()
}

/// The weights that a model is compared with: its own, moved a little, so that none is 0 or 1. What doesn't train, as
/// variances, moves up alone.
fn weights_of(model: &Model) -> Vec<f32> {
    let program = model.program(Mode::Infer, Gradient::None);
    let mut generator = Key::new(5).named("conformance").named("weights").generator();
    let mut weights = model.shared_weights().to_vec();
    let trains: BTreeMap<usize, bool> =
        program.weights.iter().map(|weight| (weight.offset, weight.trainable)).collect();
    for (i, value) in weights.iter_mut().enumerate() {
        let trainable = trains.range(..=i).next_back().is_some_and(|(_, trainable)| *trainable);
        *value += if trainable { 0.2 * generator.normal() } else { 0.3 * generator.uniform() };
    }
    weights
}
