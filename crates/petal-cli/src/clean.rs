//! `petal clean`.

use std::fmt::Write;
use std::path::Path;

use petal::PathText;
use petal::applications::Weights;
use petal::clean::{self, Doubtful, Findings};
use petal::saving::write_atomically;
use petal::shell::quoted;

use crate::args::{Clean, Pretrained};
use crate::csv_field::csv_field;
use crate::terminal::{answer, say};
use crate::{Failure, Outcome, SUCCESS, photo_folder};

pub fn run(args: &Clean) -> Outcome {
    let folder = photo_folder::find(Some(&args.directory))?;
    if args.undo {
        let photos = clean::undo(&folder)?;
        answer!("{photos} photos are back in {}", PathText::new(&folder))?;
        return Ok(SUCCESS);
    }
    if let Some(list) = &args.apply {
        let photos = clean::apply(&folder, list)?;
        answer!("{photos} photos were moved to {}", PathText::new(&clean::aside(&folder)?))?;
        say!("`petal clean {} --undo` moves them back.", quoted(&folder));
        return Ok(SUCCESS);
    }
    let found = look(&folder, &args.weights)?;
    found.save_page(&args.output)?;
    if let Some(file) = &args.probabilities {
        save_probabilities(&found, file)?;
    }
    if let Some(file) = &args.features {
        save_features(&found, file)?;
    }
    answer!("{} photos of {} classes", found.files.len(), found.class_names.len())?;
    for kind in Doubtful::ALL {
        match found.count(kind) {
            0 => {}
            count => answer!("{count:6}  {}", kind.name())?,
        }
    }
    if !found.broken.is_empty() {
        answer!("{:6}  files that cannot be read", found.broken.len())?;
    }
    for pair in &found.confused {
        let [a, b] = &pair.classes;
        answer!("{:6}  of {} photos of {a} and {b} are taken for the other", pair.confused, pair.photos)?;
    }
    answer!("{}", PathText::new(&args.output))?;
    say!("Tick on the page what is to be set aside; nothing has been moved.");
    Ok(SUCCESS)
}

/// Looks at the photos, without features where the weights that nobody named cannot be had.
fn look(folder: &Path, weights: &Pretrained) -> Result<Findings, Failure> {
    let found = match weights {
        Pretrained::None => Findings::of(folder, None)?,
        Pretrained::File(_) => return Ok(Findings::of(folder, Some(&weights.into()))?),
        // Only building the model tells whether the weights can be had.
        Pretrained::Imagenet => match clean::check_weights(&Weights::Imagenet) {
            Ok(()) => return Ok(Findings::of(folder, Some(&Weights::Imagenet))?),
            Err(error) => {
                say!("{error}");
                Findings::of(folder, None)?
            }
        },
    };
    say!(
        "Labels, outliers and classes are not judged without the weights of MobileNetV2; `--weights FILE` names them."
    );
    Ok(found)
}

fn save_probabilities(found: &Findings, file: &Path) -> Result<(), Failure> {
    let Some(probabilities) = &found.probabilities else { return Err(without("--probabilities")) };
    let mut csv = String::from("file,class");
    found.class_names.iter().for_each(|name| csv.extend([",", &csv_field(name)]));
    for ((photo, row), &label) in found.files.iter().zip(probabilities.rows()).zip(&found.labels) {
        let (photo, class) = (csv_field(&photo.to_string_lossy()), csv_field(&found.class_names[label]));
        write!(csv, "\n{photo},{class}")?;
        row.iter().try_for_each(|probability| write!(csv, ",{probability}"))?;
    }
    Ok(write_atomically(file, |out| writeln!(out, "{csv}"))?)
}

/// Version 1 of NumPy's format: its mark, the length of a header in Python, the numbers row by row.
fn save_features(found: &Findings, file: &Path) -> Result<(), Failure> {
    let Some(features) = &found.features else { return Err(without("--features")) };
    let (rows, columns) = features.dim();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    // Data begins at a multiple of 64 bytes.
    let header = format!("{header:117}\n");
    Ok(write_atomically(file, |out| {
        out.write_all(b"\x93NUMPY\x01\x00")?;
        out.write_all(&(header.len() as u16).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        features.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
    })?)
}

fn without(option: &str) -> Failure {
    format!("{option} needs the weights of MobileNetV2; name them by --weights FILE").into()
}
