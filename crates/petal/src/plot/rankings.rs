use super::Figure;
use super::svg::{Drawing, TextStyle, colour, shorten, text_width};
use super::two_panels::{Layout, MARGIN, Panel, Titles};
use crate::calibration::{Ranking, RankingPoint, Rankings};

/// The most classes whose curves are drawn.
pub(crate) const DRAWN: usize = colour::RUNS.len();

/// The ROC and the precision–recall curve of each class against all others, with the areas below them. Of more than six
/// classes those with the smallest areas below the ROC curve are drawn.
///
/// ```
/// use ndarray::array;
/// use petal::calibration::Rankings;
/// let rankings = Rankings::new(&array![[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]], &[0, 1, 1])?;
/// let figure = petal::plot::ranking_curves(&rankings, &["daisy".into(), "roses".into()]);
/// assert!(figure.svg().contains("daisy: AUROC 1.000"));
/// # Ok::<(), petal::Error>(())
/// ```
pub fn ranking_curves(rankings: &Rankings, class_names: &[String]) -> Figure {
    draw(rankings, class_names, Layout::Wide)
}

/// The same for a narrow screen.
#[cfg(any(test, feature = "report"))]
pub(crate) fn narrow_ranking_curves(rankings: &Rankings, class_names: &[String]) -> Figure {
    draw(rankings, class_names, Layout::Narrow)
}

const TITLES: [Titles; 2] = [
    Titles { above: "ROC", across: "False positive rate", up: "Recall" },
    Titles { above: "Precision and recall", across: "Recall", up: "Precision" },
];

fn draw(rankings: &Rankings, class_names: &[String], layout: Layout) -> Figure {
    const ROW: f64 = 24.0;
    let drawn = drawn(rankings);
    let ([roc, precision], below) = layout.panels(TITLES, [1.0, 1.0]);
    let columns = if layout == Layout::Wide { 3 } else { 1 };
    let rows = drawn.len().div_ceil(columns) as f64;
    let below = below + 14.0;
    let mut drawing = Drawing::new(layout.width(), below + rows * ROW);
    roc.draw_axes(&mut drawing);
    precision.draw_axes(&mut drawing);
    drawing.line(roc.point(0.0, 0.0), roc.point(1.0, 1.0), "mark");
    let room = (layout.width() - 2.0 * MARGIN) / columns as f64;
    for (i, &(class, ranking)) in drawn.iter().enumerate() {
        let colour = colour::RUNS[i];
        draw_line(
            &mut drawing,
            &roc,
            colour,
            ranking.points.iter().map(|point| (point.false_positive_rate, point.recall)),
        );
        draw_line(&mut drawing, &precision, colour, steps(&ranking.points));
        let (x, y) = (MARGIN + (i % columns) as f64 * room, below + (i / columns) as f64 * ROW);
        drawing.raw(format_args!(
            "<path d=\"M{x:.1} {y:.1}h22\" stroke=\"{colour}\" stroke-width=\"2.5\" stroke-linecap=\"round\"/>"
        ));
        let areas = format!(": AUROC {:.3}, AP {:.3}", ranking.auroc, ranking.average_precision);
        let name = class_names.get(class).map_or("", String::as_str);
        let name = shorten(name, 13.0, room - 50.0 - text_width(&areas, 13.0));
        drawing.text((x + 30.0, y + 4.5), &format!("{name}{areas}"), TextStyle::ink(13.0));
    }
    drawing.finish()
}

/// The classes whose curves are drawn, in their order.
fn drawn(rankings: &Rankings) -> Vec<(usize, &Ranking)> {
    let mut classes: Vec<(usize, &Ranking)> = rankings
        .classes
        .iter()
        .enumerate()
        .filter_map(|(class, ranking)| Some((class, ranking.as_ref()?)))
        .collect();
    if classes.len() > DRAWN {
        classes.sort_by(|(_, a), (_, b)| a.auroc.total_cmp(&b.auroc));
        classes.truncate(DRAWN);
        classes.sort_by_key(|(class, _)| *class);
    }
    classes
}

/// A precision is that of the step by which recall rises to its point: so the area below is the average precision.
fn steps(points: &[RankingPoint]) -> impl Iterator<Item = (f64, f64)> {
    points
        .windows(2)
        .flat_map(|ends| [(ends[0].recall, ends[1].precision), (ends[1].recall, ends[1].precision)])
}

fn draw_line(drawing: &mut Drawing, panel: &Panel, colour: &str, points: impl Iterator<Item = (f64, f64)>) {
    let mut path = String::new();
    let mut before = (f64::NAN, f64::NAN);
    for (across, up) in points {
        let (x, y) = panel.point(across, up);
        // What a picture shows at one place is one point.
        if (x - before.0).abs() + (y - before.1).abs() < 0.3 {
            continue;
        }
        path += &format!("{}{x:.1} {y:.1}", if path.is_empty() { 'M' } else { 'L' });
        before = (x, y);
    }
    drawing.raw(format_args!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-linejoin=\"round\"/>"
    ));
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|class| format!("<class> {class} with a long name")).collect()
    }

    #[test]
    fn of_many_classes_the_worst_are_drawn_and_many_photos_make_no_large_picture() {
        let labels: Vec<usize> = (0..20_000).map(|sample| sample % 20).collect();
        let scores = Array2::from_shape_fn((20_000, 20), |(sample, class)| {
            let noise = ((sample * 31 + class * 7919) as f32).sin() * class as f32;
            f32::from(u8::from(labels[sample] == class)) + noise
        });
        let rankings = Rankings::new(&scores, &labels).unwrap();
        for figure in [ranking_curves(&rankings, &names(20)), narrow_ranking_curves(&rankings, &names(20))] {
            assert_eq!(figure.svg().matches("AUROC").count(), DRAWN);
            assert!(!figure.svg().contains("&lt;class&gt; 0 ") && figure.svg().contains("&lt;class&gt; 19 "));
            assert!(figure.svg().len() < 200_000, "{}", figure.svg().len());
            figure.png().unwrap();
        }
    }

    #[test]
    fn without_a_class_there_are_axes() {
        let figure = ranking_curves(&Rankings { classes: vec![None, None] }, &names(2));
        assert!(!figure.svg().contains("AUROC") && !figure.svg().contains("NaN"));
    }
}
