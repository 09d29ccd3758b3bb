//! Making a model's probabilities right, and knowing what it knows.

use petal::calibration::Calibration;
use petal::data::ImageDataset;
use petal::model::Model;

use crate::data::Data;
use crate::terminal::warn;

/// On the validation photos, without those that can no longer be read. None where that cannot be done, which is said.
pub fn on_validation(model: &mut Model, data: &mut Data, quiet: bool) -> Option<Calibration> {
    let fitted =
        data.report(quiet, |data| Calibration::fit(model, &data.validation, data.validation.labels()));
    applied(model, fitted)
}

/// On these photos.
pub fn on(model: &mut Model, photos: &ImageDataset) -> Option<Calibration> {
    let fitted = Calibration::fit(model, photos, photos.labels());
    applied(model, fitted)
}

fn applied(model: &mut Model, fitted: petal::Result<Calibration>) -> Option<Calibration> {
    match fitted.and_then(|fitted| fitted.apply(model).map(|()| fitted)) {
        Ok(fitted) => Some(fitted),
        Err(error) => {
            warn(format_args!("the probabilities are not calibrated: {error}"));
            None
        }
    }
}
