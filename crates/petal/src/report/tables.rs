//! What a report has no room for, as files beside it.

use std::fmt::Write;
use std::path::Path;

use super::mistake::wrong_answers;
use super::{ClassificationReport, DataSummary};
use crate::data::ImageDataset;
use crate::plot::write_whole;
use crate::training::Prediction;
use crate::{PathText, Result};

/// The files that [`save_tables`] writes, and what is in them.
pub(super) const FILES: [(&str, &str); 2] = [
    ("classes.csv", "each class with its photos, precision, recall and F1"),
    ("mistakes.csv", "each validation photo that is taken for another class, the surest mistakes first"),
];

/// Writes `classes.csv` and `mistakes.csv`.
///
/// # Errors
/// If a file cannot be written.
pub(super) fn save_tables(
    folder: &Path,
    data: &DataSummary,
    photos: &ImageDataset,
    predictions: &[Prediction],
    scores: &ClassificationReport,
) -> Result<()> {
    // Writing to a String cannot fail.
    let mut classes = String::from("class,training,validation,precision,recall,f1\n");
    for (count, class) in data.classes.iter().zip(&scores.classes) {
        let (name, training, validation) = (field(&class.name), count.training, count.validation);
        let (precision, recall, f1) = (class.precision, class.recall, class.f1);
        let _ = writeln!(classes, "{name},{training},{validation},{precision},{recall},{f1}");
    }
    let mut mistakes = String::from("photo,class,predicted,probability\n");
    for (sample, Prediction { class, probability }) in wrong_answers(photos, predictions) {
        let photo = field(&PathText::new(&photos.file_paths()[sample]).to_string());
        let name = |class: usize| field(&scores.classes[class].name);
        let _ = writeln!(mistakes, "{photo},{},{},{probability}", name(photos.labels()[sample]), name(class));
    }
    for ((file, _), text) in FILES.iter().zip([classes, mistakes]) {
        write_whole(&folder.join(file), text.as_bytes())?;
    }
    Ok(())
}

/// A CSV field (RFC 4180).
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_name_with_commas_and_quotes_is_one_field() {
        assert_eq!(field("daisy"), "daisy");
        assert_eq!(field("a, \"b\""), "\"a, \"\"b\"\"\"");
    }
}
