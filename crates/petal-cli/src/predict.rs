//! `petal predict`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;

use petal::PathText;
use petal::data::{FoundPhotos, Preprocessing, find_photos};
use petal::model::{Graph, Node};
use petal::profile::Profile;
use petal::training::RankedClasses;
use rayon::prelude::*;
use serde::Serialize;

use crate::args::Predict;
use crate::csv_field::csv_field;
use crate::terminal::{self, Unanswered, answer, say};
use crate::{FAILURE, Outcome, SUCCESS, model_file, photo_folder, profile};

/// Photos in one call of the model: enough for all cores.
const BATCH: usize = 32;

/// Values of a layer's outputs in one call, 512 MB: of large images few go at a time.
const VALUES: usize = 1 << 27;

pub fn run(args: &Predict) -> Outcome {
    let mut model = model_file::open(&args.model, &args.unsaid)?;
    model_file::name_classes(&mut model)?;
    let profile = profile::begin(args.trace.profile.is_some(), &mut model);
    let preprocessing = model.preprocessing().cloned().expect("an opened model takes photos");
    let paths =
        args.photos.iter().map(|path| photo_folder::find(Some(path))).collect::<Result<Vec<_>, _>>()?;
    let FoundPhotos { paths: photos, doubts } = find_photos(&paths, args.follow_links)?;
    if args.strict && !doubts.is_empty() {
        return Err(format!("--strict is set, and {doubts}").into());
    }
    doubts.lines().iter().for_each(|line| say!("warning: {line}"));
    if photos.is_empty() {
        return Err(format!("no photos in {}", list(&args.photos)).into());
    }
    let class_names = model.class_names().to_vec();
    let unknown_below = model_file::unknown_below(&args.model, &model, args.unknown)?;
    let writer = Writer { args, class_names: &class_names, unknown_below };
    writer.header()?;
    let mut broken = 0;
    let batch = (VALUES / largest_output(&model).max(1)).clamp(1, BATCH.min(photos.len()));
    let mut predictor = model.into_predictor(batch)?.views(args.tta)?;
    each_batch(&photos, batch, &preprocessing, profile.as_ref(), |photos, results| {
        let mut read = Vec::with_capacity(photos.len());
        let mut pixels = Vec::new();
        for (photo, result) in photos.iter().zip(results) {
            match result {
                Ok(photo_pixels) => {
                    read.push(photo);
                    pixels.extend(photo_pixels);
                }
                Err(error) if args.strict => return Err(error.into()),
                Err(error) => {
                    say!("petal: left out {error}");
                    broken += 1;
                }
            }
        }
        let probabilities = predictor.probabilities(&pixels)?;
        let familiarities = predictor.familiarity();
        for ((photo, probabilities), familiarity) in read.iter().zip(probabilities.rows()).zip(familiarities)
        {
            writer.photo(photo, &probabilities.to_vec(), familiarity)?;
        }
        Ok(())
    })?;
    if let Some(trace) = &args.trace.profile {
        profile::end(profile, trace);
    }
    Ok(if broken == 0 { SUCCESS } else { FAILURE })
}

/// The values in the largest output of a layer.
fn largest_output(graph: &Graph) -> usize {
    let inside = |node: &Node| node.as_model().map_or(0, largest_output).max(node.output_shape().elements());
    graph.layers().iter().map(inside).max().unwrap_or(0)
}

/// A photo's pixels, or what is wrong with it.
type Loaded = petal::Result<Vec<f32>>;

/// Calls `classify` with the photos of each batch, while a thread decodes those of the next.
fn each_batch(
    photos: &[PathBuf],
    batch: usize,
    preprocessing: &Preprocessing,
    profile: Option<&Profile>,
    mut classify: impl FnMut(&[PathBuf], Vec<Loaded>) -> Result<(), Box<dyn Error + Send + Sync>>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    thread::scope(|scope| {
        let wait = || profile.map(|profile| profile.measure("wait for the next batch"));
        // From now on: the thread may get this one's core first.
        let mut waiting = wait();
        // Dropped when `classify` fails, which ends the thread.
        let (loaded, batches) = sync_channel(1);
        let load = move || {
            for photos in photos.chunks(batch) {
                let results: Vec<Loaded> = photos.par_iter().map(|photo| preprocessing.load(photo)).collect();
                if loaded.send((photos, results)).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new()
            .spawn_scoped(scope, load)
            .map_err(|error| format!("cannot start a thread to read photos: {error}; end other programs"))?;
        for (photos, results) in batches {
            drop(waiting.take());
            classify(photos, results)?;
            waiting = wait();
        }
        Ok(())
    })
}

fn list(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().map(|path| PathText::new(path).to_string()).collect();
    names.join(", ")
}

/// The three formats.
struct Writer<'a> {
    args: &'a Predict,
    class_names: &'a [String],
    unknown_below: Option<f32>,
}

impl Writer<'_> {
    fn header(&self) -> Result<(), Unanswered> {
        if !self.args.csv {
            return Ok(());
        }
        let columns = ["photo".to_owned(), "class".into(), "probability".into()];
        let columns: Vec<String> = columns
            .into_iter()
            .chain(self.class_names.iter().cloned())
            .map(|column| csv_field(&column))
            .collect();
        terminal::answer_as_is(columns.join(","))
    }

    fn photo(&self, photo: &Path, probabilities: &[f32], familiarity: f32) -> Result<(), Unanswered> {
        let unknown = self.unknown_below.is_some_and(|least| familiarity < least);
        let ranked = RankedClasses::new(self.class_names, probabilities.iter().copied()).unknown_if(unknown);
        if self.args.json {
            let photo = text(photo);
            let familiarity = self.unknown_below.map(|_| familiarity);
            let line = serde_json::to_string(&Line { photo: &photo, ranked, familiarity })
                .expect("text and numbers");
            return terminal::answer_as_is(line);
        }
        if self.args.csv {
            let all: Vec<String> = probabilities.iter().map(f32::to_string).collect();
            return terminal::answer_as_is(format_args!(
                "{},{},{},{}",
                csv_field(&text(photo)),
                csv_field(ranked.class()),
                ranked.probability(),
                all.join(",")
            ));
        }
        let shown: Vec<String> = ranked
            .iter()
            .take(self.args.top)
            .map(|(class, probability)| format!("{class} {:.1} %", 100.0 * probability))
            .collect();
        let (photo, shown) = (PathText::new(photo), shown.join(", "));
        if unknown { answer!("{photo}: unknown, most like {shown}") } else { answer!("{photo}: {shown}") }
    }
}

/// A line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    photo: &'a str,
    #[serde(flatten)]
    ranked: RankedClasses<'a>,
    /// Said where it matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    familiarity: Option<f32>,
}

/// A path as a program reads it: as it is, or with escaped bytes where it is no text.
fn text(path: &Path) -> String {
    path.to_str().map_or_else(|| PathText::new(path).to_string(), str::to_owned)
}
