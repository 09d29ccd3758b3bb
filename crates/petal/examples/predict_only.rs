//! What a photo shows, by a model that Petal has saved. It needs none of Petal's features but `gif` and `webp` for such
//! photos, so a program like this depends on a third as many crates:
//!
//! ```sh
//! cargo run --release -p petal --no-default-features --example predict_only -- model.petal tulip.jpg
//! ```

use petal::ndarray::ArrayView;
use petal::prelude::*;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, photos @ ..] = &arguments[..] else {
        eprintln!("arguments: MODEL PHOTO…");
        std::process::exit(2);
    };
    let model = Model::load(model)?;
    let Some(preprocessing) = model.preprocessing() else {
        eprintln!("the model doesn't say how photos become its input; set it with Model::set_preprocessing");
        std::process::exit(1);
    };
    let [height, width, channels] = preprocessing.shape();
    for photo in photos {
        let pixels = preprocessing.load(photo)?;
        let batch = ArrayView::from_shape([1, height, width, channels], &pixels).expect("one photo's pixels");
        let probabilities = model.predict_probabilities(batch.into_dyn())?;
        let classes = RankedClasses::new(model.class_names(), probabilities);
        println!("{photo}: {} {:.1} %", classes.class(), 100.0 * classes.probability());
    }
    Ok(())
}
