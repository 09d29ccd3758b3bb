//! `--profile` and `PETAL_PROFILE`.

mod binary;

use std::fs;
use std::path::Path;

use binary::{assert_success, command, petal, stderr, stdout, with_photos};
use serde_json::Value;

/// The names of the events in a trace, each with its pass.
fn events(path: &Path) -> Vec<(String, String)> {
    let trace: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    events.iter().map(|event| (text(&event["name"]), text(&event["cat"]))).collect()
}

#[test]
fn a_profile_says_where_the_time_of_a_command_goes() {
    let folder = with_photos(6);
    let at = folder.path();
    let train = ["train", "photos", "--output", "run", "--image-size", "32", "--epochs", "2", "--quiet"];
    let output = petal(at, &[&train[..], &["--profile"]].concat());
    assert_success(&output);
    let said = stderr(&output);
    for part in ["layer ", "conv2d_1 ", "pooled_conv2d 3×3", "optimizer", "sum of the operation", "outside"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.contains(&Path::new("run").join("trace.json").display().to_string()), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 100), "{said}");
    let trace = events(&at.join("run/trace.json"));
    for pass in ["forward", "backward", "infer"] {
        assert!(trace.contains(&("conv2d_1".into(), pass.into())), "{pass}");
    }

    // Without it nothing is said, and the model is the same.
    let unmeasured = train.map(|argument| if argument == "run" { "unmeasured" } else { argument });
    let output = petal(at, &unmeasured);
    assert_success(&output);
    assert!(!stderr(&output).contains("GFLOPS") && !at.join("unmeasured/trace.json").exists());
    let model = |run: &str| fs::read(at.join(run).join("model.petal")).unwrap();
    assert!(model("run") == model("unmeasured"));

    let predict = ["predict", "run", "photos/daisy"];
    let plain = stdout(&petal(at, &predict));
    let output = petal(at, &[&predict[..], &["--profile=predict.json"]].concat());
    assert_success(&output);
    assert_eq!(stdout(&output), plain);
    assert!(stderr(&output).contains("wait for the next batch"), "{}", stderr(&output));
    assert!(events(&at.join("predict.json")).contains(&("dense".into(), "infer".into())));

    let output = petal(at, &["evaluate", "run", "photos", "--json", "--profile"]);
    assert_success(&output);
    serde_json::from_str::<Value>(&stdout(&output)).unwrap();
    assert!(events(&at.join("trace.json")).contains(&("loss and metrics".into(), "around".into())));
}

#[test]
fn the_environment_asks_any_program_for_a_profile() {
    let folder = with_photos(2);
    let at = folder.path();
    let train = ["train", "photos", "--output", "run", "--image-size", "32", "--epochs", "1", "--quiet"];
    let output = command(at, &train).env("PETAL_PROFILE", "variable.json").output().unwrap();
    assert_success(&output);
    assert_eq!(stderr(&output).matches("wall time").count(), 1, "{}", stderr(&output));
    assert!(events(&at.join("variable.json")).contains(&("conv2d".into(), "backward".into())));

    let output = command(at, &["predict", "run", "photos"]).env("PETAL_PROFILE", "1").output().unwrap();
    assert_success(&output);
    assert!(stderr(&output).contains("GFLOPS"), "{}", stderr(&output));
    let output = command(at, &["predict", "run", "photos"]).env("PETAL_PROFILE", "0").output().unwrap();
    assert!(!stderr(&output).contains("GFLOPS"), "{}", stderr(&output));
    assert!(!at.join("1").exists() && !at.join("0").exists() && !at.join("trace.json").exists());
}
