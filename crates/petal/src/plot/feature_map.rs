use super::Figure;
use super::svg::{Anchor, Drawing, TextStyle, colour, escape, shorten, text_width, tick_step};
use crate::explain::Pca;
use crate::random::Key;
use crate::{Error, Result};

/// Photos as points in the plane of their features' principal components, coloured by class.
///
/// `labels` are the photos' classes. Where `predicted` classes are given, a ring around a photo that was taken for
/// another class has that class's colour. Both axes have the same scale. With more than six classes the colours return
/// with other shapes.
///
/// ```
/// use ndarray::array;
/// use petal::explain::pca;
/// let features = array![[0.0, 1.0], [0.5, 1.0], [4.0, 3.0], [4.5, 3.5]];
/// let names = ["daisy".to_owned(), "tulips".to_owned()];
/// let figure = petal::plot::feature_map(&pca(features.view())?, &[0, 0, 1, 1], Some(&[0, 0, 1, 0]), &names)?;
/// assert!(figure.svg().contains("tulips, taken for daisy"));
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// If there isn't one label, and one predicted class, for each point, or a class has no name.
pub fn feature_map(
    pca: &Pca,
    labels: &[usize],
    predicted: Option<&[usize]>,
    class_names: &[String],
) -> Result<Figure> {
    for (argument, classes) in [("labels", Some(labels)), ("predicted", predicted)] {
        let Some(classes) = classes else { continue };
        if classes.len() != pca.points.nrows() {
            let expected = format!("one for each of the {} points", pca.points.nrows());
            return Err(Error::argument(argument, format!("{} classes long", classes.len()), expected));
        }
        if let Some(class) = classes.iter().find(|&&class| class >= class_names.len()) {
            let expected = format!("classes below {}, the number of class names", class_names.len());
            return Err(Error::argument(argument, format!("a list with class {class}"), expected));
        }
    }
    let points: Vec<[f64; 2]> = pca.points.rows().into_iter().map(|p| [p[0].into(), p[1].into()]).collect();
    let area = Area::around(&points);
    let mut drawing = Drawing::new(WIDTH, area.bottom + 54.0);
    area.draw_axes(&mut drawing, pca.explained_variance_ratio);

    let radius = match points.len() {
        0..=600 => 4.2,
        601..=3000 => 3.0,
        _ => 2.0,
    };
    // In no order of classes, so that none covers the others.
    let mut order: Vec<usize> = (0..points.len()).collect();
    Key::new(0).named("feature map").generator().shuffle(&mut order);
    let taken = |sample: usize| predicted.map(|p| p[sample]).filter(|&class| class != labels[sample]);
    // Rings above all points: the mistakes are what one looks for.
    order.sort_by_key(|&sample| taken(sample).is_some());
    for sample in order {
        let (x, y) = (area.x(points[sample][0]), area.y(points[sample][1]));
        draw_marker(&mut drawing, labels[sample], x, y, radius);
        if let Some(class) = taken(sample) {
            let name = |class: usize| shorten(&class_names[class], 13.0, 400.0);
            let tip = format!("{}, taken for {}", name(labels[sample]), name(class));
            draw_ring(&mut drawing, style(class).0, x, y, radius + 3.2, &tip);
        }
    }
    draw_legend(&mut drawing, labels, predicted.is_some(), class_names, area.bottom);
    Ok(drawing.finish())
}

const WIDTH: f64 = 1008.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 800.0;
const TOP: f64 = 24.0;

/// Where the points lie on the paper.
struct Area {
    middle: [f64; 2],
    /// Units of paper for one of the features'.
    scale: f64,
    bottom: f64,
}

impl Area {
    /// Room for all points with the same scale on both axes.
    fn around(points: &[[f64; 2]]) -> Area {
        const HEIGHTS: [f64; 2] = [300.0, 620.0];
        const EDGE: f64 = 16.0;
        let side = |axis: usize| {
            let values = points.iter().map(|point| point[axis]);
            let low = values.clone().fold(f64::INFINITY, f64::min);
            let high = values.fold(f64::NEG_INFINITY, f64::max);
            if low <= high { ((low + high) / 2.0, high - low) } else { (0.0, 0.0) }
        };
        let [(x, width), (y, height)] = [side(0), side(1)];
        let room = [RIGHT - LEFT - 2.0 * EDGE, HEIGHTS[1] - 2.0 * EDGE];
        let scale = (room[0] / width).min(room[1] / height);
        let scale = if scale.is_finite() { scale } else { room[0] };
        let bottom = TOP + (height * scale + 2.0 * EDGE).clamp(HEIGHTS[0], HEIGHTS[1]);
        Area { middle: [x, y], scale, bottom }
    }

    fn x(&self, value: f64) -> f64 {
        (LEFT + RIGHT) / 2.0 + (value - self.middle[0]) * self.scale
    }

    fn y(&self, value: f64) -> f64 {
        (TOP + self.bottom) / 2.0 - (value - self.middle[1]) * self.scale
    }

    fn draw_axes(&self, drawing: &mut Drawing, shares: [f64; 2]) {
        let half = [(RIGHT - LEFT) / 2.0, (self.bottom - TOP) / 2.0].map(|half| half / self.scale);
        // The same step on both axes, as they have the same scale.
        let step = tick_step(2.0 * half[0], 8);
        let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
        let number = |value: f64| format!("{value:.decimals$}").replace('-', "−");
        let ticks = |axis: usize| {
            let [first, last] = [-1.0, 1.0].map(|side| (self.middle[axis] + side * half[axis]) / step);
            (first.ceil() as i64..=last.floor() as i64).map(move |tick| tick as f64 * step)
        };
        let style = TextStyle::muted(12.0);
        for value in ticks(0) {
            let x = self.x(value);
            drawing.line((x, TOP), (x, self.bottom), "rule");
            drawing.text((x, self.bottom + 18.0), &number(value), style.anchor(Anchor::Middle));
        }
        for value in ticks(1) {
            let y = self.y(value);
            drawing.line((LEFT, y), (RIGHT, y), "rule");
            drawing.text((LEFT - 8.0, y + 4.0), &number(value), style.anchor(Anchor::End));
        }
        let title =
            |name: &str, share: f64| format!("{name} component, {:.0} % of the variance", 100.0 * share);
        let style = TextStyle::muted(13.0).anchor(Anchor::Middle);
        let below = ((LEFT + RIGHT) / 2.0, self.bottom + 42.0);
        drawing.text(below, &title("First", shares[0]), style);
        let beside = (34.0, (TOP + self.bottom) / 2.0);
        drawing.text(beside, &title("Second", shares[1]), TextStyle { turn: -90.0, ..style });
    }
}

/// Colour and shape of a class: the shape changes where the colours begin again.
fn style(class: usize) -> (&'static str, usize) {
    (colour::RUNS[class % colour::RUNS.len()], class / colour::RUNS.len() % 4)
}

fn draw_marker(drawing: &mut Drawing, class: usize, x: f64, y: f64, r: f64) {
    let (fill, shape) = style(class);
    let look = format!(
        "class=\"halo\" fill=\"{fill}\" fill-opacity=\"0.85\" stroke=\"#ffffff\" stroke-width=\"0.8\""
    );
    match shape {
        0 => drawing.raw(format_args!("<circle {look} cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r:.1}\"/>")),
        1 => drawing.raw(format_args!(
            "<rect {look} x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            x - 0.9 * r,
            y - 0.9 * r,
            1.8 * r,
            1.8 * r
        )),
        2 => drawing.raw(format_args!(
            "<path {look} d=\"M{x:.1} {:.1}l{:.1} {:.1}h{:.1}z\"/>",
            y - 1.2 * r,
            1.15 * r,
            2.1 * r,
            -2.3 * r
        )),
        _ => drawing.raw(format_args!(
            "<path {look} d=\"M{x:.1} {:.1}l{r2:.1} {r2:.1}l{m:.1} {r2:.1}l{m:.1} {m:.1}z\"/>",
            y - 1.3 * r,
            r2 = 1.3 * r,
            m = -1.3 * r
        )),
    }
}

fn draw_ring(drawing: &mut Drawing, colour: &str, x: f64, y: f64, r: f64, tip: &str) {
    drawing.raw(format_args!(
        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r:.1}\" fill=\"#000000\" fill-opacity=\"0\" stroke=\"{colour}\" \
         stroke-width=\"1.8\"><title>{}</title></circle>",
        escape(tip)
    ));
}

/// The classes that there are, and what a ring means.
fn draw_legend(drawing: &mut Drawing, labels: &[usize], rings: bool, class_names: &[String], bottom: f64) {
    const LINE: f64 = 22.0;
    let x = RIGHT + 28.0;
    let mut y = TOP + 10.0;
    let lines = ((bottom - y) / LINE) as usize - if rings { 4 } else { 0 };
    let mut counts = vec![0; class_names.len()];
    labels.iter().for_each(|&label| counts[label] += 1);
    let classes: Vec<usize> = (0..counts.len()).filter(|&class| counts[class] > 0).collect();
    let shown = if classes.len() > lines { lines - 1 } else { classes.len() };
    for &class in &classes[..shown] {
        draw_marker(drawing, class, x, y, 5.0);
        let count = counts[class].to_string();
        let room = WIDTH - 12.0 - x - 14.0 - text_width(&count, 12.0) - 8.0;
        let name = shorten(&class_names[class], 13.0, room);
        drawing.text((x + 14.0, y + 4.5), &name, TextStyle::ink(13.0));
        let style = TextStyle::muted(12.0);
        drawing.text((x + 14.0 + text_width(&name, 13.0) + 8.0, y + 4.5), &count, style);
        y += LINE;
    }
    if shown < classes.len() {
        let more = format!("and {} more classes", classes.len() - shown);
        drawing.text((x + 14.0, y + 4.5), &more, TextStyle::muted(13.0));
        y += LINE;
    }
    if rings {
        y += 10.0;
        draw_ring(drawing, colour::MUTED, x, y, 7.0, "misclassified");
        drawing.text((x + 14.0, y + 4.5), "misclassified; the ring", TextStyle::ink(13.0));
        drawing.text((x + 14.0, y + 21.0), "has the colour of the", TextStyle::ink(13.0));
        drawing.text((x + 14.0, y + 37.5), "class it was taken for", TextStyle::ink(13.0));
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|class| format!("<class> {class}")).collect()
    }

    fn spiral(count: usize) -> Pca {
        let points = Array2::from_shape_fn((count, 2), |(i, axis)| {
            let angle = i as f32 / 10.0;
            angle * if axis == 0 { angle.cos() } else { 0.5 * angle.sin() }
        });
        Pca { points, explained_variance_ratio: [0.5, 0.25] }
    }

    #[test]
    fn many_classes_one_photo_and_none_are_drawn() {
        let labels: Vec<usize> = (0..100).collect();
        for (points, labels, classes) in [
            (spiral(100), &labels[..], 100),
            (spiral(1), &[2], 3),
            (spiral(0), &[], 3),
            (spiral(0), &[], 0),
            (Pca { points: Array2::ones((4, 2)), explained_variance_ratio: [0.0; 2] }, &[0, 1, 0, 1], 2),
        ] {
            let figure = feature_map(&points, labels, Some(labels), &names(classes)).unwrap();
            assert!(!figure.svg().contains("NaN") && !figure.svg().contains("inf"));
            resvg::usvg::roxmltree::Document::parse(figure.svg()).unwrap();
            figure.png().unwrap();
        }
        let figure = feature_map(&spiral(100), &labels, None, &names(100)).unwrap();
        assert!(figure.svg().contains("more classes") && !figure.svg().contains("misclassified"));
    }

    #[test]
    fn a_ring_says_what_a_photo_was_taken_for_and_axes_how_much_they_hold() {
        let pca = Pca { points: array![[0.0, 0.0], [1.0, 0.0]], explained_variance_ratio: [0.614, 0.25] };
        let figure = feature_map(&pca, &[0, 1], Some(&[0, 0]), &["a".into(), "b".into()]).unwrap();
        assert_eq!(figure.svg().matches("taken for a<").count(), 1);
        assert!(figure.svg().contains("First component, 61 % of the variance"));
    }

    #[test]
    fn labels_that_do_not_fit_are_errors() {
        let error = |labels: &[usize], predicted: &[usize]| {
            feature_map(&spiral(2), labels, Some(predicted), &names(2)).unwrap_err().to_string()
        };
        assert!(error(&[0], &[0, 0]).contains("labels is 1 classes long"));
        assert!(error(&[0, 1], &[0]).contains("predicted is 1 classes long"));
        assert!(error(&[0, 2], &[0, 0]).contains("class 2; expected classes below 2"));
    }
}
