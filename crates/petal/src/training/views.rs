//! Views of an image, over whose probabilities the mean is taken.

use petal_kernels as kernels;

use crate::model::Shape;
use crate::program::Samples;
use crate::{Error, Result};

/// What a predictor shows the model in place of each image.
pub(super) struct Views {
    transform: kernels::AffineTransform,
    /// One for each view besides the image itself.
    maps: Vec<[f32; 6]>,
}

/// The side of a part as a share of the image's.
const PART: f32 = 0.9;

impl Views {
    /// The most that there are: the image, its mirror image, the middle and four corners, each of these mirrored too.
    pub const MOST: usize = 12;

    /// The first `count` views of images of this shape.
    pub fn new(shape: &Shape, count: usize) -> Result<Self> {
        let &[height, width, channels] = &shape[..] else {
            return Err(Error::argument(
                "inputs",
                format!("of shape {shape}"),
                "images, of which there are views",
            ));
        };
        if !(1..=Views::MOST).contains(&count) {
            return Err(Error::argument("views", count, format!("1 to {}", Views::MOST)));
        }
        let transform = kernels::AffineTransform {
            height,
            width,
            channels,
            fill_mode: kernels::FillMode::Nearest,
            fill_value: 0.0,
            interpolation: kernels::Interpolation::Bilinear,
            rescaling: [1.0, 0.0],
        };
        // Side, and where the part lies: 0 for above or left, 1 for below or right.
        let parts = [(1.0, [0.0, 0.0]), (PART, [0.5, 0.5])];
        let corners = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].map(|place| (PART, place));
        let both = parts.into_iter().flat_map(|part| [(part, false), (part, true)]);
        let views = both.chain(corners.map(|part| (part, false))).chain(corners.map(|part| (part, true)));
        let map = |((side, [row, column]), mirrored): ((f32, [f32; 2]), bool)| {
            // The middles of pixels lie half a pixel from their edges.
            let offset = |place: f32, size: usize| place * (1.0 - side) * size as f32 + 0.5 * side - 0.5;
            let (a2, b2) = (offset(column, width), offset(row, height));
            match mirrored {
                true => [-side, 0.0, a2 + side * (width as f32 - 1.0), 0.0, side, b2],
                false => [side, 0.0, a2, 0.0, side, b2],
            }
        };
        Ok(Views { transform, maps: views.map(map).skip(1).take(count - 1).collect() })
    }

    /// Calls `f` with the views of these images one after the other: last of all the images themselves.
    pub fn each(&self, inputs: Samples<'_>, mut f: impl FnMut(Samples<'_>) -> Result<()>) -> Result<()> {
        let images = inputs.len() / self.transform.height.max(1) / self.transform.width.max(1);
        let images = images / self.transform.channels.max(1);
        let mut view = vec![0.0; if self.maps.is_empty() { 0 } else { inputs.len() }];
        for map in &self.maps {
            let maps = vec![*map; images];
            match inputs {
                Samples::Floats(x) => self.transform.forward(&maps, x, &mut view),
                Samples::Bytes(x) => self.transform.forward(&maps, x, &mut view),
            }
            f((&view).into())?;
        }
        f(inputs)
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.maps.len() + 1
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array4, Axis};

    use super::*;
    use crate::data::ArrayDataset;
    use crate::layers::*;
    use crate::model::Model;

    fn model() -> Model {
        let x = Input::image(20, 10, 2);
        Model::with_seed(3, &x, &Dense::new(3).on(&Flatten::new().on(&x).unwrap()).unwrap()).unwrap()
    }

    fn images() -> Array4<f32> {
        Array4::from_shape_fn([3, 20, 10, 2], |(n, y, x, c)| {
            (((n * 7 + y * 3 + x * x + c) % 11) as f32) / 11.0
        })
    }

    #[test]
    fn the_second_view_is_the_mirror_image_and_one_is_the_image_alone() {
        let (model, images) = (model(), images());
        let of = |views: usize, images: &Array4<f32>| {
            let predictor = model.predictor(3).unwrap();
            let mut predictor = predictor.views(views).unwrap();
            predictor.probabilities(images.as_standard_layout().as_slice().unwrap()).unwrap()
        };
        let mut mirrored = images.clone();
        mirrored.invert_axis(Axis(2));
        let (one, other) = (of(1, &images), of(1, &mirrored));
        assert_eq!(one, model.predict_probabilities(images.view().into_dyn()).unwrap());
        let mean = (one + other) / 2.0;
        for images in [&images, &mirrored] {
            let both = of(2, images);
            assert!(both.iter().zip(&mean).all(|(found, expected)| (found - expected).abs() < 1e-6));
        }
        // All views together don't know left from right either, and neither do they know more than probabilities.
        let (one, other) = (of(Views::MOST, &images), of(Views::MOST, &mirrored));
        assert!(one.iter().zip(&other).all(|(one, other)| (one - other).abs() < 1e-5));
        assert!(one.sum_axis(Axis(1)).iter().all(|sum| (sum - 1.0).abs() < 1e-5));
        assert_ne!(one, of(4, &images));
    }

    #[test]
    fn familiarity_is_that_of_the_image_itself() {
        let (model, images) = (model(), images());
        let data = ArrayDataset::new(images, &[0, 1, 2]).unwrap().batch_size(2);
        let (_, alone) = model.classify_with_familiarity(&data).unwrap();
        let (probabilities, familiarities) = model.classify_views(&data, 5).unwrap();
        assert_eq!((probabilities.nrows(), familiarities), (3, alone));
    }

    #[test]
    fn views_there_are_not_are_refused() {
        for views in [0, 13] {
            let problem = model().predictor(1).unwrap().views(views).unwrap_err().to_string();
            assert_eq!(problem, format!("views is {views}; expected 1 to 12"));
        }
        let x = Input::new([4]);
        let model = Model::new(&x, &Dense::new(2).on(&x).unwrap()).unwrap();
        assert!(model.predictor(1).unwrap().views(2).unwrap_err().to_string().contains("images"));
    }
}
