//! The second half of the lecture "CNN and transfer learning": MobileNetV2, trained on ImageNet, learns to tell the
//! photos of a folder apart; first its new head alone, then its last layers too.
//!
//! ```sh
//! cargo run --release -p petal --example transfer_learning -- flower_photos
//! ```
//!
//! Without a folder, sample photos are drawn and used. A number after the folder is that of the epochs of each half,
//! instead of 10. The weights are taken from Keras' cache, or downloaded into it.

use petal::applications::{MobileNetV2, Weights};
use petal::data::sample::{self, SampleOptions};
use petal::plot::{GridImage, curves, grid};
use petal::prelude::*;

fn main() -> petal::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "runs/sample-photos".into());
    let initial_epochs = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(10);
    if folder == "runs/sample-photos" {
        sample::write(&folder, &SampleOptions::default())?;
    }

    // Load the photos: 80 % for training, 20 % for validation, the very files that Keras would take.
    let (train, val) = ImageFolder::new(&folder)
        .image_size(180, 180)
        .batch_size(32)
        .seed(42)
        .validation_split(0.2)
        .split()?;
    let class_names = train.class_names().to_vec();
    println!("{} photos of {class_names:?}, {} for validation", train.len() + val.len(), val.len());

    // The base: MobileNetV2 without its classifier.
    let mobilenet = MobileNetV2::new(180, 180).include_top(false);
    let mut base = mobilenet.build().or_else(|problem| {
        println!("THE BASE BEGINS WITH RANDOM WEIGHTS, so it has learned nothing that could be transferred: {problem}");
        mobilenet.weights(Weights::None).build()
    })?;
    println!("Features of a batch: {}", base.output_shape());

    // Feature extraction: the base is frozen, its BatchNormalization in inference mode.
    base.set_trainable(false);
    println!("{}", base.summary());

    let augmentation = Sequential::new(Input::image(180, 180, 3))
        .add(RandomFlip::new(FlipMode::Horizontal))
        .add(RandomRotation::new(0.1))
        .add(RandomZoom::new(0.1))
        .build()?;
    let x = Input::image(180, 180, 3);
    let h = augmentation.on(&x)?;
    let h = MobileNetV2::preprocess_input(&h)?;
    let h = base.with_training(false).on(&h)?;
    let h = GlobalAveragePooling2D::new().on(&h)?;
    let h = Dropout::new(0.2).on(&h)?;
    let mut model = Model::new(&x, &Dense::new(class_names.len()).on(&h)?)?;
    println!("{}", model.summary());

    // Train the head.
    model.compile(Adam::new(1e-4), SparseCategoricalCrossentropy::from_logits())?;
    let before = model.evaluate(&val)?;
    println!("Before training: loss {:.2}, accuracy {:.2}", before.loss, before.accuracy());
    let history = model.fit(&train, Fit::epochs(initial_epochs).validation(&val))?;
    history.plot().save("feature_extraction.png")?;

    // Fine-tuning: the base from layer 100 on, at a low learning rate. Its statistics stay as they are.
    println!("The base has {} layers", base.layers().len());
    let fine_tune_at = 100;
    base.set_trainable(true);
    for layer in &mut base.layers_mut()[..fine_tune_at] {
        layer.set_trainable(false);
    }
    model.compile(RMSprop::new(1e-5), SparseCategoricalCrossentropy::from_logits())?;
    println!("{}", model.summary());
    let fit = Fit::epochs(2 * initial_epochs).initial_epoch(history.next_epoch()).validation(&val);
    model.fit(&train, fit)?;

    // The curves of both, with a line where fine-tuning began.
    let mut run = model.history().run("");
    run.fine_tuning_starts = Some(initial_epochs);
    curves(&[run]).save("fine_tuning.png")?;

    // What it makes of photos that it was not trained on.
    let after = model.evaluate(&val)?;
    println!("After training: loss {:.2}, accuracy {:.2}", after.loss, after.accuracy());
    let probabilities = model.classify(&val)?;
    let photos = (0..val.len().min(9)).map(|i| val.image(i)).collect::<petal::Result<Vec<_>>>()?;
    let titles = probabilities.rows().into_iter().map(|row| {
        let best = (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
        format!("{} {:.0} %", class_names[best], 100.0 * row[best])
    });
    let titles: Vec<String> = titles.collect();
    let cells: Vec<GridImage<'_>> = photos
        .iter()
        .zip(&titles)
        .map(|(photo, title)| GridImage {
            rgb: photo.as_raw(),
            width: photo.width() as usize,
            height: photo.height() as usize,
            title,
        })
        .collect();
    grid(&cells, 3)?.save("predictions.png")
}
