use std::sync::Arc;

use petal_kernels::{Pixels, SIMD_VARIABLE, Vectors};

use super::joined::Joined;
use super::passes::Passes;
use super::plan::Plan;
use super::runner::Runner;
use crate::profile::Profile;
use crate::program::{Collective, Engine, Gradient, Program, Run, Samples};
use crate::{Error, Result};

/// The engine on the cores of this machine.
///
/// Each program is fused for the CPU's caches and runs in one arena that is allocated when it is loaded. Weights are
/// shared with whoever has given them until they change.
///
/// Kernels use the best vectors of the machine, or those that the environment variable `PETAL_SIMD` names: `portable`,
/// `neon`, `avx2`, `avx512` or `avx512bf16`.
#[derive(Debug, Default)]
pub struct Cpu {
    programs: Vec<Loaded>,
    weights: Arc<Vec<f32>>,
    profile: Option<Profile>,
    joined: Option<Arc<Joined>>,
}

impl Cpu {
    /// One that measures each step of its programs.
    pub fn profiled(profile: Profile) -> Cpu {
        Cpu { profile: Some(profile), ..Cpu::default() }
    }

    /// Whether this machine's processor multiplies bfloat16 numbers, so that
    /// [`DTypePolicy::MixedBfloat16`](crate::program::DTypePolicy::MixedBfloat16) makes it faster.
    pub fn multiplies_bfloat16() -> bool {
        Vectors::chosen() == Ok(Vectors::Avx512Bf16)
    }
}

#[derive(Debug)]
struct Loaded {
    program: Program,
    batch: usize,
    runner: Runner,
}

impl Engine for Cpu {
    fn load(&mut self, program: Program, batch: usize) -> Result<usize> {
        program.check()?;
        if let Err(expected) = Vectors::chosen() {
            let found = std::env::var_os(SIMD_VARIABLE).unwrap_or_default();
            return Err(Error::argument(SIMD_VARIABLE, found.display(), expected));
        }
        let mut runner = Runner::new(Plan::new(program.clone(), batch, Passes::default()))?;
        if let Some(profile) = &self.profile {
            runner.measure(profile, program.mode);
        }
        if let Some(joined) = &self.joined {
            runner.join(joined.clone());
        }
        self.programs.push(Loaded { program, batch, runner });
        Ok(self.programs.len() - 1)
    }

    fn set_weights(&mut self, weights: Arc<Vec<f32>>) {
        self.weights = weights;
    }

    fn weights(&mut self) -> Arc<Vec<f32>> {
        self.weights.clone()
    }

    /// Folds normalizations into the weights where a single program uses them.
    fn fix_weights(&mut self) {
        let [only] = &mut self.programs[..] else { return };
        if only.program.gradient != Gradient::None || only.program.mode.trains() {
            return;
        }
        let (program, weights) = (only.program.clone(), &mut self.weights);
        let plan = Plan::with_constant_weights(program, only.batch, Passes::default(), weights);
        only.runner.replace(plan);
        if let Some(profile) = &self.profile {
            only.runner.measure(profile, only.program.mode);
        }
    }

    fn forward(&mut self, program: usize, run: Run<'_>, inputs: Samples<'_>) -> Result<()> {
        let inputs = match inputs {
            Samples::Floats(values) => Pixels::Floats(values),
            Samples::Bytes(values) => Pixels::Bytes(values),
        };
        let Loaded { runner, program, .. } = &mut self.programs[program];
        runner.forward(run, inputs, &self.weights);
        if program.mode.trains() && program.gradient == Gradient::Weights && runner.has_statistics() {
            runner.move_statistics(Arc::make_mut(&mut self.weights).as_mut_slice());
        }
        self.joined.as_ref().map_or(Ok(()), |joined| joined.check())
    }

    fn output(&mut self, program: usize, samples: usize) -> &[f32] {
        self.programs[program].runner.output(samples)
    }

    fn watched(&mut self, program: usize, samples: usize) -> [&[f32]; 2] {
        self.programs[program].runner.watched(samples)
    }

    fn loss(&mut self, program: usize, samples: usize) -> (&[f32], Option<&mut [f32]>) {
        self.programs[program].runner.loss_buffers(samples)
    }

    fn backward(&mut self, program: usize, run: Run<'_>) -> Result<()> {
        self.backward_in_parts(program, run, &mut |_, _| Ok(()))
    }

    fn backward_in_parts(
        &mut self,
        program: usize,
        run: Run<'_>,
        finished: &mut dyn FnMut(usize, &[f32]) -> Result<()>,
    ) -> Result<()> {
        self.programs[program].runner.backward(run, &self.weights, finished)?;
        self.joined.as_ref().map_or(Ok(()), |joined| joined.check())
    }

    fn join(&mut self, ranks: Arc<dyn Collective>) -> Result<()> {
        let joined = Arc::new(Joined::new(ranks));
        self.programs.iter_mut().for_each(|loaded| loaded.runner.join(joined.clone()));
        self.joined = Some(joined);
        Ok(())
    }

    fn gradients(&mut self, program: usize) -> &mut [f32] {
        self.programs[program].runner.gradients_mut()
    }

    fn update(&mut self, program: usize, rule: &mut dyn FnMut(&mut [f32], &[f32])) {
        rule(Arc::make_mut(&mut self.weights).as_mut_slice(), self.programs[program].runner.gradients_mut());
    }
}
