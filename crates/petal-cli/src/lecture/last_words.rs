//! What is said at the end of a lecture.

use std::fmt::Write;
use std::path::Path;

use petal::data::ImageDataset;
use petal::report::{LecturePhase, TestResults, saved_epoch};
use petal::shell::quoted;

use crate::test_set;

/// The saved models with their accuracies, and what to do with the best.
pub fn last_words(
    phases: &[LecturePhase],
    folder: &Path,
    validation: &ImageDataset,
    test: Option<&TestResults>,
) -> String {
    let mut text = String::new();
    if phases.is_empty() {
        return text;
    }
    let widest = |length: fn(&LecturePhase) -> usize| phases.iter().map(length).max().unwrap_or(0);
    let (name, file) = (widest(|phase| phase.name.chars().count()), widest(|phase| phase.file.len() + 6));
    // Writing to a String cannot fail.
    let _ =
        writeln!(text, "\nAccuracy on the validation photos of each saved model in {}:", folder.display());
    for phase in phases {
        let accuracy =
            phase.val_accuracy().map_or("     –".into(), |value| format!("{:4.1} %", 100.0 * value));
        let better =
            phase.best_val_accuracy().filter(|&(best, _)| phase.val_accuracy().is_none_or(|it| it < best));
        let better = better.map_or(String::new(), |(best, epoch)| {
            format!("; the best was epoch {epoch}, {:.1} %", 100.0 * best)
        });
        let _ = writeln!(
            text,
            "  {:name$}  {accuracy}  {:file$}  {}{better}",
            phase.name,
            format!("{}.petal", phase.file),
            saved_epoch(&phase.history()).replace('\u{a0}', " "),
        );
    }
    if let Some(best) = LecturePhase::best(phases) {
        if let Some(test) = test {
            let _ = write!(
                text,
                "\n{}, the best of these, on the test set:\n{}",
                best.name,
                test_set::words(test)
            );
        }
        let model = quoted(&folder.join(format!("{}.petal", best.file)));
        let photo = validation.file_paths().first().map_or("photo.jpg".into(), |photo| quoted(photo));
        let _ = writeln!(text, "\nNext:");
        let _ = writeln!(text, "  petal predict {model} photo.jpg    # what a photo of yours shows");
        let _ = writeln!(text, "  petal explain {model} {photo}    # where it looks");
    }
    text
}
