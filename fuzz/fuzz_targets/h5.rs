//! Keras' HDF5 files: as whole models, and as weights for a small network, in both of Keras' layouts and by the layers'
//! names too.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use petal::prelude::*;
use petal::saving::LoadWeights;

fn network() -> petal::Result<Model> {
    let x = Input::image(8, 8, 3);
    let h = Conv2D::new(4, 3).relu().on(&x)?;
    let h = BatchNormalization::new().on(&h)?;
    let h = Flatten::new().on(&h)?;
    Model::new(&x, &Dense::new(2).on(&h)?)
}

fuzz_target!(init: petal_fuzz::watch_panics(), |data: &[u8]| {
    petal_fuzz::try_model("keras_model.h5", data, |file| Model::load(file));
    let folder = petal_fuzz::folder();
    for name in ["a.h5", "a.weights.h5"] {
        let file = folder.path().join(name);
        fs::write(&file, data).expect("the file can be written");
        let mut model = network().expect("the network is sound");
        for options in [LoadWeights::new(), LoadWeights::new().by_name(true).skip_mismatch(true)] {
            let _ = model.load_weights(&file, options);
        }
        petal_fuzz::try_prediction(&model);
    }
});
