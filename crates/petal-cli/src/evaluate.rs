//! `petal evaluate`.

use petal::data::{Dataset, ImageFolder};
use petal::model::Model;
use petal::report::ClassificationReport;
use serde_json::json;

use crate::args::Evaluate;
use crate::{Outcome, SUCCESS, load, photo_folder, run_folder};

pub fn run(args: &Evaluate) -> Outcome {
    let file = run_folder::model_file(&args.model);
    let mut model = Model::load(&file)?;
    let Some(preprocessing) = model.preprocessing().cloned() else {
        return Err(format!("{}: the model doesn't say how photos become its input", file.display()).into());
    };
    let directory = photo_folder::find(Some(&args.directory))?;
    let folder = ImageFolder::new(&directory)
        .preprocessing(preprocessing)
        .classes_of(model.class_names())
        .batch_size(args.batch_size)
        .shuffle(false)
        .follow_links(args.follow_links)
        .strict(args.strict);
    let data = load::with_progress(folder, args.json).load()?;
    load::describe(&directory, &[("all", &data)]);
    load::warn(&[&data]);
    let evaluation = model.evaluate(&data)?;
    let report =
        ClassificationReport::from_probabilities(data.labels(), &model.classify(&data)?, data.class_names())?;
    if args.json {
        let line = json!({
            "photos": data.len(),
            "loss": evaluation.loss,
            "accuracy": evaluation.accuracy(),
            "classes": report,
        });
        println!("{line}");
    } else {
        println!("{report}");
        println!("accuracy: {:.4} - loss: {:.4}", evaluation.accuracy(), evaluation.loss);
    }
    Ok(SUCCESS)
}
