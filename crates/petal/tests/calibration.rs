//! The temperature goes wherever probabilities go, and nowhere else.

use std::fs;

use ndarray::{Array2, array};
use petal::calibration::{Calibration, Familiarity, Rankings, Reliability};
use petal::data::ArrayDataset;
use petal::layers::*;
use petal::model::Model;
use petal::saving::onnx::Onnx;
use petal::training::{Fit, SGD, SparseCategoricalCrossentropy, Verbose};

fn model(units: usize) -> Model {
    let x = Input::new([3]);
    Model::new(&x, &Dense::new(units).on(&x).unwrap()).unwrap()
}

fn softmax(logits: &[f32], temperature: f32) -> Vec<f32> {
    let powers: Vec<f32> = logits.iter().map(|z| (z / temperature).exp()).collect();
    powers.iter().map(|power| power / powers.iter().sum::<f32>()).collect()
}

#[test]
fn files_and_exports_give_calibrated_probabilities_and_outputs_are_raw() {
    let inputs = array![[1.0, 2.0, -3.0], [4.0, 0.5, 0.0]].into_dyn();
    let folder = tempfile::tempdir().unwrap();
    for units in [1, 4] {
        let mut model = model(units);
        let raw = model.predict_array(inputs.view()).unwrap();
        model.set_temperature(2.5).unwrap();
        let familiarity = Familiarity::new(raw.iter().map(|value| value / 3.0).collect());
        assert!(familiarity.is_some());
        model.set_familiarity(familiarity.clone()).unwrap();
        assert_eq!(model.predict_array(inputs.view()).unwrap(), raw);
        let expected = model.predict_probabilities(inputs.view()).unwrap();
        for (row, logits) in expected.rows().into_iter().zip(raw.rows()) {
            let logits = if units == 1 { vec![0.0, logits[0]] } else { logits.to_vec() };
            let close = row.iter().zip(softmax(&logits, 2.5)).all(|(a, b)| (a - b).abs() < 1e-6);
            assert!(close, "{row} of {logits:?}");
        }
        let flat: Vec<f32> = inputs.iter().copied().collect();
        assert_eq!(model.predictor(2).unwrap().probabilities(&flat).unwrap(), expected);
        for file in ["model.petal", "model.keras", "model.h5"] {
            model.save(folder.path().join(file)).unwrap();
            let loaded = Model::load(folder.path().join(file)).unwrap();
            assert_eq!(loaded.temperature(), 2.5, "{file}");
            assert_eq!(loaded.familiarity(), familiarity.as_ref(), "{file}");
            assert_eq!(loaded.predict_probabilities(inputs.view()).unwrap(), expected, "{file}");
        }
        let path = folder.path().join("model.onnx");
        model.export(&path, &Onnx::new()).unwrap();
        let values = rten::Value::from_shape(&[2, 3], flat).unwrap();
        let outputs =
            rten::Model::load(fs::read(path).unwrap()).unwrap().run_one((&values).into(), None).unwrap();
        let (shape, outputs) = outputs.into_shape_vec::<f32, 2>().unwrap();
        let exported = Array2::from_shape_vec((shape[0], shape[1]), outputs).unwrap();
        assert!((&exported - &expected).iter().all(|difference| difference.abs() < 1e-6), "{exported}");
    }
}

#[test]
fn training_forgets_the_calibration_of_other_weights() {
    let mut model = model(2);
    model.compile(SGD::new(0.1), SparseCategoricalCrossentropy::from_logits()).unwrap();
    model.set_temperature(3.0).unwrap();
    model.set_familiarity(Familiarity::new(vec![1.0])).unwrap();
    let data = ArrayDataset::new(array![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], &[0, 1]).unwrap();
    model.fit(&data, Fit::epochs(1).verbose(Verbose::Silent)).unwrap();
    assert_eq!(model.temperature(), 1.0);
    assert!(model.familiarity().is_none());
}

#[test]
fn what_cannot_be_calibrated_is_refused() {
    let x = Input::new([3]);
    let mut model = Model::new(&x, &Softmax::new().on(&x).unwrap()).unwrap();
    let data = ArrayDataset::new(array![[1.0, 0.0, 0.0]], &[0]).unwrap();
    let error = Calibration::fit(&model, &data, &[0]).unwrap_err().to_string();
    assert!(error.contains("softmax"), "{error}");
    assert!(model.set_temperature(2.0).is_err());
    assert!(model.set_familiarity(Familiarity::new(vec![1.0])).is_err());
    let mut model = self::model(3);
    for temperature in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        assert!(model.set_temperature(temperature).is_err());
    }
    assert!(Calibration::fit(&model, &data, &[3]).unwrap_err().to_string().contains('3'));
    assert!(Calibration::fit(&model, &data, &[]).is_err());
}

/// As `fixtures/calibration.py` computes them by scikit-learn and NumPy.
#[test]
fn scores_are_those_of_scikit_learn() {
    let fixture: serde_json::Value = serde_json::from_str(include_str!("fixtures/calibration.json")).unwrap();
    let numbers = |key: &str| -> Vec<f64> { serde_json::from_value(fixture[key].clone()).unwrap() };
    let labels: Vec<usize> = serde_json::from_value(fixture["labels"].clone()).unwrap();
    let array = |key: &str| {
        let values: Vec<f32> = numbers(key).iter().map(|&p| p as f32).collect();
        Array2::from_shape_vec((labels.len(), values.len() / labels.len()), values).unwrap()
    };
    let ours = Reliability::new(&array("probabilities"), &labels).unwrap();
    for (name, value) in
        [("log_loss", ours.log_loss), ("brier", ours.brier), ("expected_error", ours.expected_error())]
    {
        let expected = fixture[name].as_f64().unwrap();
        assert!((value - expected).abs() < 1e-6, "{name}: {value}, expected {expected}");
    }
    for (scores, prefix) in [("probabilities", ""), ("rounded", "rounded_")] {
        let rankings = Rankings::new(&array(scores), &labels).unwrap();
        let auroc = numbers(&format!("{prefix}auroc"));
        let precision = numbers(&format!("{prefix}average_precision"));
        for (class, ranking) in rankings.classes.iter().enumerate() {
            let ranking = ranking.as_ref().unwrap();
            assert!((ranking.auroc - auroc[class]).abs() < 1e-9, "{prefix}AUROC of {class}");
            assert!((ranking.average_precision - precision[class]).abs() < 1e-9, "{prefix}AP of {class}");
        }
    }
}
