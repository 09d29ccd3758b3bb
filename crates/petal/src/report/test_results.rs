use super::ClassificationReport;
use crate::Result;
use crate::data::{Dataset, ImageDataset};
use crate::model::Model;

/// What a model makes of photos that nothing was chosen by, neither its weights nor the epoch nor its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct TestResults {
    /// The mean loss.
    pub loss: f64,
    /// Accuracy, and the results class by class.
    pub scores: ClassificationReport,
}

impl TestResults {
    /// The results of a compiled model on the test photos.
    ///
    /// # Errors
    /// If the model isn't compiled, or a photo can no longer be read.
    pub fn new(model: &Model, photos: &ImageDataset) -> Result<Self> {
        let loss = model.evaluate(photos)?.loss;
        let predictions = model.predict_classes(photos)?;
        let scores =
            ClassificationReport::from_predictions(photos.labels(), &predictions, photos.class_names())?;
        Ok(TestResults { loss, scores })
    }

    /// What is most often taken for something else, as (class, what it is taken for, how often): up to `most` of them, the
    /// most frequent first.
    pub fn confusions(&self, most: usize) -> Vec<(&str, &str, usize)> {
        let mut wrong: Vec<_> =
            self.scores.confusion.iter().filter(|cell| cell.true_class != cell.predicted_class).collect();
        wrong.sort_by_key(|cell| std::cmp::Reverse(cell.count));
        let name = |class: usize| self.scores.classes[class].name.as_str();
        let cell =
            |cell: &crate::plot::Confusion| (name(cell.true_class), name(cell.predicted_class), cell.count);
        wrong.into_iter().take(most).map(cell).collect()
    }

    /// The number of photos.
    pub fn photos(&self) -> usize {
        self.scores.weighted_average.support
    }
}
