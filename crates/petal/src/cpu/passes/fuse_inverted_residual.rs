//! Convolution + depthwise convolution + 1×1 convolution (+ the input) → one step, where no gradient goes.

use crate::cpu::op::Op;
use crate::cpu::ops::inverted_residual::InvertedResidual;
use crate::program::{Step, Value, needs_gradient, producer, readers};

/// `trains` if gradients are wanted for what trains; else none are.
pub(super) fn run(steps: &mut Vec<Step<Op>>, kept: &[Option<Value>], trains: bool) {
    let needed = if trains { needs_gradient(steps.iter().map(Step::link), None) } else { Vec::new() };
    let mut readers = self::readers(steps);
    let mut at = 0;
    while at < steps.len() {
        let frozen = |at: usize| !needed.get(steps[at].output).is_some_and(|needed| *needed);
        match block(steps, &readers, kept, at) {
            Some(block) if frozen(block.last) => {
                at = block.replace(steps);
                readers = self::readers(steps);
            }
            _ => at += 1,
        }
    }
}

/// Steps that make one block: their places, in order.
struct Block {
    op: InvertedResidual,
    expand: Option<usize>,
    depthwise: usize,
    project: usize,
    last: usize,
}

/// The block whose depthwise convolution is step `at`.
fn block(steps: &[Step<Op>], readers: &[usize], kept: &[Option<Value>], at: usize) -> Option<Block> {
    let Op::DepthwiseConv2d(depthwise) = &steps[at].op else { return None };
    let project_at = consumer(steps, kept, at)?;
    let Op::Conv2d(project) = &steps[project_at].op else { return None };
    let expand_at = producer(steps, readers, kept, at).filter(|&at| {
        let Op::Conv2d(expand) = &steps[at].op else { return false };
        expand.shape.makes_rows()
    });
    if !project.shape.is_pointwise() {
        return None;
    }
    let expand = expand_at.and_then(|at| match &steps[at].op {
        Op::Conv2d(expand) => Some(expand.clone()),
        _ => None,
    });
    let input = steps[expand_at.unwrap_or(at)].inputs[0];
    let mut op =
        InvertedResidual { expand, depthwise: depthwise.clone(), project: project.clone(), residual: false };
    let mut last = project_at;
    if let Some(add) = consumer(steps, kept, project_at) {
        let both = [[input, steps[project_at].output], [steps[project_at].output, input]];
        if matches!(steps[add].op, Op::Add) && both.iter().any(|both| steps[add].inputs[..] == both[..]) {
            op.residual = op.shape(1).input() == op.shape(1).output();
            last = if op.residual { add } else { last };
        }
    }
    let block = Block { op, expand: expand_at, depthwise: at, project: project_at, last };
    block.op.shape(1).is_worthwhile().then_some(block)
}

impl Block {
    /// Puts the block in the place of its last step; the place after it.
    fn replace(self, steps: &mut Vec<Step<Op>>) -> usize {
        let input = steps[self.expand.unwrap_or(self.depthwise)].inputs[0];
        steps[self.last].op = Op::InvertedResidual(Box::new(self.op));
        steps[self.last].inputs = [input].into_iter().collect();
        let before = [self.expand, Some(self.depthwise), Some(self.project)];
        let mut gone: Vec<usize> = before.into_iter().flatten().filter(|&at| at != self.last).collect();
        gone.sort_unstable();
        gone.iter().rev().for_each(|&at| drop(steps.remove(at)));
        self.last + 1 - gone.len()
    }
}

/// The only step that reads what step `at` makes.
fn consumer(steps: &[Step<Op>], kept: &[Option<Value>], at: usize) -> Option<usize> {
    let output = steps[at].output;
    let mut readers = (0..steps.len()).filter(|&reader| steps[reader].inputs.contains(&output));
    let reader = readers.next()?;
    (readers.next().is_none() && !kept.contains(&Some(output))).then_some(reader)
}
