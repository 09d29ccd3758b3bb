use smallvec::SmallVec;

use super::{DTypePolicy, Gradient, Mode, Op, Program, Step, Value, Weight, WeightNumber};
use crate::shape::Shape;

/// Makes a [`Program`] step by step.
///
/// ```
/// use petal::program::{Builder, Mode, Op, Unary};
/// let mut builder = Builder::new("tiny", Mode::Infer, [4].into(), Vec::new());
/// let y = builder.step("tanh", Op::Unary(Unary::Tanh), &[0], &[4].into());
/// let program = builder.finish(y, None);
/// assert_eq!(program.to_string().lines().last(), Some("%1 (None, 4) = tanh %0"));
/// program.check()?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Debug)]
pub struct Builder(Program);

impl Builder {
    /// A program whose value 0 is the input, with samples of this shape.
    pub fn new(name: impl Into<String>, mode: Mode, input: Shape, weights: Vec<Weight>) -> Self {
        Builder(Program {
            name: name.into(),
            mode,
            gradient: Gradient::None,
            dtype_policy: DTypePolicy::Float32,
            values: vec![input],
            weights,
            steps: Vec::new(),
            input: 0,
            output: 0,
            logits: None,
            watched: None,
        })
    }

    /// How layers behave.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// The number of the weight that begins here in the arena of all weights.
    pub fn weight_at(&self, offset: usize) -> WeightNumber {
        self.0.weights.partition_point(|weight| weight.offset < offset)
    }

    /// Adds a step of the layer at this path, whose output has this shape.
    pub fn step(&mut self, layer: &str, op: Op, inputs: &[Value], output: &Shape) -> Value {
        let value = self.0.values.len();
        self.0.values.push(output.clone());
        let inputs = SmallVec::from_slice(inputs);
        self.0.steps.push(Step { op, inputs, output: value, layer: layer.to_owned() });
        value
    }

    /// The program that gives `output`, and keeps the value of a layer that is watched.
    pub fn finish(self, output: Value, watched: Option<Value>) -> Program {
        let mut program = self.0;
        program.output = output;
        program.watched = watched;
        program.logits = program.find_logits();
        program
    }
}
