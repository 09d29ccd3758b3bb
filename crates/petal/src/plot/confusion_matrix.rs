use super::Figure;
use super::svg::{Anchor, Drawing, TextStyle, colour, escape, shorten, text_width};

/// How often each class (row) was taken for each (column): counts, shaded by their share of the row.
///
/// Right answers are blue, confusions orange. With many classes the numbers give way to the shades; a browser still
/// shows them under the pointer. `counts` is `[true class][predicted class]`; missing values count as 0.
///
/// ```
/// use petal::plot::confusion_matrix;
///
/// let figure = confusion_matrix(&[vec![8, 2], vec![1, 9]], &["daisy".into(), "tulips".into()]);
/// assert!(figure.svg().contains("daisy taken for tulips: 2 of 10"));
/// ```
pub fn confusion_matrix(counts: &[Vec<usize>], class_names: &[String]) -> Figure {
    let classes = class_names.len();
    let cell = (620.0 / classes.max(1) as f64).clamp(11.0, 84.0);
    let label = (cell * 0.74).clamp(8.0, 14.0);
    let longest = class_names.iter().map(|name| text_width(name, label)).fold(0.0, f64::max);
    let label_room = longest.clamp(30.0, 170.0);
    let upright = longest <= cell - 4.0;
    let (left, top) = (24.0 + 22.0 + label_room + 10.0, 24.0);
    let side = cell * classes as f64;
    let below = if upright { label + 14.0 } else { label_room + 14.0 };
    let mut drawing = Drawing::new(left + side + 28.0, top + side + below + 38.0);

    drawing.raw(format_args!(
        "<rect class=\"empty\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{side:.1}\" height=\"{side:.1}\" fill=\"#f6f7f9\"/>"
    ));
    for (row, true_name) in class_names.iter().enumerate() {
        let count = |column: usize| counts.get(row).and_then(|row| row.get(column)).copied().unwrap_or(0);
        let total: usize = (0..classes).map(count).sum();
        for (column, predicted_name) in class_names.iter().enumerate() {
            let count = count(column);
            if count == 0 {
                continue;
            }
            let share = count as f64 / total as f64;
            let (x, y) = (left + column as f64 * cell, top + row as f64 * cell);
            let fill = if row == column { colour::BLUE } else { colour::ORANGE };
            let answer = if row == column {
                format!("{true_name} recognised: {count} of {total}")
            } else {
                format!("{true_name} taken for {predicted_name}: {count} of {total}")
            };
            // The root makes a few confusions of many visible.
            let opacity = 0.06 + 0.94 * share.powf(if row == column { 0.8 } else { 0.65 });
            drawing.raw(format_args!(
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{cell:.1}\" height=\"{cell:.1}\" fill=\"{fill}\" \
                 fill-opacity=\"{opacity:.3}\"><title>{}</title></rect>",
                escape(&answer)
            ));
            let digits = count.to_string();
            let size = (cell * 0.3).clamp(8.0, 17.0);
            if text_width(&digits, size) <= cell - 2.0 && cell >= 15.0 {
                let percent = cell >= 50.0;
                let style = TextStyle {
                    class: if opacity > 0.55 { "light" } else { "ink" },
                    ..TextStyle::ink(size).bold().anchor(Anchor::Middle)
                };
                let middle = (x + cell / 2.0, y + cell / 2.0 + size * if percent { 0.05 } else { 0.36 });
                drawing.text(middle, &digits, style);
                if percent {
                    let style = TextStyle { bold: false, size: 11.5, ..style };
                    drawing.text((middle.0, middle.1 + 17.0), &format!("{:.0} %", share * 100.0), style);
                }
            }
        }
    }
    for line in 0..=classes {
        let at = line as f64 * cell;
        drawing.line((left + at, top), (left + at, top + side), "grid-line");
        drawing.line((left, top + at), (left + side, top + at), "grid-line");
    }
    for (i, name) in class_names.iter().enumerate() {
        let at = (i as f64 + 0.5) * cell;
        let name = shorten(name, label, label_room);
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
    drawing.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use resvg::usvg::roxmltree::Document;

    #[test]
    fn nasty_names_and_ragged_counts_give_well_formed_xml() {
        let names = ["<b>&\"".to_owned(), "]]>'\u{7}".to_owned(), "x".repeat(300)];
        let figure = confusion_matrix(&[vec![1, 2, 3], vec![4], vec![]], &names);
        let document = Document::parse(figure.svg()).unwrap();
        assert!(document.descendants().any(|node| node.text().is_some_and(|text| text.contains("<b>&\""))));
        assert!(figure.svg().contains("xxx…"));
        confusion_matrix(&[], &[]).png().unwrap();
    }

    #[test]
    fn a_hundred_classes_stay_on_one_page() {
        let names: Vec<String> = (0..100).map(|i| format!("class number {i}")).collect();
        let counts: Vec<Vec<usize>> =
            (0..100).map(|i| (0..100).map(|j| usize::from(i == j) * 9).collect()).collect();
        let picture = image::load_from_memory(&confusion_matrix(&counts, &names).png().unwrap()).unwrap();
        assert!(picture.width() < 3200 && picture.height() < 3200);
    }
}
