//! Of which epoch a saved model is, in words: the same ones wherever they are read.

use super::numbers::percent;
use crate::history::History;

/// `epoch 10 of 10`, or `epoch 8 of 13, restored` where the weights of a better epoch were put back in the end. The
/// numbers count from 1, as in the curves.
///
/// ```
/// use petal::report::saved_epoch;
/// use petal::training::History;
/// let mut history = History::default();
/// assert_eq!(saved_epoch(&history), "before the first epoch");
/// history.push(0, &[("loss".to_owned(), 1.5)].into());
/// assert_eq!(saved_epoch(&history).replace('\u{a0}', " "), "epoch 1 of 1");
/// ```
pub fn saved_epoch(history: &History) -> String {
    let (Some(saved), Some(last)) = (history.weights_of_epoch(), history.epochs().last()) else {
        return "before the first epoch".into();
    };
    let restored = if saved == *last { "" } else { ", restored" };
    format!("epoch\u{a0}{} of\u{a0}{}{restored}", saved + 1, last + 1)
}

/// The highest val_accuracy, and the number of its epoch, counted from 1; of equals the first.
pub(super) fn best_epoch(history: &History) -> Option<(f64, usize)> {
    let values = history.epochs().iter().zip(history.series("val_accuracy").iter().copied());
    let best = values.rev().filter(|(_, value)| value.is_finite()).max_by(|a, b| a.1.total_cmp(&b.1));
    best.map(|(epoch, value)| (value, epoch + 1))
}

/// What stands below the curves of one run.
pub(super) fn curves_caption(history: &History) -> String {
    let mut caption = String::from("A dot marks the best epoch on the validation photos.");
    let Some(saved) = history.weights_of_epoch() else { return caption };
    caption += &format!(" The saved model is that of {}", saved_epoch(history));
    let accuracy = history.of_the_weights("val_accuracy");
    match (accuracy, best_epoch(history)) {
        (Some(accuracy), Some((best, epoch))) if best > accuracy => {
            let best = percent(best);
            caption += &format!("; epoch\u{a0}{epoch} was better on the validation photos, with {best}.");
        }
        (None, Some(_)) => caption += &format!(": epoch\u{a0}{} was cut short.", saved + 1),
        _ => caption += ".",
    }
    caption
}
