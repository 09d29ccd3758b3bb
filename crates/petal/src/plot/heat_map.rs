use ndarray::ArrayView3;

use super::Figure;
use super::colour_map::inferno;
use super::data_uri::picture;
use super::svg::{Anchor, Drawing, TextStyle, shorten, text_width};
use crate::explain::{Example, HeatMap};
use crate::{Error, Result};

/// A photo, and beside it the same with its heat map on it; above them the class and its probability.
///
/// `pixels` are those that the map was computed from, `[height, width, channels]`, in 0..=255.
///
/// ```
/// use ndarray::{Array2, Array3};
/// use petal::explain::HeatMap;
/// let map = HeatMap {
///     values: Array2::from_elem((60, 90), 0.5),
///     raw: Array2::from_elem((2, 3), 0.1),
///     class: 0,
///     class_name: "daisy".into(),
///     probability: 0.987,
///     layer: "max_pooling2d_2".into(),
/// };
/// let figure = petal::plot::heat_map(Array3::from_elem((60, 90, 3), 200.0).view(), &map)?;
/// assert!(figure.svg().contains("98.7 %"));
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// If there are no pixels, or the map is of another size.
pub fn heat_map(pixels: ArrayView3<'_, f32>, map: &HeatMap) -> Result<Figure> {
    const LONGER_SIDE: f64 = 360.0;
    const GAP: f64 = 16.0;
    const SCALE: f64 = 72.0;
    let (photo, overlay, [width, height]) = pictures(pixels, map, [LONGER_SIDE, LONGER_SIDE])?;
    let top = MARGIN + 58.0;
    let right = MARGIN + 2.0 * width + GAP;
    let mut drawing = Drawing::new(right + SCALE + MARGIN, top + height + MARGIN);
    let room = right - MARGIN;
    let percent = percent(map.probability);
    let name = shorten(&map.class_name, 18.0, room - text_width(&percent, 18.0) - 14.0);
    drawing.text((MARGIN, MARGIN + 18.0), &name, TextStyle::ink(18.0).bold());
    let after = MARGIN + 1.04 * text_width(&name, 18.0) + 14.0;
    drawing.text((after, MARGIN + 18.0), &percent, TextStyle { class: "muted", ..TextStyle::ink(18.0) });
    let what = if map.raw.iter().any(|&value| value > 0.0) { "What" } else { "Nothing in it" };
    let remark =
        format!("{what} speaks for {}, by Grad-CAM on {}", shorten(&map.class_name, 13.0, room), map.layer);
    drawing.text((MARGIN, MARGIN + 42.0), &shorten(&remark, 13.0, room), TextStyle::muted(13.0));
    drawing.image([MARGIN, top, width, height], &photo, "the photo");
    drawing.image([MARGIN + width + GAP, top, width, height], &overlay, &remark);
    scale(&mut drawing, [right + GAP, top, 14.0, height]);
    Ok(drawing.finish())
}

/// Photos with their heat maps below them: the right answers first, then the wrong ones.
///
/// [`explain::examples`](crate::explain::examples) chooses some of a data set.
///
/// # Errors
/// If there are no examples, or one's map is of another size than its photo.
pub fn heat_map_grid(examples: &[Example]) -> Result<Figure> {
    const CELL: f64 = 220.0;
    const GAP: f64 = 18.0;
    const COLUMNS: usize = 4;
    const HEADING: f64 = 30.0;
    const TITLE: f64 = 46.0;
    if examples.is_empty() {
        return Err(Error::argument("examples", "an empty list", "at least one example"));
    }
    let mut cells = Vec::with_capacity(examples.len());
    for example in examples {
        cells.push((example, pictures(example.pixels.view(), &example.map, [CELL, CELL])?));
    }
    let (right, wrong): (Vec<_>, Vec<_>) = cells.into_iter().partition(|(example, _)| example.is_right());
    let picture_height = right.iter().chain(&wrong).map(|(_, (_, _, size))| size[1]).fold(0.0, f64::max);
    let row_height = TITLE + 2.0 * picture_height + 4.0 + GAP;
    let groups = [("Right", right), ("Wrong", wrong)].into_iter().filter(|(_, cells)| !cells.is_empty());
    let groups: Vec<_> = groups.collect();
    let columns = groups.iter().map(|(_, cells)| cells.len().min(COLUMNS)).max().unwrap_or(1);
    let rows: usize = groups.iter().map(|(_, cells)| cells.len().div_ceil(columns)).sum();
    let mut drawing = Drawing::new(
        2.0 * MARGIN + columns as f64 * (CELL + GAP) - GAP,
        2.0 * MARGIN + groups.len() as f64 * HEADING + rows as f64 * row_height - GAP,
    );
    let mut y = MARGIN;
    for (heading, cells) in groups {
        drawing.text((MARGIN, y + 16.0), heading, TextStyle::ink(16.0).bold());
        y += HEADING;
        for row in cells.chunks(columns) {
            for (column, (example, (photo, overlay, [width, height]))) in row.iter().enumerate() {
                let x = MARGIN + column as f64 * (CELL + GAP);
                let probability = percent(example.map.probability);
                let answer = if example.is_right() {
                    probability
                } else {
                    format!("taken for {}, {probability}", example.map.class_name)
                };
                let name = shorten(&example.true_class, 14.0, CELL);
                drawing.text((x, y + 14.0), &name, TextStyle::ink(14.0).bold());
                drawing.text((x, y + 33.0), &shorten(&answer, 13.0, CELL), TextStyle::muted(13.0));
                let x = x + (CELL - width) / 2.0;
                let above = y + TITLE + (picture_height - height) / 2.0;
                drawing.image([x, above, *width, *height], photo, &example.true_class);
                let below = above + picture_height + 4.0;
                let tip = format!("what speaks for {}", example.map.class_name);
                drawing.image([x, below, *width, *height], overlay, &tip);
            }
            y += row_height;
        }
    }
    Ok(drawing.finish())
}

const MARGIN: f64 = 24.0;

/// The addresses of the photo and of the photo under its heat map, and the size that fits into `room`.
fn pictures(
    pixels: ArrayView3<'_, f32>,
    map: &HeatMap,
    room: [f64; 2],
) -> Result<(String, String, [f64; 2])> {
    let (height, width, channels) = pixels.dim();
    if map.values.dim() != (height, width) || channels == 0 {
        let found = format!("{:?} for pixels of shape {:?}", map.values.dim(), pixels.dim());
        return Err(Error::argument("the heat map's shape", found, "a map of the photo's height and width"));
    }
    let mut photo = Vec::with_capacity(height * width * 3);
    let mut overlay = Vec::with_capacity(height * width * 3);
    for ((row, column), &value) in map.values.indexed_iter() {
        // A gray photo has one channel, and a fourth is not shown.
        let rgb =
            [0, 1, 2].map(|c| pixels[[row, column, if channels < 3 { 0 } else { c }]].clamp(0.0, 255.0));
        photo.extend(rgb.map(|value| value.round() as u8));
        overlay.extend(blend(rgb, value).map(|value| value.round() as u8));
    }
    let scale = (room[0] / width as f64).min(room[1] / height as f64);
    let size = [width as f64 * scale, height as f64 * scale];
    let longest = 2 * room[0].max(room[1]) as u32;
    Ok((picture(&photo, width, height, longest)?, picture(&overlay, width, height, longest)?, size))
}

/// The photo's lightness, tinted: where the map is low it stays gray and dark, where it is high the colour covers more.
fn blend(rgb: [f32; 3], value: f32) -> [f32; 3] {
    let gray = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    let opacity = 0.35 + 0.3 * value;
    inferno(value).map(|colour| gray * (1.0 - opacity) + 255.0 * colour * opacity)
}

/// What the colours mean.
fn scale(drawing: &mut Drawing, [x, y, width, height]: [f64; 4]) {
    const STEPS: usize = 64;
    let step = height / STEPS as f64;
    for i in 0..STEPS {
        let [red, green, blue] =
            inferno(1.0 - (i as f32 + 0.5) / STEPS as f32).map(|value| (255.0 * value).round() as u8);
        // A little too high, against seams between the steps.
        drawing.raw(format_args!(
            "<rect x=\"{x:.1}\" y=\"{:.2}\" width=\"{width:.1}\" height=\"{:.2}\" fill=\"#{red:02x}{green:02x}{blue:02x}\"/>",
            y + i as f64 * step,
            if i + 1 < STEPS { step + 0.5 } else { step },
        ));
    }
    let style = TextStyle::muted(12.0).anchor(Anchor::Start);
    drawing.text((x + width + 6.0, y + 11.0), "most", style);
    drawing.text((x + width + 6.0, y + height - 2.0), "none", style);
}

/// `98.7 %`.
fn percent(probability: f32) -> String {
    format!("{:.1} %", 100.0 * probability)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array3};

    use super::*;

    fn example(true_class: &str, [height, width, channels]: [usize; 3]) -> Example {
        let map = HeatMap {
            values: Array2::from_shape_fn((height, width), |(i, _)| i as f32 / height as f32),
            raw: Array2::zeros((1, 1)),
            class: 0,
            class_name: "<b>&\"".into(),
            probability: 0.25,
            layer: "a/b".into(),
        };
        let pixels = Array3::from_elem((height, width, channels), 300.0);
        Example { pixels, map, true_class: true_class.into() }
    }

    #[test]
    fn gray_tall_and_nastily_named_photos_are_drawn() {
        let examples = [
            example("<b>&\"", [90, 30, 1]),
            example("a name that is so long that it cannot stand above its photo", [70, 100, 3]),
            example("x", [1, 1, 4]),
        ];
        for example in &examples {
            let figure = heat_map(example.pixels.view(), &example.map).unwrap();
            resvg::usvg::roxmltree::Document::parse(figure.svg()).unwrap();
            assert!(figure.svg().contains("Nothing in it speaks for"));
            figure.png().unwrap();
        }
        let figure = heat_map_grid(&examples).unwrap();
        assert!(figure.svg().contains(">Right<") && figure.svg().contains(">Wrong<"));
        assert_eq!(figure.svg().matches("<image").count(), 6);
        figure.png().unwrap();
        assert!(!heat_map_grid(&examples[..1]).unwrap().svg().contains(">Wrong<"));
        assert!(heat_map_grid(&[]).is_err());
    }

    #[test]
    fn a_map_of_another_size_is_an_error() {
        let mut example = example("x", [4, 5, 3]);
        example.map.values = Array2::zeros((5, 4));
        let error = heat_map(example.pixels.view(), &example.map).unwrap_err().to_string();
        assert!(error.contains("(5, 4) for pixels of shape (4, 5, 3)"), "{error}");
    }

    #[test]
    fn the_overlay_is_lighter_where_the_map_is_higher() {
        let gray = [120.0; 3];
        let lightness = |value: f32| blend(gray, value).iter().sum::<f32>();
        assert!(lightness(1.0) > lightness(0.5) && lightness(0.5) > lightness(0.0));
    }
}
