//! The last layer, found at once.

use std::cell::Cell;

use ndarray::Array4;
use petal::Result;
use petal::data::ArrayDataset;
use petal::layers::*;
use petal::model::Model;
use petal::training::callbacks::LambdaCallback;
use petal::training::*;

/// Images of noise, brighter in the channel of their class.
fn images(samples: usize, seed: u64) -> ArrayDataset {
    let mut generator = petal::random::Key::new(seed).generator();
    let labels: Vec<usize> = (0..samples).map(|sample| sample % 3).collect();
    let mut images = Array4::from_shape_simple_fn((samples, 6, 6, 3), || 200.0 * generator.uniform());
    for ((sample, _, _, channel), value) in images.indexed_iter_mut() {
        *value += if labels[sample] == channel { 55.0 } else { 0.0 };
    }
    ArrayDataset::new(images, &labels).unwrap().batch_size(8).shuffle(seed)
}

fn model(softmax: bool) -> Result<Model> {
    let x = Input::image(6, 6, 3);
    let h = RandomFlip::new(FlipMode::Horizontal).on(&x)?;
    let h = Conv2D::new(16, 3).relu().on(&Rescaling::new(1.0 / 255.0).on(&h)?)?;
    let h = Dropout::new(0.5).on(&GlobalAveragePooling2D::new().on(&h)?)?;
    let head = Dense::new(3);
    let mut model = Model::with_seed(1, &x, &if softmax { head.softmax() } else { head }.on(&h)?)?;
    let loss = match softmax {
        true => SparseCategoricalCrossentropy::from_probabilities(),
        false => SparseCategoricalCrossentropy::from_logits(),
    };
    model.compile(Adam::new(1e-3), loss)?;
    Ok(model)
}

#[test]
fn it_is_what_many_epochs_come_to_and_the_history_says_what_evaluate_does() -> Result<()> {
    let (train, validation) = (images(120, 1), images(60, 2));
    for softmax in [false, true] {
        let mut model = model(softmax)?;
        let kernel = model.weight("conv2d/kernel")?;
        let fit = Fit::epochs(1).validation(&validation).verbose(Verbose::Silent);
        let fitted = model.fit_head(&train, fit)?;
        let history = &fitted.history;
        assert_eq!(model.history(), history);
        for (data, prefix) in [(&train, ""), (&validation, "val_")] {
            let evaluation = model.evaluate(data)?;
            let (loss, accuracy) =
                (history.get(&format!("{prefix}loss"))?, history.get(&format!("{prefix}accuracy"))?);
            assert!((evaluation.loss - loss[0]).abs() < 1e-5, "{prefix}loss {loss:?}, {evaluation:?}");
            assert_eq!([evaluation.accuracy()], accuracy);
            assert!(accuracy[0] > 0.85, "{prefix}accuracy {accuracy:?}");
        }
        let best = fitted.tried.iter().map(|tried| tried.loss).fold(f64::INFINITY, f64::min);
        let chosen = fitted.tried.iter().find(|tried| tried.l2 == fitted.l2).unwrap();
        assert_eq!(chosen.loss, best);
        assert_eq!(model.weight("conv2d/kernel")?, kernel, "only the head changes");
    }
    Ok(())
}

#[test]
fn a_class_that_weighs_nothing_is_never_answered() -> Result<()> {
    let train = images(120, 3);
    let answers_of_class_2 = |weights: [f32; 3]| -> Result<usize> {
        let mut model = model(false)?;
        model.fit_head(&train, Fit::epochs(1).class_weights(weights).verbose(Verbose::Silent))?;
        let outputs = model.predict(&train)?;
        let answers = outputs.rows().into_iter().filter(|row| row[2] > row[0] && row[2] > row[1]);
        Ok(answers.count())
    };
    assert!(answers_of_class_2([1.0, 1.0, 1.0])? > 30);
    assert_eq!(answers_of_class_2([1.0, 1.0, 0.0])?, 0);
    Ok(())
}

#[test]
fn a_callback_ends_it_and_the_model_stays_as_it_was() -> Result<()> {
    let mut model = model(false)?;
    let kernel = model.weight("dense/kernel")?;
    let batches = Cell::new(0);
    let stop = LambdaCallback::new().on_batch_end(|_, _, training| {
        batches.set(batches.get() + 1);
        if batches.get() == 3 {
            training.stop_now();
        }
        Ok(())
    });
    let fitted = model.fit_head(&images(120, 4), Fit::epochs(1).callback(stop).verbose(Verbose::Silent))?;
    assert_eq!(batches.get(), 3);
    assert!(fitted.history.epochs().is_empty() && model.history().epochs().is_empty());
    assert_eq!(model.weight("dense/kernel")?, kernel);
    Ok(())
}

#[test]
fn a_model_that_ends_otherwise_is_refused() -> Result<()> {
    let x = Input::image(6, 6, 3);
    let h = GlobalAveragePooling2D::new().on(&x)?;
    let ends = [
        (Dense::new(3).on(&Flatten::new().on(&x)?)?, None),
        (Activation::new(Function::Relu).on(&Dense::new(3).on(&h)?)?, Some("it isn't a dense layer")),
    ];
    for (end, problem) in ends {
        let mut model = Model::new(&x, &end)?;
        model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits())?;
        let fitted = model.fit_head(&images(12, 5), Fit::epochs(1).verbose(Verbose::Silent));
        match problem {
            None => assert_eq!(fitted?.history.epochs(), [0]),
            Some(problem) => {
                let error = fitted.unwrap_err().to_string();
                assert!(error.contains(problem) && error.contains("Dense::new(classes)"), "{error}");
            }
        }
    }
    Ok(())
}
