//! What a model takes for one sample, bounded before memory or time is spent: a graph may come from a file that asks
//! for more than any machine has.

use super::Node;
use crate::layers::Definition;

/// Sums over all layers, those of nested models too.
#[derive(Debug, Default)]
pub(super) struct Cost {
    layers: usize,
    /// Values of the layers' outputs.
    values: usize,
    /// Multiplications and comparisons.
    operations: usize,
}

const MOST_LAYERS: usize = 100_000;

/// What a model takes at most: 4 GB, and minutes. VGG16 takes 2^24 values and 2^34 operations at 224 × 224.
const MOST: [usize; 2] = [1 << 30, 1 << 40];

/// Of that, what it may take that has hardly any weights: 1 GB, and seconds.
const MOST_WITHOUT_WEIGHTS: [usize; 2] = [1 << 28, 1 << 32];

/// And for each weight: one use a pixel of 4096 × 4096, and a value for each thousand of these.
const MOST_OF_A_WEIGHT: [usize; 2] = [1 << 14, 1 << 24];

impl Cost {
    /// Counts a layer whose shape and weights are known, but for what is inside of a nested model.
    pub fn add(&mut self, node: &Node) -> Result<(), String> {
        let shape = node.output_shape();
        let rows = shape.elements() / shape.last().copied().unwrap_or(1).max(1);
        let weights: usize = node.weights().iter().map(super::Weight::elements).sum();
        let operations = shape.elements().saturating_mul(node.layer().inputs_per_output());
        self.layers += 1;
        self.values = self.values.saturating_add(shape.elements());
        self.operations =
            self.operations.saturating_add(operations).saturating_add(rows.saturating_mul(weights));
        match self.layers {
            0..=MOST_LAYERS => Ok(()),
            layers => {
                Err(format!("the model has {layers} layers up to here; expected at most {MOST_LAYERS}"))
            }
        }
    }

    /// Refuses a model with this many weights that takes too much memory or time.
    pub fn check(&self, weights: usize) -> Result<(), String> {
        let found = [(self.values, "values in its layers' outputs"), (self.operations, "operations")];
        for (i, (found, what)) in found.into_iter().enumerate() {
            let for_weights = weights.saturating_mul(MOST_OF_A_WEIGHT[i]);
            let most = for_weights.saturating_add(MOST_WITHOUT_WEIGHTS[i]).min(MOST[i]);
            if found > most {
                return Err(format!(
                    "the model takes {found} {what} for one sample; expected at most {most} for one with {weights} \
                     parameters"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::layers::*;
    use crate::model::Sequential;

    fn problem(input: Tensor, layers: impl IntoIterator<Item = LayerSpec>) -> String {
        let model = layers.into_iter().fold(Sequential::new(input), |model, layer| model.add(layer));
        model.build().unwrap_err().to_string()
    }

    #[test]
    fn what_no_machine_can_compute_is_refused_before_it_is_tried() {
        let image = || Input::image(4096, 4096, 3);
        let wide = |_| Conv2D::new(15, 1).into();
        assert!(problem(image(), (0..5).map(wide)).contains("values in its layers' outputs for one sample"));
        let cheap = |_| Activation::new(Function::Relu).into();
        assert!(
            problem(image(), (0..6).map(cheap))
                .contains("expected at most 268435456 for one with 0 parameters")
        );
        let pool = MaxPooling2D::new(4096).strides(1).same().into();
        assert!(problem(image(), [pool]).contains("operations for one sample"));
        let deep = |_| Conv2D::new(256, 3).same().into();
        let error = problem(Input::image(512, 512, 256), (0..10).map(deep));
        assert!(error.contains("expected at most 1099511627776"), "{error}");
    }

    #[test]
    fn large_images_in_usual_networks_are_not() {
        use crate::applications::{MobileNetV2, VGG16, Weights};
        VGG16::new(896, 896).include_top(false).weights(Weights::None).build().unwrap();
        MobileNetV2::new(1024, 1024).include_top(false).weights(Weights::None).build().unwrap();
    }
}
