//! What is said of the test set.

use std::fmt::Write;

use petal::report::TestResults;

/// How good the model is on the test photos, in a few lines.
pub fn words(test: &TestResults) -> String {
    const SHOWN: usize = 5;
    let photos =
        if test.photos() == 1 { "test photo".into() } else { format!("{} test photos", test.photos()) };
    let mut text = format!(
        "Accuracy on the {photos}, by which nothing was chosen: {:.1} % (loss {:.4})\n",
        100.0 * test.scores.accuracy,
        test.loss
    );
    // Writing to a String cannot fail.
    for (class, taken_for, count) in test.confusions(SHOWN) {
        let _ = writeln!(text, "  {count} × {class} taken for {taken_for}");
    }
    text
}
