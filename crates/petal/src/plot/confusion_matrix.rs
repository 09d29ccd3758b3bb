use serde::Serialize;

use super::Figure;
use super::shade::{Shade, shade};
use super::svg::{Anchor, Drawing, TextStyle, colour, escape, shorten, text_width};
use crate::model::thousands;

/// How many photos of a class were taken for a class, which may be the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Confusion {
    /// What the photos show: the class's index.
    pub true_class: usize,
    /// What they were taken for.
    pub predicted_class: usize,
    /// How many.
    pub count: usize,
}

impl Confusion {
    /// Counts the pairs of true and predicted classes that there are, ordered by the classes. What would be a matrix of
    /// `classes²` numbers is never larger than the photos are many.
    pub fn count(truth: &[usize], predicted: &[usize]) -> Vec<Confusion> {
        let mut pairs: Vec<(usize, usize)> = truth.iter().copied().zip(predicted.iter().copied()).collect();
        pairs.sort_unstable();
        let same = pairs.chunk_by(|a, b| a == b);
        same.map(|same| Confusion { true_class: same[0].0, predicted_class: same[0].1, count: same.len() })
            .collect()
    }

    fn is_right(&self) -> bool {
        self.true_class == self.predicted_class
    }
}

/// How often each class (row) was taken for each (column): counts, shaded by their share of the row.
///
/// Right answers are blue, confusions orange. With many classes the numbers give way to the shades; a browser still
/// shows them under the pointer. Of more than 50 classes, the 40 between which the largest confusions lie are shown,
/// and a sentence says so. `counts` are those of [`Confusion::count`].
///
/// ```
/// use petal::plot::{Confusion, confusion_matrix};
///
/// let counts = Confusion::count(&[0, 0, 0, 1, 1], &[0, 0, 1, 1, 1]);
/// let figure = confusion_matrix(&counts, &["daisy".into(), "tulips".into()]);
/// assert!(figure.svg().contains("daisy taken for tulips: 1 of 3"));
/// ```
pub fn confusion_matrix(counts: &[Confusion], class_names: &[String]) -> Figure {
    let shown = largest_confusions(counts, class_names.len());
    let mut totals = vec![0; class_names.len()];
    let known = |cell: &&Confusion| cell.true_class.max(cell.predicted_class) < class_names.len();
    counts.iter().filter(known).for_each(|cell| totals[cell.true_class] += cell.count);
    let classes = shown.len();
    let cell = (620.0 / classes.max(1) as f64).clamp(11.0, 84.0);
    let label = (cell * 0.74).clamp(8.0, 14.0);
    let longest = shown.iter().map(|&class| text_width(&class_names[class], label)).fold(0.0, f64::max);
    let label_room = longest.clamp(30.0, 170.0);
    let upright = longest <= cell - 4.0;
    let (left, top) = (24.0 + 22.0 + label_room + 10.0, 24.0);
    let side = cell * classes as f64;
    let below = if upright { label + 14.0 } else { label_room + 14.0 };
    let remark = (classes < class_names.len()).then(|| remark(counts, &shown, class_names.len()));
    let mut drawing =
        Drawing::new(left + side + 28.0, top + side + below + if remark.is_some() { 58.0 } else { 32.0 });

    drawing.raw(format_args!(
        "<rect class=\"empty\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{side:.1}\" height=\"{side:.1}\" fill=\"#f6f7f9\"/>"
    ));
    for confusion in counts {
        let place = |class: usize| shown.binary_search(&class);
        let (Ok(row), Ok(column)) = (place(confusion.true_class), place(confusion.predicted_class)) else {
            continue;
        };
        let (x, y) = (left + column as f64 * cell, top + row as f64 * cell);
        draw_cell(&mut drawing, confusion, totals[confusion.true_class], class_names, [x, y, cell]);
    }
    for line in 0..=classes {
        let at = line as f64 * cell;
        drawing.line((left + at, top), (left + at, top + side), "grid-line");
        drawing.line((left, top + at), (left + side, top + at), "grid-line");
    }
    for (i, &class) in shown.iter().enumerate() {
        let at = (i as f64 + 0.5) * cell;
        let name = shorten(&class_names[class], label, label_room);
        let style = TextStyle::ink(label).anchor(Anchor::End);
        drawing.text((left - 10.0, top + at + label * 0.36), &name, style);
        if upright {
            let style = style.anchor(Anchor::Middle);
            drawing.text((left + at, top + side + label + 8.0), &name, style);
        } else {
            let style = TextStyle { turn: -90.0, ..style };
            drawing.text((left + at + label * 0.36, top + side + 10.0), &name, style);
        }
    }
    let axis = TextStyle::muted(13.0).anchor(Anchor::Middle);
    drawing.text((left + side / 2.0, top + side + below + 18.0), "Predicted class", axis);
    drawing.text((30.0, top + side / 2.0), "True class", TextStyle { turn: -90.0, ..axis });
    if let Some(remark) = remark {
        drawing.text((24.0, top + side + below + 44.0), &remark, TextStyle::ink(13.0));
    }
    drawing.finish()
}

/// So many classes are drawn all.
const ALL: usize = 50;
/// Of more, so many.
const MOST: usize = 40;

/// The classes that are drawn, in order: all, or those between which the largest confusions lie.
fn largest_confusions(counts: &[Confusion], classes: usize) -> Vec<usize> {
    if classes <= ALL {
        return (0..classes).collect();
    }
    let mut wrong: Vec<&Confusion> = counts.iter().filter(|confusion| !confusion.is_right()).collect();
    wrong.sort_by_key(|confusion| std::cmp::Reverse(confusion.count));
    let mut shown = Vec::with_capacity(MOST);
    let confused = wrong.iter().flat_map(|confusion| [confusion.true_class, confusion.predicted_class]);
    for class in confused.chain(0..classes).filter(|&class| class < classes) {
        if shown.len() == MOST {
            break;
        }
        if !shown.contains(&class) {
            shown.push(class);
        }
    }
    shown.sort_unstable();
    shown
}

/// What is not shown.
fn remark(counts: &[Confusion], shown: &[usize], classes: usize) -> String {
    let wrong = || counts.iter().filter(|confusion| !confusion.is_right());
    let is_shown = |class: usize| shown.binary_search(&class).is_ok();
    let seen =
        wrong().filter(|confusion| is_shown(confusion.true_class) && is_shown(confusion.predicted_class));
    let sum = |total: usize, confusion: &Confusion| total + confusion.count;
    format!(
        "{} of {} classes, with the largest confusions: {} of the {} wrong answers.",
        shown.len(),
        thousands(classes),
        thousands(seen.fold(0, sum)),
        thousands(wrong().fold(0, sum))
    )
}

/// A cell at `[left, top, side]`. `total` is the number of the true class's photos.
fn draw_cell(
    drawing: &mut Drawing,
    confusion: &Confusion,
    total: usize,
    class_names: &[String],
    [x, y, cell]: [f64; 3],
) {
    let &Confusion { true_class, predicted_class, count } = confusion;
    let share = count as f64 / total as f64;
    let name = |class: usize| shorten(&class_names[class], 13.0, 400.0);
    let answer = match confusion.is_right() {
        true => format!("{} recognised: {count} of {total}", name(true_class)),
        false => format!("{} taken for {}: {count} of {total}", name(true_class), name(predicted_class)),
    };
    let fill = if confusion.is_right() { colour::BLUE } else { colour::ORANGE };
    // The root makes a few confusions of many visible.
    let Shade { opacity, ink } =
        shade(fill, 0.06 + 0.94 * share.powf(if confusion.is_right() { 0.8 } else { 0.65 }));
    drawing.raw(format_args!(
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{cell:.1}\" height=\"{cell:.1}\" fill=\"{fill}\" \
         fill-opacity=\"{opacity:.3}\"><title>{}</title></rect>",
        escape(&answer)
    ));
    let digits = count.to_string();
    let size = (cell * 0.3).clamp(8.0, 17.0);
    if text_width(&digits, size) > cell - 2.0 || cell < 15.0 {
        return;
    }
    let percent = cell >= 50.0;
    let style = TextStyle { class: ink, ..TextStyle::ink(size).bold().anchor(Anchor::Middle) };
    let middle = (x + cell / 2.0, y + cell / 2.0 + size * if percent { 0.05 } else { 0.36 });
    drawing.text(middle, &digits, style);
    if percent {
        let style = TextStyle { bold: false, size: 12.0, ..style };
        drawing.text((middle.0, middle.1 + 17.0), &format!("{:.0} %", share * 100.0), style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resvg::usvg::roxmltree::Document;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|i| format!("class number {i}")).collect()
    }

    #[test]
    fn nasty_names_and_classes_without_a_name_give_well_formed_xml() {
        let names = ["<b>&\"".to_owned(), "]]>'\u{7}".to_owned(), "x".repeat(300)];
        let figure = confusion_matrix(&Confusion::count(&[0, 0, 1, 2, 7], &[0, 1, 2, 2, 0]), &names);
        let document = Document::parse(figure.svg()).unwrap();
        assert!(document.descendants().any(|node| node.text().is_some_and(|text| text.contains("<b>&\""))));
        assert!(figure.svg().contains("xxx…") && !figure.svg().contains(&names[2]));
        confusion_matrix(&[], &[]).png().unwrap();
    }

    #[test]
    fn the_largest_confusions_of_five_thousand_classes_make_a_bounded_picture() {
        let classes = 5000;
        // Each class's three photos: one taken for the next class; of class 4321 two, for class 17.
        let mut truth: Vec<usize> = (0..classes).flat_map(|class| [class; 3]).collect();
        let mut predicted: Vec<usize> =
            (0..classes).flat_map(|class| [class, class, (class + 1) % classes]).collect();
        truth.extend([4321, 4321]);
        predicted.extend([17, 17]);
        let figure = confusion_matrix(&Confusion::count(&truth, &predicted), &names(classes));
        assert!(figure.svg().contains("class number 4321 taken for class number 17: 2 of 5"));
        assert!(figure.svg().contains("40 of 5,000 classes"), "{}", &figure.svg()[..200]);
        assert!(figure.svg().contains("of the 5,002 wrong answers"));
        assert!(figure.svg().len() < 200_000, "{}", figure.svg().len());
        let png = figure.png().unwrap();
        assert!(png.len() < 1_000_000, "{}", png.len());
        let picture = image::load_from_memory(&png).unwrap();
        assert!(picture.width() <= 3000 && picture.height() <= 3000);
    }

    #[test]
    fn fifty_classes_are_drawn_all() {
        let figure = confusion_matrix(&Confusion::count(&[49; 9], &[0; 9]), &names(50));
        assert!(figure.svg().contains("class number 49 taken for class number 0: 9 of 9"));
        assert!(!figure.svg().contains("of 50 classes"));
        let picture = image::load_from_memory(&figure.png().unwrap()).unwrap();
        assert!(picture.width() <= 3000 && picture.height() <= 3000);
    }
}
