use super::Figure;
use super::data_uri::picture;
use super::svg::{Drawing, TextStyle, shorten};
use crate::{Error, Result};

/// A photo with its title.
#[derive(Clone, Copy, Debug)]
pub struct GridImage<'a> {
    /// The pixels, `[height, width, 3]`.
    pub rgb: &'a [u8],
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Shown above the photo, shortened where it is too long; may be empty.
    pub title: &'a str,
}

/// Photos side by side, row by row: samples of a data set, or one photo's augmentations.
///
/// # Errors
/// If there are no images, no columns, or an image's pixels do not match its size.
///
/// ```
/// use petal::plot::{GridImage, grid};
///
/// let rgb = vec![128; 90 * 60 * 3];
/// let photo = GridImage { rgb: &rgb, width: 90, height: 60, title: "tulips" };
/// let figure = grid(&[photo; 9], 3)?;
/// assert!(figure.svg().contains("tulips"));
/// # Ok::<(), petal::Error>(())
/// ```
pub fn grid(images: &[GridImage], columns: usize) -> Result<Figure> {
    if images.is_empty() || columns == 0 {
        let found = format!("{} images in {columns} columns", images.len());
        return Err(Error::argument("grid", found, "at least one image and one column"));
    }
    const CELL: f64 = 220.0;
    const GAP: f64 = 18.0;
    const MARGIN: f64 = 24.0;
    const TITLE: f64 = 14.0;
    let columns = columns.min(images.len());
    let title_height = if images.iter().any(|image| !image.title.is_empty()) { TITLE + 10.0 } else { 0.0 };
    // The photos keep their proportions in cells as high as the highest of them.
    let fitted = |image: &GridImage| {
        let scale = CELL / image.width.max(image.height).max(1) as f64;
        (image.width as f64 * scale, image.height as f64 * scale)
    };
    let cell_height = images.iter().map(|image| fitted(image).1).fold(0.0, f64::max);
    let rows = images.len().div_ceil(columns) as f64;
    let mut drawing = Drawing::new(
        2.0 * MARGIN + columns as f64 * CELL + (columns - 1) as f64 * GAP,
        2.0 * MARGIN + rows * (title_height + cell_height) + (rows - 1.0) * GAP,
    );
    for (i, image) in images.iter().enumerate() {
        let x = MARGIN + (i % columns) as f64 * (CELL + GAP);
        let y = MARGIN + (i / columns) as f64 * (title_height + cell_height + GAP);
        let (width, height) = fitted(image);
        if !image.title.is_empty() {
            let title = shorten(image.title, TITLE, CELL);
            drawing.text((x, y + TITLE), &title, TextStyle::ink(TITLE).bold());
        }
        let left = x + (CELL - width) / 2.0;
        let top = y + title_height + (cell_height - height) / 2.0;
        let address = picture(image.rgb, image.width, image.height, 2 * CELL as u32)?;
        drawing.image([left, top, width, height], &address, image.title);
    }
    Ok(drawing.finish())
}
