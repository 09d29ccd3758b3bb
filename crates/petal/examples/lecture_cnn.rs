//! The first half of the lecture "CNN and transfer learning": load photos, look at them, train a CNN, see it overfit,
//! and fight that.
//!
//! ```sh
//! cargo run --release --example lecture_cnn -- flower_photos
//! ```
//!
//! Without a folder, sample photos are drawn and used.

use petal::data::sample::{self, SampleOptions};
use petal::prelude::*;

fn main() -> petal::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "runs/sample-photos".into());
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
    let classes = train.class_names().len();
    println!("{} photos of {:?}, {} for validation", train.len() + val.len(), train.class_names(), val.len());
    photo_grid(&train, 42)?.save("photos.png")?;

    // A CNN.
    let x = Input::image(180, 180, 3);
    let h = Rescaling::new(1.0 / 255.0).on(&x)?;
    let h = Conv2D::new(16, 3).same().relu().on(&h)?;
    let h = MaxPooling2D::new(2).on(&h)?;
    let h = Conv2D::new(32, 3).same().relu().on(&h)?;
    let h = MaxPooling2D::new(2).on(&h)?;
    let h = Conv2D::new(64, 3).same().relu().on(&h)?;
    let h = MaxPooling2D::new(2).on(&h)?;
    let h = Flatten::new().on(&h)?;
    let h = Dense::new(128).relu().on(&h)?;
    let mut model = Model::new(&x, &Dense::new(classes).on(&h)?)?;
    println!("{}", model.summary());

    // Train it. The curves drift apart: it overfits.
    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits())?;
    let history = model.fit(&train, Fit::epochs(10).validation(&val))?;
    history.plot().save("cnn.png")?;

    // Remedies: augmentation, dropout, early stopping.
    let augmentation = Sequential::new(Input::image(180, 180, 3))
        .add(RandomFlip::new(FlipMode::Horizontal))
        .add(RandomRotation::new(0.1))
        .add(RandomZoom::new(0.1))
        .build()?;
    augmentation_grid(&train, &augmentation, 42)?.save("augmentations.png")?;

    let x = Input::image(180, 180, 3);
    let h = augmentation.on(&x)?;
    let h = Rescaling::new(1.0 / 255.0).on(&h)?;
    let h = Conv2D::new(16, 3).same().relu().on(&h)?;
    let h = MaxPooling2D::new(2).on(&h)?;
    let h = Conv2D::new(32, 3).same().relu().on(&h)?;
    let h = MaxPooling2D::new(2).on(&h)?;
    let h = Conv2D::new(64, 3).same().relu().on(&h)?;
    let h = MaxPooling2D::new(2).on(&h)?;
    let h = Dropout::new(0.2).on(&h)?;
    let h = Flatten::new().on(&h)?;
    let h = Dense::new(128).relu().on(&h)?;
    let mut model = Model::new(&x, &Dense::new(classes).on(&h)?)?;
    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits())?;
    let early_stopping = EarlyStopping::new().monitor("val_accuracy").patience(5).restore_best_weights(true);
    let history = model.fit(&train, Fit::epochs(15).validation(&val).callback(early_stopping))?;
    history.plot().save("cnn_regularized.png")?;

    // Look at one photo through the model's eyes.
    let probabilities = model.classify(&val)?;
    println!("{} is {:.1?}", val.file_paths()[0].display(), probabilities.row(0).to_vec());
    Ok(())
}
