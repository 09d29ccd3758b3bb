//! A training step in its steady state allocates nothing of the model's size. Alone in its file: it counts what the
//! whole process allocates.

use std::alloc::System;

use ndarray::Array4;
use petal::Result;
use petal::data::ArrayDataset;
use petal::layers::*;
use petal::model::Model;
use petal::training::*;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Counts from step 5 on, when batches' memory is in use.
struct Count {
    region: Option<Region<'static, System>>,
    allocations: usize,
    bytes: usize,
}

impl Callback for Count {
    fn on_batch_end(&mut self, step: usize, _logs: &Logs, _training: &mut Training<'_>) -> Result<()> {
        match (step, &self.region) {
            (5, _) => self.region = Some(Region::new(ALLOCATOR)),
            (45, Some(region)) => {
                let change = region.change();
                (self.allocations, self.bytes) = (change.allocations, change.bytes_allocated);
            }
            _ => {}
        }
        Ok(())
    }
}

#[test]
fn a_step_allocates_next_to_nothing() -> Result<()> {
    let x = Input::image(24, 24, 3);
    let h = RandomFlip::new(FlipMode::Horizontal).on(&x)?;
    let h = RandomRotation::new(0.1).on(&h)?;
    let h = Rescaling::new(1.0 / 255.0).on(&h)?;
    let h = Conv2D::new(16, 3).same().relu().on(&h)?;
    let h = BatchNormalization::new().on(&h)?;
    let h = MaxPooling2D::new(2).on(&h)?;
    let h = MaxPooling2D::new(2).on(&Conv2D::new(24, 3).same().relu().on(&h)?)?;
    let h = DepthwiseConv2D::new(3).same().relu().on(&h)?;
    let h = Conv2D::new(32, 1).relu().on(&Dropout::new(0.2).on(&h)?)?;
    let h = Dense::new(64).relu().on(&Flatten::new().on(&h)?)?;
    let mut model = Model::new(&x, &Dense::new(5).on(&h)?)?;
    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits())?;
    let labels: Vec<usize> = (0..8 * 50).map(|i| i % 5).collect();
    let data = ArrayDataset::new(Array4::ones((8 * 50, 24, 24, 3)), &labels)?.batch_size(8);
    let mut count = Count { region: None, allocations: 0, bytes: 0 };
    let weights = vec![1.0; 5];
    model.fit(&data, Fit::epochs(1).class_weights(weights).callback(&mut count).verbose(Verbose::Silent))?;
    let (allocations, bytes) = (count.allocations as f64 / 40.0, count.bytes as f64 / 40.0);
    println!("a step makes {allocations} allocations of {bytes} bytes together");
    // What is left is lists of a few slices; a batch alone would be 55,296 bytes.
    assert!(bytes < 4096.0, "a step allocates {bytes} bytes");
    assert!(allocations < 8.0, "a step makes {allocations} allocations");
    Ok(())
}
