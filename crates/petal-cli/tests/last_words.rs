//! What a person sees last: how good the saved model is, where it is, and what to do next.

mod binary;

use std::fs;
use std::path::Path;

use binary::{assert_success, petal, stderr, stdout, with_photos};

const SMALL: [&str; 6] = ["train", "photos", "--image-size", "32", "--batch-size", "8"];

fn train(more: &[&str]) -> Vec<String> {
    [&SMALL[..], more].concat().iter().map(|&word| word.to_owned()).collect()
}

fn run(at: &Path, arguments: &[String]) -> std::process::Output {
    petal(at, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The commands that are proposed.
fn proposed(stderr: &str) -> Vec<String> {
    let next = stderr.split_once("\nNext:\n").unwrap_or_else(|| panic!("nothing is proposed:\n{stderr}")).1;
    next.lines()
        .map_while(|line| line.strip_prefix("  petal "))
        .map(|line| line.split("    #").next().unwrap().into())
        .collect()
}

#[test]
fn a_training_ends_with_its_accuracy_its_model_and_commands_that_work() {
    let folder = with_photos(6);
    let at = folder.path();
    let output = run(at, &train(&["--epochs", "2", "-o", "my run"]));
    assert_success(&output);
    assert_eq!(stdout(&output).trim(), Path::new("my run").join("report.html").display().to_string());
    let said = stderr(&output);
    let evaluated: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(at.join("my run/history.json")).unwrap()).unwrap();
    let accuracy = evaluated["values"]["val_accuracy"][1].as_f64().unwrap();
    let accuracy = format!("Accuracy on the validation photos: {:.1} % (epoch 2 of 2)", 100.0 * accuracy);
    assert!(said.contains(&accuracy), "{accuracy}\n{said}");
    assert!(said.contains("epoch 2 of 2), 95 % interval "), "{said}");
    assert!(said.contains("\nProbabilities are off by "), "{said}");
    assert!(
        said.contains(&format!("Model: {}", Path::new("my run").join("model.petal").display())),
        "{said}"
    );
    let commands = proposed(&said);
    let begins = |what: &str| {
        commands
            .iter()
            .find(|command| command.starts_with(what))
            .unwrap_or_else(|| panic!("{what}: {commands:?}"))
    };
    begins("predict 'my run' photo.jpg");
    begins("train photos --image-size 32 ");
    if cfg!(unix) {
        fs::copy(at.join("photos/daisy/daisy_001.jpg"), at.join("photo.jpg")).unwrap();
        for command in [begins("predict"), begins("explain")] {
            let petal = env!("CARGO_BIN_EXE_petal");
            let shell = std::process::Command::new("sh")
                .current_dir(at)
                .args(["-c", &format!("'{petal}' {command}")])
                .output()
                .unwrap();
            assert_success(&shell);
        }
    }

    let quiet = run(at, &train(&["--epochs", "1", "-o", "quiet", "-q"]));
    assert_success(&quiet);
    assert!(!stderr(&quiet).contains("Next:"), "{}", stderr(&quiet));
}

#[test]
fn what_is_proposed_is_what_a_network_lacks() {
    let folder = with_photos(6);
    let at = folder.path();
    for (more, proposal) in [
        // It knows its photos by heart.
        (&["--epochs", "25", "--learning-rate", "0.003"][..], "--model cnn-regularized"),
        (
            &["--model", "mobilenet-v2", "--weights", "none", "--epochs", "1"],
            "--model mobilenet-v2 --weights none --fine-tune-at 100",
        ),
    ] {
        let output = run(at, &train(more));
        assert_success(&output);
        let commands = proposed(&stderr(&output));
        let proposal = format!("train photos --image-size 32 {proposal}");
        assert!(commands.contains(&proposal), "{proposal}: {commands:?}");
    }
}

#[test]
fn the_number_of_a_restored_epoch_is_the_saved_model_s_everywhere() {
    let folder = with_photos(6);
    let at = folder.path();
    // At this step size the accuracy jumps about, so the best epoch is hardly ever the last.
    let more = ["--epochs", "8", "--early-stopping", "3", "--learning-rate", "0.02", "-o", "run"];
    let output = run(at, &train(&more));
    assert_success(&output);
    let history: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(at.join("run/history.json")).unwrap()).unwrap();
    let epochs = history["epochs"].as_array().unwrap().len();
    let values: Vec<f64> =
        history["values"]["val_accuracy"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let best = values.iter().copied().fold(0.0, f64::max);
    let epoch = values.iter().position(|&value| value == best).unwrap();
    let restored = if epoch + 1 == epochs { "" } else { ", restored" };
    let said = format!("{:.1} % (epoch {} of {epochs}{restored})", 100.0 * best, epoch + 1);
    assert!(stderr(&output).contains(&said), "{said}\n{}", stderr(&output));
    let report = fs::read_to_string(at.join("run/report.html")).unwrap().replace('\u{a0}', " ");
    assert!(report.contains(&format!("<dd>{:.1} %</dd>", 100.0 * best)));
    assert!(report.contains(&format!("epoch {} of {epochs}{restored}", epoch + 1)));
}

#[test]
fn a_lecture_shows_what_its_saved_models_are() {
    let folder = with_photos(4);
    let at = folder.path();
    let output =
        petal(at, &["lecture", "photos", "--phases", "1,2", "--epochs-scale", "0.2", "--output", "lecture"]);
    assert_success(&output);
    let report = fs::read_to_string(at.join("lecture/report.html")).unwrap().replace('\u{a0}', " ");
    let place = |part: &str| report.find(part).unwrap_or_else(|| panic!("{part} is missing"));
    assert!(place(">Compared<") < place(">The photos<") && place(">The photos<") < place("1 · CNN"));
    let highlights = &report[place("class=\"highlights\"")..place(">Compared<")];
    for (name, file) in [("CNN", "1-cnn"), ("CNN, regularized", "2-cnn-regularized")] {
        let model = format!("lecture/{file}.petal");
        let history = fs::read_to_string(at.join(format!("lecture/{file}.json"))).unwrap();
        let history: serde_json::Value = serde_json::from_str(&history).unwrap();
        let epochs = history["epochs"].as_array().unwrap();
        let epoch = history["restored"].as_u64().unwrap_or(epochs.len() as u64 - 1);
        let shown =
            format!("{:.1} %", 100.0 * history["values"]["val_accuracy"][epoch as usize].as_f64().unwrap());
        assert!(
            highlights.contains(&format!("<dt>{name}</dt><dd>{shown}</dd>")),
            "{name} {shown}: {highlights}"
        );
        let line = stderr(&output);
        let line = line.lines().find(|line| line.contains(&format!("{file}.petal"))).unwrap();
        assert!(
            line.contains(&shown) && line.contains(&format!("epoch {} of {}", epoch + 1, epochs.len())),
            "{line}"
        );
        assert_success(&petal(at, &["predict", &model, "photos/daisy/daisy_001.jpg"]));
    }
    assert!(proposed(&stderr(&output)).iter().any(|command| command.starts_with("predict lecture/")));
}

/// A folder of many classes with few tiny photos.
fn many_classes(at: &Path, classes: usize) {
    let photo = image::RgbImage::from_fn(8, 8, |x, y| image::Rgb([x as u8 * 30, y as u8 * 30, 90]));
    photo.save(at.join("photo.png")).unwrap();
    let bytes = fs::read(at.join("photo.png")).unwrap();
    for class in 0..classes {
        let folder = at.join(format!("photos/class {class:04}"));
        fs::create_dir_all(&folder).unwrap();
        for photo in 0..2 {
            let mut bytes = bytes.clone();
            // Other bytes after the picture's end: no two files are the same.
            bytes.extend(format!("{class} {photo}").bytes());
            fs::write(folder.join(format!("{photo}.png")), bytes).unwrap();
        }
    }
}

#[test]
fn pictures_and_report_of_many_classes_are_bounded_and_the_tables_whole() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    many_classes(at, 300);
    let output = run(at, &train(&["--epochs", "1", "-o", "run", "-q"]));
    assert_success(&output);
    for entry in fs::read_dir(at.join("run")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "png") {
            let (width, height) = image::image_dimensions(&path).unwrap();
            assert!(width <= 3000 && height <= 3000, "{}: {width}x{height}", path.display());
        }
    }
    let report = fs::read_to_string(at.join("run/report.html")).unwrap();
    assert!(report.len() < 2_000_000, "{}", report.len());
    assert!(report.contains("40 of 300 classes") && report.contains("100 of 300 classes"));
    let rows = |table: &str| fs::read_to_string(at.join("run").join(table)).unwrap().lines().count() - 1;
    assert_eq!(rows("classes.csv"), 300);
    assert!(rows("mistakes.csv") > 100);
    assert!(report.contains(&format!("12 of the {} wrong answers", rows("mistakes.csv"))));
}
