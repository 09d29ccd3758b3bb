//! An engine of one's own, with the public API alone: it predicts with the lecture's network by plain loops, and is
//! compared with Petal's own engine. `petal::conformance` is how to test one that has every operation.
//!
//! ```sh
//! cargo run --release -p petal --example own_engine
//! ```

use std::sync::Arc;

use ndarray::Array;
use petal::applications::lecture_cnn;
use petal::program::{Conv2d, Engine, Op, Program, Run, Samples, Step, Unary, Window};
use petal::{Error, Result};

/// Runs programs forward, step by step. Each value has memory of its own, `[samples, …]`.
#[derive(Default)]
struct Loops {
    programs: Vec<(Program, Vec<Vec<f32>>)>,
    weights: Arc<Vec<f32>>,
}

fn image(shape: &[usize]) -> Result<[usize; 3]> {
    shape.try_into().map_err(|_| Error::Model(format!("{shape:?} is not the shape of an image")))
}

struct Call<'a> {
    program: &'a Program,
    step: &'a Step,
    weights: &'a [f32],
    x: &'a [f32],
    samples: usize,
}

impl Call<'_> {
    fn weight(&self, number: usize) -> &[f32] {
        &self.weights[self.program.weights[number].range()]
    }

    fn compute(&self) -> Result<Vec<f32>> {
        Ok(match &self.step.op {
            Op::Reshape => self.x.to_vec(),
            Op::Scale { scale, offset } => self.x.iter().map(|x| x * scale + offset).collect(),
            Op::Unary(Unary::Relu { max_value: None, negative_slope: 0.0, threshold: 0.0 }) => {
                self.x.iter().map(|x| x.max(0.0)).collect()
            }
            Op::Dense(dense) if dense.norm.is_none() => {
                let (kernel, bias) = (self.weight(dense.kernel), dense.bias.map(|bias| self.weight(bias)));
                let shape = &self.program.weights[dense.kernel].shape;
                let unit = |row: &[f32], unit: usize| {
                    let products = row.iter().enumerate().map(|(i, x)| x * kernel[i * shape[1] + unit]);
                    products.sum::<f32>() + bias.map_or(0.0, |bias| bias[unit])
                };
                let rows = self.x.chunks(shape[0]);
                rows.flat_map(|row| (0..shape[1]).map(move |i| unit(row, i))).collect()
            }
            Op::Conv2d(conv) if conv.norm.is_none() && conv.groups == 1 => self.conv2d(conv)?,
            Op::MaxPool(window) => self.max_pool(window)?,
            other => return Err(Error::Model(format!("this engine has no {other:?}"))),
        })
    }

    /// Calls `f` with an output pixel, a cell of its window inside the image, and the input's pixel there.
    fn windows(
        &self,
        Window { size, strides, padding }: Window,
        dilation: [usize; 2],
        mut f: impl FnMut(usize, usize, usize),
    ) -> Result<()> {
        let [height, width, _] = image(&self.program.values[self.step.inputs[0]])?;
        let [rows, columns, _] = image(&self.program.values[self.step.output])?;
        for output in 0..self.samples * rows * columns {
            let (n, y, x) = (output / (rows * columns), output / columns % rows, output % columns);
            for cell in 0..size[0] * size[1] {
                let row = (y * strides[0] + cell / size[1] * dilation[0]).wrapping_sub(padding.top);
                let column = (x * strides[1] + cell % size[1] * dilation[1]).wrapping_sub(padding.left);
                if row < height && column < width {
                    f(output, cell, (n * height + row) * width + column);
                }
            }
        }
        Ok(())
    }

    fn conv2d(&self, conv: &Conv2d) -> Result<Vec<f32>> {
        let kernel = self.weight(conv.kernel);
        let shape = &self.program.weights[conv.kernel].shape;
        let (channels, filters) = (shape[2], shape[3]);
        let outputs = self.samples * self.program.values[self.step.output].elements();
        let bias = conv.bias.map_or(vec![0.0; filters], |bias| self.weight(bias).to_vec());
        let mut y: Vec<f32> = bias.into_iter().cycle().take(outputs).collect();
        let window = Window { size: [shape[0], shape[1]], strides: conv.strides, padding: conv.padding };
        self.windows(window, conv.dilation, |output, cell, pixel| {
            let y = &mut y[output * filters..][..filters];
            for (c, x) in self.x[pixel * channels..][..channels].iter().enumerate() {
                let kernel = &kernel[(cell * channels + c) * filters..][..filters];
                y.iter_mut().zip(kernel).for_each(|(y, kernel)| *y += x * kernel);
            }
        })?;
        Ok(y)
    }

    fn max_pool(&self, window: &Window) -> Result<Vec<f32>> {
        let output = &self.program.values[self.step.output];
        let [_, _, channels] = image(output)?;
        let mut y = vec![f32::NEG_INFINITY; self.samples * output.elements()];
        self.windows(*window, [1, 1], |output, _, pixel| {
            let y = &mut y[output * channels..][..channels];
            y.iter_mut().zip(&self.x[pixel * channels..]).for_each(|(y, x)| *y = y.max(*x));
        })?;
        Ok(y)
    }
}

impl Engine for Loops {
    fn load(&mut self, program: Program, _batch: usize) -> Result<usize> {
        program.check()?;
        let values = vec![Vec::new(); program.values.len()];
        self.programs.push((program, values));
        Ok(self.programs.len() - 1)
    }

    fn set_weights(&mut self, weights: Arc<Vec<f32>>) {
        self.weights = weights;
    }

    fn weights(&mut self) -> Arc<Vec<f32>> {
        self.weights.clone()
    }

    fn forward(&mut self, program: usize, run: Run<'_>, inputs: Samples<'_>) -> Result<()> {
        let (program, values) = &mut self.programs[program];
        values[program.input] = (0..inputs.len()).map(|i| inputs.get(i)).collect();
        for step in &program.steps {
            let (x, samples) = (&values[step.inputs[0]], run.batch());
            values[step.output] = Call { program, step, weights: &self.weights, x, samples }.compute()?;
        }
        Ok(())
    }

    fn output(&mut self, program: usize, _samples: usize) -> &[f32] {
        let (program, values) = &self.programs[program];
        &values[program.output]
    }

    fn watched(&mut self, _program: usize, _samples: usize) -> [&[f32]; 2] {
        [&[], &[]]
    }

    fn loss(&mut self, program: usize, _samples: usize) -> (&[f32], Option<&mut [f32]>) {
        let (program, values) = &self.programs[program];
        (&values[program.start()], None)
    }

    fn backward(&mut self, _program: usize, _run: Run<'_>) -> Result<()> {
        Err(Error::Model("this engine runs forward only".into()))
    }

    fn gradients(&mut self, _program: usize) -> &mut [f32] {
        &mut []
    }

    fn update(&mut self, _program: usize, _rule: &mut dyn FnMut(&mut [f32], &[f32])) {}
}

fn main() -> Result<()> {
    let mut model = lecture_cnn([60, 60, 3], 5, 42)?;
    let photos =
        Array::from_shape_fn([4, 60, 60, 3], |(n, y, x, c)| ((n * 31 + y * 3 + x * x + c * 11) % 256) as f32);
    let photos = photos.into_dyn();
    let expected = model.predict_array(photos.view())?;
    model.set_engine(|| Box::new(Loops::default()));
    let found = model.predict_array(photos.view())?;
    let differences = found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs());
    let largest = differences.fold(0.0, f32::max);
    println!("largest difference from the default engine: {largest:e}");
    assert!(largest < 1e-4, "{found} {expected}");
    Ok(())
}
