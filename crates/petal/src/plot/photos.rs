use ndarray::Array;

use super::{Figure, GridImage, grid};
use crate::Result;
use crate::data::{Dataset, ImageDataset};
use crate::model::Model;
use crate::random::Key;

/// Nine photos of a data set with their classes, drawn by `seed`: a first look.
///
/// ```no_run
/// # use petal::data::ImageFolder;
/// let photos = ImageFolder::new("flower_photos").image_size(180, 180).load()?;
/// petal::plot::photo_grid(&photos, 42)?.save("photos.png")?;
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// If a photo can no longer be read.
pub fn photo_grid(photos: &ImageDataset, seed: u64) -> Result<Figure> {
    let mut samples: Vec<usize> = (0..photos.len()).collect();
    Key::new(seed).named("photo grid").generator().shuffle(&mut samples);
    samples.truncate(9);
    let images = samples.iter().map(|&sample| photos.image(sample)).collect::<Result<Vec<_>>>()?;
    let cells: Vec<GridImage<'_>> = images
        .iter()
        .zip(&samples)
        .map(|(image, &sample)| GridImage {
            rgb: image.as_raw(),
            width: image.width() as usize,
            height: image.height() as usize,
            title: &photos.class_names()[photos.labels()[sample]],
        })
        .collect();
    grid(&cells, 3)
}

/// One photo, drawn by `seed`, as `augmentation` changes it in nine epochs. Its layers' other effects, such as a
/// rescaling, are not part of the picture: `augmentation` should hold augmentation layers alone.
///
/// ```no_run
/// # use petal::data::ImageFolder;
/// let photos = ImageFolder::new("flower_photos").image_size(180, 180).load()?;
/// let augmentation = petal::applications::lecture_augmentation([180, 180, 3], 42)?;
/// petal::plot::augmentation_grid(&photos, &augmentation, 42)?.save("augmentations.png")?;
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// If the photo can no longer be read, or `augmentation` is for photos of another size.
pub fn augmentation_grid(photos: &ImageDataset, augmentation: &Model, seed: u64) -> Result<Figure> {
    let sample = Key::new(seed).named("augmentation grid").generator().below(photos.len().max(1));
    let mut batch = crate::data::Batch::default();
    photos.load(&[sample], 0, &mut batch)?;
    let shape = [&[1], photos.sample_shape()].concat();
    let input = Array::from_shape_vec(shape, batch.inputs.to_floats().into_owned())
        .expect("a batch has its data set's shape");
    let mut images = Vec::with_capacity(9);
    for draw in 0..9 {
        let output = augmentation.augment(input.view(), draw)?;
        let (height, width, channels) = (output.shape()[1], output.shape()[2], output.shape()[3]);
        let values: Vec<f32> = output.into_iter().collect();
        let rgb: Vec<u8> = values
            .chunks_exact(channels)
            .flat_map(|pixel| [0, 1, 2].map(|c| pixel[c.min(if channels < 3 { 0 } else { 2 })].round() as u8))
            .collect();
        images.push((rgb, width, height));
    }
    let cells: Vec<GridImage<'_>> = images
        .iter()
        .map(|(rgb, width, height)| GridImage { rgb, width: *width, height: *height, title: "" })
        .collect();
    grid(&cells, 3)
}
