//! Time a photo against image size, batch size and number of photos, for `bench/scale`: the lecture's CNN in training
//! and in inference, on tensors in memory, or on a folder of up to 100,000 small photos. The number of threads is `RAYON_NUM_THREADS`.
//!
//! ```sh
//! cargo run --release -p petal --example scale -- size|batch|photos
//! ```
//!
//! Prints lines `what value milliseconds-a-photo`.

use std::path::Path;
use std::time::Instant;

use ndarray::Array;
use petal::applications::lecture_cnn;
use petal::prelude::*;
use rayon::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("size") => {
            for size in [96, 128, 180, 224, 256, 320, 384] {
                let photos = generated(32, size)?;
                println!("training {size} {:.3}", training(&photos, 3)?);
                println!("inference {size} {:.3}", inference(&photos, 3)?);
            }
        }
        Some("batch") => {
            for batch in [1, 2, 4, 8, 16, 32, 64, 128] {
                let photos = generated(batch.max(16), 180)?.batch_size(batch);
                println!("training {batch} {:.3}", training(&photos, 3)?);
                println!("inference {batch} {:.3}", inference(&photos, 3)?);
            }
        }
        Some("photos") => {
            for count in [1_000, 10_000, 100_000] {
                let folder = tempfile::tempdir()?;
                write_photos(folder.path(), count)?;
                let start = Instant::now();
                let photos = ImageFolder::new(folder.path()).image_size(32, 32).seed(1).load()?;
                println!("loading {count} {:.4}", start.elapsed().as_secs_f64() / count as f64 * 1e3);
                println!("training {count} {:.4}", training(&photos, 1)?);
                println!("inference {count} {:.4}", inference(&photos, 1)?);
            }
        }
        _ => eprintln!("argument: size, batch or photos"),
    }
    Ok(())
}

/// A folder of JPEGs of 32×32 pixels in five classes.
fn write_photos(folder: &Path, count: usize) -> Result<(), Box<dyn std::error::Error>> {
    (0..5).try_for_each(|class| std::fs::create_dir(folder.join(class.to_string())))?;
    let write = |n: usize| {
        let pixel = |x, y| image::Rgb([x * 8, y * 8, n as u32].map(|value| value as u8));
        let photo = image::RgbImage::from_fn(32, 32, pixel);
        photo.save(folder.join((n % 5).to_string()).join(format!("{n}.jpg")))
    };
    Ok((0..count).into_par_iter().try_for_each(write)?)
}

fn generated(count: usize, size: usize) -> petal::Result<ArrayDataset> {
    let pixel = |(n, y, x, c)| ((n * 7 + y * 3 + x * 5 + c * 11) % 256) as f32;
    let photos = Array::from_shape_fn([count, size, size, 3], pixel);
    let labels: Vec<usize> = (0..count).map(|n| n % 5).collect();
    Ok(ArrayDataset::new(photos, &labels)?.shuffle(1))
}

/// Milliseconds a photo, the median of this many epochs after the first, or of the first alone.
fn training(photos: &dyn Dataset, epochs: usize) -> petal::Result<f64> {
    let shape = photos.sample_shape();
    let mut model = lecture_cnn([shape[0], shape[1], shape[2]], 5, 1)?;
    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits())?;
    let mut clock = Clock(Vec::new());
    model.fit(photos, Fit::epochs(epochs + 1).callback(&mut clock).verbose(Verbose::Silent))?;
    let epochs = clock.0.windows(2).map(|ends| (ends[1] - ends[0]).as_secs_f64());
    Ok(median(epochs.collect()) / photos.len() as f64 * 1e3)
}

fn inference(photos: &dyn Dataset, passes: usize) -> petal::Result<f64> {
    let shape = photos.sample_shape();
    let model = lecture_cnn([shape[0], shape[1], shape[2]], 5, 1)?;
    let mut times = Vec::new();
    for _ in 0..passes {
        let start = Instant::now();
        model.predict(photos)?;
        times.push(start.elapsed().as_secs_f64());
    }
    Ok(median(times) / photos.len() as f64 * 1e3)
}

/// Notes when each epoch ends.
struct Clock(Vec<Instant>);

impl Callback for Clock {
    fn on_epoch_end(
        &mut self,
        _epoch: usize,
        _logs: &mut Logs,
        _training: &mut Training<'_>,
    ) -> petal::Result<()> {
        self.0.push(Instant::now());
        Ok(())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
