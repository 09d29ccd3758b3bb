use super::PreprocessInput;
use super::network::{Network, correct_pad};
use super::settings::Settings;
use super::weights::Imagenet;
use crate::Result;
use crate::layers::{
    Activation, Add, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, Cropping2D, Function,
    GlobalAveragePooling2D, Initializer, Layer, LayerSpec, MaxPooling2D, SeparableConv2D, ZeroPadding2D,
};
use crate::model::Tensor;

/// Cells of small branches, found by search, each of which sees the two cells before it (Zoph et al. 2018).
#[derive(Clone, Copy, Debug)]
pub(super) struct NasNet {
    name: &'static str,
    size: usize,
    /// Of each branch in the first third.
    filters: usize,
    /// Cells in each third.
    cells: usize,
    /// Of the first convolution.
    stem_filters: usize,
    /// Whether the cell after a reduction sees the one before it, too, instead of what the reduction has seen.
    skip_reduction: bool,
    hashes: [&'static str; 2],
}

pub(super) const MOBILE: NasNet = NasNet {
    name: "mobile",
    size: 224,
    filters: 44,
    cells: 4,
    stem_filters: 32,
    skip_reduction: false,
    hashes: ["020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63"],
};
pub(super) const LARGE: NasNet = NasNet {
    name: "large",
    size: 331,
    filters: 168,
    cells: 6,
    stem_filters: 96,
    skip_reduction: true,
    hashes: ["11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5"],
};

impl Network for NasNet {
    fn name(&self, _settings: &Settings) -> String {
        format!("nasnet_{}", self.name)
    }

    fn size(&self) -> usize {
        self.size
    }

    fn preprocess_input(&self) -> Option<PreprocessInput> {
        Some(PreprocessInput::Tf)
    }

    fn imagenet(&self, settings: &Settings) -> Imagenet {
        let (name, hash) = (self.name, settings.by_top(self.hashes));
        // Keras gives the file another name in its cache.
        let remote = format!("NASNet-{name}{}.h5", settings.by_top(["", "-no-top"]));
        let file = format!("nasnet_{name}{}.h5", settings.by_top(["", "_no_top"]));
        Imagenet { file, ..Imagenet::new("nasnet", remote, Some(hash)) }
    }

    fn layers(&self, settings: &Settings, x: &Tensor) -> Result<Tensor> {
        let stem = Conv2D::new(self.stem_filters, 3).strides(2).use_bias(false);
        let stem = stem.kernel_initializer(Initializer::HeNormal {}).name("stem_conv1").on(x)?;
        let stem = batch_norm("stem_bn1").on(&stem)?;
        // Each cell's result, and that of the cell before it.
        let (filters, mut before) = (self.filters, stem.clone());
        let mut h = reduction(&stem, None, filters / 4, "stem_1")?;
        (h, before) = (reduction(&h, Some(&before), filters / 2, "stem_2")?, h);
        for third in 0..3 {
            let filters = filters << third;
            if third > 0 {
                let reduced =
                    reduction(&h, Some(&before), filters, &format!("reduce_{}", third * self.cells))?;
                if !self.skip_reduction {
                    before = h;
                }
                h = reduced;
            }
            for cell in 0..self.cells {
                // The numbers count the reductions.
                let id = (third * self.cells + cell + usize::from(third > 0)).to_string();
                (h, before) = (normal(&h, &before, filters, &id)?, h);
            }
        }
        let h = relu().on(&h)?;
        if !settings.include_top {
            return settings.pool(&h, false);
        }
        let h = GlobalAveragePooling2D::new().on(&h)?;
        settings.predictions().name("predictions").on(&h)
    }
}

/// A cell that keeps the image's size. `p` is what came before `x`.
fn normal(x: &Tensor, p: &Tensor, filters: usize, id: &str) -> Result<Tensor> {
    let p = adjust(Some(p), x, filters, id)?;
    let h = squeeze(x, filters, "normal", id)?;
    let separable = |x: &Tensor, kernel: usize, part: &str| {
        separable(x, filters, kernel, 1, &format!("normal_{part}_{id}"))
    };
    let average = |x: &Tensor, part: &str| {
        AveragePooling2D::new(3).strides(1).same().name(format!("normal_{part}_{id}")).on(x)
    };
    let add = |number: usize, a: &Tensor, b: &Tensor| {
        Add::new().name(format!("normal_add_{number}_{id}")).on([a, b])
    };
    let first = add(1, &separable(&h, 5, "left1")?, &separable(&p, 3, "right1")?)?;
    let second = add(2, &separable(&p, 5, "left2")?, &separable(&p, 3, "right2")?)?;
    let third = add(3, &average(&h, "left3")?, &p)?;
    let fourth = add(4, &average(&p, "left4")?, &average(&p, "right4")?)?;
    let fifth = add(5, &separable(&h, 3, "left5")?, &h)?;
    let concat = Concatenate::new().name(format!("normal_concat_{id}"));
    concat.on([&p, &first, &second, &third, &fourth, &fifth])
}

/// A cell that halves it.
fn reduction(x: &Tensor, p: Option<&Tensor>, filters: usize, id: &str) -> Result<Tensor> {
    let p = adjust(p, x, filters, id)?;
    let h = squeeze(x, filters, "reduction", id)?;
    let padded = correct_pad(&h, 3, format!("reduction_pad_1_{id}"))?;
    let name = |part: &str| format!("reduction_{part}_{id}");
    let halved = |x: &Tensor, kernel: usize, part: &str| separable(x, filters, kernel, 2, &name(part));
    let first = [halved(&h, 5, "left1")?, halved(&p, 7, "right1")?];
    let first = Add::new().name(name("add_1")).on(&first[..])?;
    let second = MaxPooling2D::new(3).strides(2).name(name("left2")).on(&padded)?;
    let second = Add::new().name(name("add_2")).on([&second, &halved(&p, 7, "right2")?])?;
    let third = AveragePooling2D::new(3).strides(2).name(name("left3")).on(&padded)?;
    let third = Add::new().name(name("add3")).on([&third, &halved(&p, 5, "right3")?])?;
    let fourth = AveragePooling2D::new(3).strides(1).same().name(name("left4")).on(&first)?;
    let fourth = Add::new().on([&second, &fourth])?;
    let fifth = separable(&first, filters, 3, 1, &name("left4"))?;
    let pooled = MaxPooling2D::new(3).strides(2).name(name("right5")).on(&padded)?;
    let fifth = Add::new().name(name("add4")).on([&fifth, &pooled])?;
    Concatenate::new().name(name("concat")).on([&second, &third, &fourth, &fifth])
}

/// Brings what came before `x` to its size and this many channels; without, `x` itself stands in for it.
fn adjust(p: Option<&Tensor>, x: &Tensor, filters: usize, id: &str) -> Result<Tensor> {
    let Some(p) = p else { return Ok(x.clone()) };
    let name = |part: &str| format!("adjust_{part}_{id}");
    let pixels = |x: &Tensor, filters: usize, name: String| pointwise(filters).name(name).on(x);
    if p.shape()[1] != x.shape()[1] {
        let p = relu().name(name("relu_1")).on(p)?;
        let every_second = |x: &Tensor, name| AveragePooling2D::new(1).strides(2).name(name).on(x);
        let even = every_second(&p, name("avg_pool_1"))?;
        let even = pixels(&even, filters / 2, name("conv_1"))?;
        let odd = ZeroPadding2D::sides([[0, 1]; 2]).on(&p)?;
        let odd = Cropping2D::sides([[1, 0]; 2]).on(&odd)?;
        let odd = pixels(&every_second(&odd, name("avg_pool_2"))?, filters / 2, name("conv_2"))?;
        return batch_norm(&name("bn")).on(&Concatenate::new().on([&even, &odd])?);
    }
    if p.shape()[2] != filters {
        let h = pixels(&relu().on(p)?, filters, name("conv_projection"))?;
        return batch_norm(&name("bn")).on(&h);
    }
    Ok(p.clone())
}

/// Brings a cell's input to as many channels as its branches have.
fn squeeze(x: &Tensor, filters: usize, cell: &str, id: &str) -> Result<Tensor> {
    let h = relu().on(x)?;
    let h = pointwise(filters).name(format!("{cell}_conv_1_{id}")).on(&h)?;
    batch_norm(&format!("{cell}_bn_1_{id}")).on(&h)
}

/// Two separable convolutions, the first with this stride.
fn separable(x: &Tensor, filters: usize, kernel: usize, stride: usize, name: &str) -> Result<Tensor> {
    let name = |part: &str| format!("separable_conv_{part}_{name}");
    let convolution = SeparableConv2D::new(filters, kernel).use_bias(false);
    let mut h = relu().on(x)?;
    h = if stride == 2 {
        h = correct_pad(&h, kernel, name("1_pad"))?;
        convolution.clone().strides(2).name(name("1")).on(&h)?
    } else {
        convolution.clone().same().name(name("1")).on(&h)?
    };
    let h = relu().on(&batch_norm(&name("1_bn")).on(&h)?)?;
    let h = convolution.same().name(name("2")).on(&h)?;
    batch_norm(&name("2_bn")).on(&h)
}

fn pointwise(filters: usize) -> Conv2D {
    Conv2D::new(filters, 1).same().use_bias(false).kernel_initializer(Initializer::HeNormal {})
}

fn batch_norm(name: &str) -> LayerSpec {
    BatchNormalization::new().momentum(0.9997).name(name)
}

fn relu() -> Activation {
    Activation::new(Function::Relu)
}
