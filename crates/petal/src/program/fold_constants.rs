//! Batch normalization as part of the numbers of the layer that it was folded into.

use super::{BatchNorm, Conv2d, Dense, Op, Program, Weight, WeightNumber};

/// What a batch normalization with fixed statistics does to each channel: `x · scale + offset`.
pub(crate) struct Affine {
    pub scale: Vec<f64>,
    pub offset: Vec<f64>,
}

impl Program {
    /// Makes the normalization of each convolution and dense layer part of its kernel and bias among `weights`, which
    /// get longer by the biases that weren't there. For programs that infer; training would have other weights.
    pub(crate) fn fold_constants(&mut self, weights: &mut Vec<f32>) {
        let Program { steps, weights: places, .. } = self;
        for step in steps {
            let (Op::Conv2d(Conv2d { kernel, bias, norm, .. })
            | Op::DepthwiseConv2d(Conv2d { kernel, bias, norm, .. })
            | Op::Dense(Dense { kernel, bias, norm })) = &mut step.op
            else {
                continue;
            };
            let Some(norm) = norm.take() else { continue };
            let Affine { scale, offset } = norm.affine(places, weights);
            let channels = scale.len();
            for (i, value) in weights[places[*kernel].range()].iter_mut().enumerate() {
                *value = (f64::from(*value) * scale[i % channels]) as f32;
            }
            let bias = *bias.get_or_insert_with(|| {
                let path = format!("{}/bias", step.layer);
                let (shape, offset) = (vec![channels], weights.len());
                places.push(Weight { path, shape, offset, trainable: false, scales: None });
                weights.resize(weights.len() + channels, 0.0);
                places.len() - 1
            });
            for (value, (scale, offset)) in
                weights[places[bias].range()].iter_mut().zip(scale.iter().zip(&offset))
            {
                *value = (f64::from(*value) * scale + offset) as f32;
            }
        }
    }
}

impl BatchNorm {
    /// The normalization in numbers, those of a model with these weights.
    pub(crate) fn affine(&self, places: &[Weight], weights: &[f32]) -> Affine {
        let values =
            |weight: WeightNumber| weights[places[weight].range()].iter().map(|&value| f64::from(value));
        let channels = places[self.mean].range().len();
        let or = |weight: Option<WeightNumber>, value: f64| {
            weight.map_or_else(|| vec![value; channels], |weight| values(weight).collect::<Vec<_>>())
        };
        let deviation = values(self.variance).map(|variance| (variance + f64::from(self.epsilon)).sqrt());
        let scale: Vec<f64> =
            or(self.gamma, 1.0).iter().zip(deviation).map(|(gamma, deviation)| gamma / deviation).collect();
        let offset = or(self.beta, 0.0)
            .iter()
            .zip(values(self.mean).zip(&scale))
            .map(|(beta, (mean, scale))| beta - mean * scale)
            .collect();
        Affine { scale, offset }
    }
}
