use petal_kernels as kernels;
use serde::{Deserialize, Serialize};

use super::{Definition, Function, Initializer, Padding, Pair, WeightSpec, only};
use crate::model::Shape;
use crate::model::plan::{Lowering, Op, Value};

/// Two-dimensional convolution (cross-correlation: the kernel is not flipped).
///
/// Input `[batch, height, width, channels]`, output `[batch, height', width', filters]`. Weights: `kernel`
/// `[kernel height, kernel width, channels / groups, filters]`, `bias` `[filters]`.
///
/// Defaults: strides 1, [`Padding::Valid`], dilation 1, one group, no activation, a bias; the kernel starts
/// Glorot-uniform, the bias at 0.
///
/// ```
/// use petal::layers::{Conv2D, Input, Layer};
/// let x = Input::image(180, 180, 3);
/// let y = Conv2D::new(16, 3).same().relu().on(&x)?;
/// assert_eq!(y.shape()[..], [180, 180, 16]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conv2D {
    filters: usize,
    kernel_size: Pair,
    strides: Pair,
    padding: Padding,
    dilation_rate: Pair,
    groups: usize,
    activation: Function,
    use_bias: bool,
    kernel_initializer: Initializer,
    bias_initializer: Initializer,
}

impl Conv2D {
    /// `filters` kernels of this size.
    pub fn new(filters: usize, kernel_size: impl Into<Pair>) -> Self {
        Conv2D {
            filters,
            kernel_size: kernel_size.into(),
            strides: 1.into(),
            padding: Padding::Valid,
            dilation_rate: 1.into(),
            groups: 1,
            activation: Function::Linear,
            use_bias: true,
            kernel_initializer: Initializer::GlorotUniform {},
            bias_initializer: Initializer::Zeros {},
        }
    }

    /// The window's step.
    pub fn strides(self, strides: impl Into<Pair>) -> Self {
        Conv2D { strides: strides.into(), ..self }
    }

    /// Pads the input so that stride 1 keeps its size.
    pub fn same(self) -> Self {
        Conv2D { padding: Padding::Same, ..self }
    }

    /// The distance between neighbouring cells of the window.
    pub fn dilation_rate(self, dilation_rate: impl Into<Pair>) -> Self {
        Conv2D { dilation_rate: dilation_rate.into(), ..self }
    }

    /// Cuts the channels into this many groups, each convolved with `filters / groups` kernels of its own.
    pub fn groups(self, groups: usize) -> Self {
        Conv2D { groups, ..self }
    }

    /// The function applied to the output.
    pub fn activation(self, activation: Function) -> Self {
        Conv2D { activation, ..self }
    }

    /// [`Function::Relu`] on the output.
    pub fn relu(self) -> Self {
        self.activation(Function::Relu)
    }

    /// Whether a bias is added; it is by default.
    pub fn use_bias(self, use_bias: bool) -> Self {
        Conv2D { use_bias, ..self }
    }

    /// How the kernel starts.
    pub fn kernel_initializer(self, kernel_initializer: Initializer) -> Self {
        Conv2D { kernel_initializer, ..self }
    }

    /// How the bias starts.
    pub fn bias_initializer(self, bias_initializer: Initializer) -> Self {
        Conv2D { bias_initializer, ..self }
    }

    /// The kernel's size with its gaps.
    fn window(&self) -> [usize; 2] {
        dilated(self.kernel_size, self.dilation_rate)
    }
}

/// The size of a window with gaps between its cells.
pub(crate) fn dilated(kernel_size: Pair, dilation_rate: Pair) -> [usize; 2] {
    [0, 1].map(|axis| kernel_size.0[axis].saturating_sub(1) * dilation_rate.0[axis] + 1)
}

/// Refuses sizes of 0 and the combination that Keras refuses.
pub(crate) fn check_window(kernel_size: Pair, strides: Pair, dilation_rate: Pair) -> Result<(), String> {
    for (what, pair) in [("kernel size", kernel_size), ("strides", strides), ("dilation rate", dilation_rate)]
    {
        if pair.0.contains(&0) {
            return Err(format!("its {what} is {pair}; expected at least 1×1"));
        }
    }
    if strides != Pair::from(1) && dilation_rate != Pair::from(1) {
        return Err(format!(
            "it has strides {strides} and dilation rate {dilation_rate}; one of them must be 1"
        ));
    }
    Ok(())
}

impl Definition for Conv2D {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let [height, width, channels] = only(inputs)?.image()?;
        check_window(self.kernel_size, self.strides, self.dilation_rate)?;
        if self.filters == 0 {
            return Err("it has 0 filters; expected at least 1".into());
        }
        if self.groups == 0 || channels % self.groups != 0 || self.filters % self.groups != 0 {
            return Err(format!(
                "{} groups don't divide its {channels} input channels and {} filters evenly",
                self.groups, self.filters
            ));
        }
        let [out_height, out_width] = self.padding.output([height, width], self.window(), self.strides)?;
        Ok([out_height, out_width, self.filters].into())
    }

    fn weights(&self, inputs: &[Shape]) -> Vec<WeightSpec> {
        let channels = inputs[0][2] / self.groups;
        let [height, width] = self.kernel_size.0;
        let mut weights = vec![WeightSpec::new(
            "kernel",
            [height, width, channels, self.filters],
            &self.kernel_initializer,
        )];
        if self.use_bias {
            weights.push(WeightSpec::new("bias", [self.filters], &self.bias_initializer));
        }
        weights
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        let input = node.input_image(0);
        let convolution = kernels::Conv2d {
            batch: 0,
            input,
            filters: self.filters,
            kernel: self.kernel_size.0,
            strides: self.strides.0,
            dilation: self.dilation_rate.0,
            padding: self.padding.cells([input[0], input[1]], self.window(), self.strides),
            groups: self.groups,
        };
        let op = Op::conv2d(convolution, node.weight(0), self.use_bias.then(|| node.weight(1)));
        let y = node.emit(op, &[node.input()], node.output_shape());
        self.activation.lower(node, y)
    }
}
