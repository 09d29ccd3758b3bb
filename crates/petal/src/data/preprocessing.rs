use std::fs::{File, FileType};
use std::io::Read;
use std::path::Path;

use image::DynamicImage;
use serde::{Deserialize, Serialize};

use super::decode::room::{FILES, MAX_FILE, Room};
use super::decode::{self, ColorMode, Picture};
use super::resize::{Interpolation, Pixels, Rectangle, resize};
use crate::{Error, Result};

/// How a photo becomes a model's input: what a saved model keeps, so that a photo to be classified goes the same way as
/// those it was trained on.
///
/// Every path gives `[height, width, channels]`, whole numbers in 0..=255: the resized pixels are rounded to the
/// nearest and clamped, since a data set keeps them as bytes. (Keras keeps the fractions.)
///
/// ```
/// use petal::data::Preprocessing;
///
/// let preprocessing = Preprocessing::new(180, 180);
/// let photo = image::DynamicImage::new_rgb8(320, 240);
/// assert_eq!(preprocessing.load_image(&photo)?.len(), 180 * 180 * 3);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// Height and width in pixels.
    pub image_size: (usize, usize),
    /// The channels. Default: RGB.
    #[serde(default)]
    pub color_mode: ColorMode,
    /// The resize rule. Default: bilinear.
    #[serde(default)]
    pub interpolation: Interpolation,
    /// What happens where the photo's proportions are not those of `image_size`. Default: it is stretched.
    #[serde(default)]
    pub aspect_ratio: AspectRatio,
    /// Whether the photo is turned as its EXIF data says. Default: no, as in Keras.
    #[serde(default)]
    pub exif_orientation: bool,
    /// Whether a large photo is first halved as often as both sides stay at least twice those of `image_size`: each pixel
    /// is then the mean of 2 × 2, 4 × 4 and so on. Pixels that the resize rule would leave out count so, and a JPEG of 12
    /// megapixels is decoded in a fraction of the time. Default: no, as in Keras.
    #[serde(default)]
    pub average_large: bool,
}

/// How a photo whose proportions differ from the target's fits into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AspectRatio {
    /// It is stretched. The default.
    #[default]
    Stretch,
    /// The largest centred part with the target's proportions is taken (Keras' `crop_to_aspect_ratio`).
    Crop,
    /// The whole photo is taken, with black bars (Keras' `pad_to_aspect_ratio`).
    Pad,
}

impl Preprocessing {
    /// RGB, bilinear, stretched to `height` × `width` pixels.
    pub fn new(height: usize, width: usize) -> Self {
        Preprocessing {
            image_size: (height, width),
            color_mode: ColorMode::default(),
            interpolation: Interpolation::default(),
            aspect_ratio: AspectRatio::default(),
            exif_orientation: false,
            average_large: false,
        }
    }

    /// `[height, width, channels]`.
    pub fn shape(&self) -> [usize; 3] {
        [self.image_size.0, self.image_size.1, self.color_mode.channels()]
    }

    /// The photo in this file.
    ///
    /// # Errors
    /// If the file cannot be read, is no whole JPEG, PNG, GIF, BMP or WebP picture, or is larger than
    /// [`ImageFolder`](super::ImageFolder) takes.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Vec<f32>> {
        let path = path.as_ref();
        let mut scratch = Scratch::default();
        self.floats(|out| {
            scratch
                .read(path)
                .and_then(|()| self.prepare_read(&mut scratch, out))
                .map_err(|e| Error::file(path, e))
        })
    }

    /// The photo in these bytes, which are those of a JPEG, PNG, GIF, BMP or WebP file.
    ///
    /// # Errors
    /// If they are not.
    pub fn load_bytes(&self, bytes: &[u8]) -> Result<Vec<f32>> {
        let mut scratch = Scratch { bytes: bytes.to_vec(), ..Scratch::default() };
        self.floats(|out| {
            self.prepare_read(&mut scratch, out).map_err(|problem| Error::Data(format!("photo: {problem}")))
        })
    }

    /// A photo that is decoded already. `exif_orientation` does not apply.
    ///
    /// # Errors
    /// If the photo has no pixels.
    pub fn load_image(&self, image: &DynamicImage) -> Result<Vec<f32>> {
        if image.width() == 0 || image.height() == 0 {
            return Err(Error::Data("photo: the picture has no pixels".into()));
        }
        let mut scratch = Scratch::default();
        scratch.picture.set_image(image, self.color_mode);
        self.floats(|out| {
            let picture = &mut scratch.picture;
            picture.average(self.scale(picture.height, picture.width));
            self.fit(&mut scratch, out);
            Ok(())
        })
    }

    /// Whether photos can be brought to this size.
    pub(super) fn check(&self) -> Result<()> {
        let (height, width) = self.image_size;
        if (1..=MAX_SIDE).contains(&height) && (1..=MAX_SIDE).contains(&width) {
            return Ok(());
        }
        Err(Error::argument(
            "image_size",
            format!("{height} x {width}"),
            format!("1 to {MAX_SIDE} pixels a side"),
        ))
    }

    /// Decodes the file that is in `scratch` and writes its pixels to `out`.
    pub(super) fn prepare_read(&self, scratch: &mut Scratch, out: &mut [u8]) -> Result<(), String> {
        let picture = &mut scratch.picture;
        let scale = |height, width| self.scale(height, width);
        let decoded = decode::decode(&scratch.bytes, self.color_mode, self.exif_orientation, scale, picture);
        let prepared = decoded.map(|_| self.fit(scratch, out));
        scratch.release();
        prepared
    }

    fn floats(&self, fill: impl FnOnce(&mut [u8]) -> Result<()>) -> Result<Vec<f32>> {
        self.check()?;
        let mut out = vec![0; self.shape().iter().product()];
        fill(&mut out)?;
        Ok(out.into_iter().map(f32::from).collect())
    }

    /// Resizes the picture in `scratch` into `out`.
    fn fit(&self, scratch: &mut Scratch, out: &mut [u8]) {
        let Picture { height, width, channels, ref pixels, .. } = scratch.picture;
        let (from, to) = self.rectangles(height, width);
        if to.height < self.image_size.0 || to.width < self.image_size.1 {
            out.fill(0);
        }
        let source = Pixels { data: pixels, width, channels };
        resize(self.interpolation, source, from, out, self.image_size.1, to, &mut scratch.row);
    }

    /// How many pixels' mean, down and across, each one is to be before a photo of this size is resized.
    fn scale(&self, height: usize, width: usize) -> usize {
        let is_large = |scale: usize| {
            height.div_ceil(scale) >= 2 * self.image_size.0 && width.div_ceil(scale) >= 2 * self.image_size.1
        };
        let mut scale = 1;
        while self.average_large && is_large(2 * scale) {
            scale *= 2;
        }
        scale
    }

    /// The part of a photo that is used, and where in the target it goes. In f32, as TensorFlow computes it.
    fn rectangles(&self, height: usize, width: usize) -> (Rectangle, Rectangle) {
        let (target_height, target_width) = self.image_size;
        let mut from = Rectangle { top: 0, left: 0, height, width };
        let mut to = Rectangle { top: 0, left: 0, height: target_height, width: target_width };
        match self.aspect_ratio {
            AspectRatio::Stretch => {}
            AspectRatio::Crop => {
                let side = |other: usize, target: usize, other_target: usize, longest: usize| {
                    (((other * target) as f32 / other_target as f32) as usize).clamp(1, longest)
                };
                from.height = side(width, target_height, target_width, height);
                from.width = side(height, target_width, target_height, width);
                from.top = (height - from.height) / 2;
                from.left = (width - from.width) / 2;
            }
            AspectRatio::Pad => {
                let ratio = (width as f32 / target_width as f32).max(height as f32 / target_height as f32);
                // A strip too thin for a pixel, which TensorFlow refuses, gets one.
                let side = |side: usize, target: usize| {
                    let exact = side as f32 / ratio;
                    let before = ((target as f32 - exact) / 2.0).floor().max(0.0) as usize;
                    let side = (exact as usize).clamp(1, target);
                    (before.min(target - side), side)
                };
                (to.top, to.height) = side(height, target_height);
                (to.left, to.width) = side(width, target_width);
            }
        }
        (from, to)
    }
}

const MAX_SIDE: usize = 16384;

/// Memory that one thread uses again for each photo.
#[derive(Default)]
pub(super) struct Scratch {
    pub bytes: Vec<u8>,
    room: Option<Room>,
    picture: Picture,
    row: Vec<f32>,
}

impl Scratch {
    /// Reads a file's bytes. Only a plain file is read: a pipe or a device may never end.
    pub fn read(&mut self, path: &Path) -> Result<(), String> {
        self.release();
        self.bytes.clear();
        let cannot = |error: std::io::Error| format!("cannot be read: {error}");
        let metadata = std::fs::metadata(path).map_err(cannot)?;
        if !metadata.is_file() {
            return Err(format!("is {} and not a plain file", kind(metadata.file_type())));
        }
        let too_large = || {
            let most = MAX_FILE / 1_000_000;
            format!("the file has more than {most} MB; expected a photo of at most that; make it smaller")
        };
        let length = usize::try_from(metadata.len())
            .ok()
            .filter(|&length| length <= MAX_FILE)
            .ok_or_else(too_large)?;
        self.room = Some(FILES.take(length));
        // It may be longer by now.
        let mut file = File::open(path).map_err(cannot)?.take(length as u64 + 1);
        file.read_to_end(&mut self.bytes).map_err(cannot)?;
        if self.bytes.len() > length {
            return Err("the file grows while it is read; let it be whole before".into());
        }
        Ok(())
    }

    /// Gives back the memory of the file and its picture, but for a little that saves allocating for the next one.
    fn release(&mut self) {
        const KEPT: usize = 16 << 20;
        if self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
        self.picture.release();
        self.room = None;
    }
}

/// What is no plain file.
fn kind(file_type: FileType) -> &'static str {
    if file_type.is_dir() { "a folder" } else { "a pipe, a socket or a device" }
}
