use super::Figure;
use super::svg::{Drawing, colour, escape};
use super::two_panels::{Layout, Panel, Titles};
use crate::calibration::{Reliability, share_interval};

/// How often answers are right that the model is about as sure of, beside how many of them there are.
///
/// Where probabilities are right the bars end at the diagonal. A bar's line is the 95 % interval of its share: of few
/// answers it is long.
///
/// ```
/// use ndarray::array;
/// use petal::calibration::Reliability;
/// let reliability = Reliability::new(&array![[0.75, 0.25], [0.25, 0.75]], &[0, 0])?;
/// assert!(petal::plot::reliability(&reliability).svg().contains("1 of 2 answers"));
/// # Ok::<(), petal::Error>(())
/// ```
pub fn reliability(reliability: &Reliability) -> Figure {
    draw(reliability, Layout::Wide)
}

/// The same for a narrow screen.
#[cfg(any(test, feature = "report"))]
pub(crate) fn narrow_reliability(reliability: &Reliability) -> Figure {
    draw(reliability, Layout::Narrow)
}

const ACROSS: &str = "Probability of the answer";
const TITLES: [Titles; 2] = [
    Titles { above: "How often it is right", across: ACROSS, up: "Share of right answers" },
    Titles { above: "How sure it is", across: ACROSS, up: "Answers" },
];

fn draw(reliability: &Reliability, layout: Layout) -> Figure {
    let bins = &reliability.bins;
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(0).max(1) as f64;
    let ([shares, counts], bottom) = layout.panels(TITLES, [1.0, 1.05 * most]);
    let mut drawing = Drawing::new(layout.width(), bottom);
    shares.draw_axes(&mut drawing);
    counts.draw_axes(&mut drawing);
    for (i, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
        let edges = [i, i + 1].map(|edge| edge as f64 / bins.len() as f64);
        let right = (bin.accuracy * bin.count as f64).round() as usize;
        let tip = format!(
            "{right} of {} answers are right; the model is sure by {:.1}\u{a0}%",
            bin.count,
            100.0 * bin.confidence
        );
        draw_bar(&mut drawing, &shares, edges, bin.accuracy, &tip);
        draw_bar(&mut drawing, &counts, edges, bin.count as f64, &tip);
        let (low, high) = share_interval(right, bin.count);
        let middle = f64::midpoint(edges[0], edges[1]);
        let ((x, low), (_, high)) = (shares.point(middle, low), shares.point(middle, high));
        drawing.raw(format_args!(
            "<path class=\"mark\" d=\"M{x:.1} {low:.1}V{high:.1}\" stroke=\"{}\" stroke-width=\"1.5\"/>",
            colour::MUTED
        ));
    }
    drawing.line(shares.point(0.0, 0.0), shares.point(1.0, 1.0), "mark");
    drawing.finish()
}

fn draw_bar(drawing: &mut Drawing, panel: &Panel, edges: [f64; 2], value: f64, tip: &str) {
    let ((left, top), (right, bottom)) = (panel.point(edges[0], value), panel.point(edges[1], 0.0));
    drawing.raw(format_args!(
        "<rect x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\" fill-opacity=\"0.6\">\
         <title>{}</title></rect>",
        left + 1.0,
        right - left - 2.0,
        bottom - top,
        colour::BLUE,
        escape(tip)
    ));
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn bars_stand_for_all_bins_with_answers_and_none_is_drawn_of_nothing() {
        let found = Reliability::new(&array![[0.99, 0.01], [0.6, 0.4], [0.55, 0.45]], &[0, 0, 1]).unwrap();
        for figure in [reliability(&found), narrow_reliability(&found)] {
            assert_eq!(figure.svg().matches("answers are right").count(), 2 * 3);
            figure.png().unwrap();
        }
        let nothing = reliability(&Reliability::new(&Array2::zeros((0, 2)), &[]).unwrap());
        assert!(!nothing.svg().contains("answers are right") && !nothing.svg().contains("NaN"));
    }
}
