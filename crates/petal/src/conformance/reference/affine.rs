//! A step as an affine map of its inputs, as far as a small change of them goes.

/// `output[to] += factor · input[from]` for each tap, from constants on.
#[derive(Debug)]
pub(super) struct Affine {
    taps: Vec<Tap>,
    constants: Vec<f64>,
}

#[derive(Debug)]
struct Tap {
    /// The number of the input.
    input: usize,
    /// Places in the whole batch.
    from: usize,
    to: usize,
    factor: f64,
}

impl Affine {
    /// The map to this number of zeros.
    pub(super) fn new(outputs: usize) -> Self {
        Affine { taps: Vec::new(), constants: vec![0.0; outputs] }
    }

    /// Each output is `factor` times a value of the first input.
    pub(super) fn gather(outputs: usize, from: impl Fn(usize) -> (usize, f64)) -> Self {
        let mut map = Affine::new(outputs);
        for to in 0..outputs {
            let (from, factor) = from(to);
            map.add(0, from, to, factor);
        }
        map
    }

    pub(super) fn add(&mut self, input: usize, from: usize, to: usize, factor: f64) {
        self.taps.push(Tap { input, from, to, factor });
    }

    pub(super) fn add_constant(&mut self, to: usize, value: f64) {
        self.constants[to] += value;
    }

    pub(super) fn forward(&self, inputs: &[&[f64]]) -> Vec<f64> {
        let mut output = self.constants.clone();
        for &Tap { input, from, to, factor } in &self.taps {
            output[to] += factor * inputs[input][from];
        }
        output
    }

    /// The gradient of each input.
    pub(super) fn backward(&self, inputs: &[&[f64]], d_output: &[f64]) -> Vec<Vec<f64>> {
        let mut gradients: Vec<Vec<f64>> = inputs.iter().map(|input| vec![0.0; input.len()]).collect();
        for &Tap { input, from, to, factor } in &self.taps {
            gradients[input][from] += factor * d_output[to];
        }
        gradients
    }
}
