//! The suite passes on the engines that there are, fails on wrong ones, and has every operation.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use petal::Result;
use petal::conformance::{self, Reference};
use petal::cpu::Cpu;
use petal::program::{Engine, Program, Run, Samples};

#[test]
fn the_cpu_computes_what_the_reference_does() {
    let report = conformance::check(|| Box::new(Cpu::default())).unwrap();
    println!("{report}");
    assert!(report.models >= 20 && report.programs > 300 && report.numbers > 100_000, "{report}");
}

#[test]
fn the_reference_agrees_with_itself_on_simplified_programs() {
    let report = conformance::check(|| Box::new(Reference::default())).unwrap();
    println!("{report}");
    assert!(report.largest_difference < 1e-5, "{report}");
}

/// What is wrong with an engine.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// The output's first number is a little larger.
    Output,
    /// The largest of the gradients by the weights has the other sign.
    Sign,
    /// Moving statistics stay.
    Statistics,
    /// Each epoch draws as the first.
    Draws,
    /// The gradient by the watched value is missing.
    Watched,
    /// An update changes nothing.
    Update,
}

/// The CPU with a fault.
struct Wrong {
    cpu: Cpu,
    fault: Fault,
    output: Vec<f32>,
}

impl Wrong {
    fn run<'a>(&self, run: Run<'a>) -> Run<'a> {
        Run { epoch: if self.fault == Fault::Draws { 0 } else { run.epoch }, ..run }
    }
}

impl Engine for Wrong {
    fn load(&mut self, program: Program, batch: usize) -> Result<usize> {
        self.cpu.load(program, batch)
    }

    fn set_weights(&mut self, weights: Arc<Vec<f32>>) {
        self.cpu.set_weights(weights);
    }

    fn weights(&mut self) -> Arc<Vec<f32>> {
        self.cpu.weights()
    }

    fn fix_weights(&mut self) {
        self.cpu.fix_weights();
    }

    fn forward(&mut self, program: usize, run: Run<'_>, inputs: Samples<'_>) -> Result<()> {
        let weights = self.cpu.weights();
        self.cpu.forward(program, self.run(run), inputs)?;
        if self.fault == Fault::Statistics {
            self.cpu.set_weights(weights);
        }
        Ok(())
    }

    fn output(&mut self, program: usize, samples: usize) -> &[f32] {
        self.output = self.cpu.output(program, samples).to_vec();
        if self.fault == Fault::Output {
            self.output[0] += 0.01;
        }
        &self.output
    }

    fn watched(&mut self, program: usize, samples: usize) -> [&[f32]; 2] {
        let [value, gradient] = self.cpu.watched(program, samples);
        [value, if self.fault == Fault::Watched { &[] } else { gradient }]
    }

    fn loss(&mut self, program: usize, samples: usize) -> (&[f32], Option<&mut [f32]>) {
        self.cpu.loss(program, samples)
    }

    fn backward(&mut self, program: usize, run: Run<'_>) -> Result<()> {
        self.cpu.backward(program, self.run(run))?;
        let gradients = self.cpu.gradients(program);
        if let Some(largest) = gradients.iter_mut().max_by(|a, b| a.abs().total_cmp(&b.abs()))
            && self.fault == Fault::Sign
        {
            *largest = -*largest;
        }
        Ok(())
    }

    fn gradients(&mut self, program: usize) -> &mut [f32] {
        self.cpu.gradients(program)
    }

    fn update(&mut self, program: usize, rule: &mut dyn FnMut(&mut [f32], &[f32])) {
        if self.fault != Fault::Update {
            self.cpu.update(program, rule);
        }
    }
}

#[test]
fn wrong_engines_fail_with_the_name_of_the_model() {
    for (fault, model, problem) in [
        (Fault::Output, "model 'dense layers', its prediction: ", "number 0 of the output is "),
        (Fault::Sign, "model 'convolutions', its training: ", "the gradient by 'conv2d"),
        (
            Fault::Statistics,
            "model 'batch normalization', its training: ",
            "of 'batch_normalization/moving_mean' after the forward call is ",
        ),
        (Fault::Draws, "model 'dropout and noise', its training: ", "of the output is "),
        (
            Fault::Watched,
            "model 'warps', its gradient at 'random_flip' with augmentation: ",
            "the gradient by the watched value has 0 numbers; expected ",
        ),
        (Fault::Update, "model 'rows', its training: ", "after the update is "),
    ] {
        let wrong =
            move || -> Box<dyn Engine> { Box::new(Wrong { cpu: Cpu::default(), fault, output: Vec::new() }) };
        let failures = conformance::check(wrong).unwrap_err().to_string();
        let mut lines = failures.lines();
        let found = lines.any(|line| line.contains(model) && line.contains(problem));
        assert!(found, "{fault:?}: {failures}");
    }
}

/// The variants of an enum in a file of `src/program`, by the house's indentation.
fn variants(file: &str, name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/program").join(file);
    let text = fs::read_to_string(path).unwrap();
    let (_, after) = text.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let (body, _) = after.split_once("\n}\n").unwrap();
    let declared = body.lines().filter_map(|line| line.strip_prefix("    "));
    let declared = declared.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    declared.map(|line| line.chars().take_while(|c| c.is_alphanumeric()).collect()).collect()
}

#[test]
fn every_operation_is_in_the_suite_in_every_kind() {
    let programs = conformance::programs().unwrap();
    let steps = programs.iter().flat_map(|(_, program)| &program.steps);
    let texts: Vec<String> = steps.map(|step| format!(" {:?} ", step.op)).collect();
    for (file, name, before) in [
        ("op.rs", "Op", " "),
        ("op.rs", "Unary", "Unary("),
        ("op.rs", "Interpolation", "interpolation: "),
        ("op.rs", "FillMode", "fill_mode: "),
        ("random.rs", "Warp", "("),
        ("random.rs", "Shift", "kind: "),
        ("random.rs", "Recoloring", "kind: "),
        ("random.rs", "Noise", "kind: "),
    ] {
        let variants = variants(file, name);
        assert!(variants.len() > 1, "{name}");
        for variant in variants {
            let written = format!("{before}{variant}");
            let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric());
            let has =
                |text: &String| text.match_indices(&written).any(|(at, _)| ends(&text[at + written.len()..]));
            assert!(texts.iter().any(has), "no model of the suite has {name}::{variant}");
        }
    }
}
