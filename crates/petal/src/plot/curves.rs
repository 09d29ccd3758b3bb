use super::Figure;
use super::panel::{Line, Panel};
use super::svg::{Drawing, TextStyle, colour, shorten, text_width};
use crate::history::History;

/// What one training run recorded: a value an epoch in each series. A series that was not recorded is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Named in the legend where several runs are compared.
    pub name: String,
    /// The training loss.
    pub loss: Vec<f64>,
    /// The validation loss.
    pub val_loss: Vec<f64>,
    /// The training accuracy, in 0..=1.
    pub accuracy: Vec<f64>,
    /// The validation accuracy, in 0..=1.
    pub val_accuracy: Vec<f64>,
    /// The number of epochs before fine-tuning began: a vertical line is drawn after that many.
    pub fine_tuning_starts: Option<usize>,
}

/// Loss and accuracy over the epochs, side by side.
///
/// One run's training is blue and its validation orange; of several, each has its colour, training dashed. A dot marks
/// the best epoch of each validation series. Values that are not finite leave a gap.
///
/// ```
/// use petal::plot::{Run, curves};
///
/// let run = Run {
///     loss: vec![1.2, 0.7, 0.4],
///     val_loss: vec![1.1, 0.9, 1.0],
///     accuracy: vec![0.5, 0.7, 0.9],
///     val_accuracy: vec![0.5, 0.65, 0.66],
///     ..Run::default()
/// };
/// assert!(curves(&[run]).svg().contains("Accuracy"));
/// ```
pub fn curves(runs: &[Run]) -> Figure {
    draw(runs, &Layout { width: 1008.0, side_by_side: true })
}

/// The same with one below the other, for a narrow screen.
#[cfg(any(test, feature = "report"))]
pub(crate) fn narrow_curves(runs: &[Run]) -> Figure {
    draw(runs, &Layout { width: 400.0, side_by_side: false })
}

struct Layout {
    width: f64,
    side_by_side: bool,
}

const MARGIN: f64 = 24.0;
const GAP: f64 = 36.0;
/// The height of a panel's axes.
const HEIGHT: f64 = 266.0;

fn draw(runs: &[Run], layout: &Layout) -> Figure {
    let (legend, legend_height) = legend(runs, layout.width - 2.0 * MARGIN);
    let panels = if layout.side_by_side { 1.0 } else { 2.0 };
    let panel_height = Panel::ABOVE + HEIGHT + Panel::BELOW;
    let above = MARGIN + legend_height;
    let mut drawing = Drawing::new(layout.width, above + panels * panel_height);
    draw_legend(&mut drawing, &legend);
    let losses: Vec<Line> = lines(runs, |run| [&run.loss, &run.val_loss]);
    let accuracies: Vec<Line> = lines(runs, |run| [&run.accuracy, &run.val_accuracy]);
    let epochs = losses.iter().chain(&accuracies).map(|line| line.values.len()).max().unwrap_or(0);
    let mut marks: Vec<usize> = runs.iter().filter_map(|run| run.fine_tuning_starts).collect();
    marks.retain(|&mark| mark < epochs);
    marks.sort_unstable();
    marks.dedup();

    let top = finite(&losses).fold(0.0, f64::max);
    let top = if top > 0.0 { top * 1.04 } else { 1.0 };
    let low = finite(&accuracies).fold(1.0, f64::min);
    let floor = if accuracies.is_empty() { 0.0 } else { ((low - 0.02) * 10.0).floor().max(0.0) / 10.0 };
    let width = match layout.side_by_side {
        true => (layout.width - 2.0 * MARGIN - GAP) / 2.0,
        false => layout.width - 2.0 * MARGIN,
    };
    for (number, (title, lines, low, high)) in
        [("Loss", &losses, 0.0, top), ("Accuracy", &accuracies, floor.min(0.9), 1.0)].into_iter().enumerate()
    {
        let (right, down) = if layout.side_by_side { (number, 0) } else { (0, number) };
        let left = MARGIN + right as f64 * (width + GAP);
        let top = above + down as f64 * panel_height + Panel::ABOVE;
        let panel = Panel {
            title,
            lines,
            marks: &marks,
            highest: title == "Accuracy",
            labelled: runs.len() == 1,
            epochs,
            low,
            high,
            left: left + Panel::BESIDE,
            right: left + width,
            top,
            bottom: top + HEIGHT,
        };
        panel.draw(&mut drawing);
    }
    drawing.finish()
}

fn lines<'a>(runs: &'a [Run], series: impl Fn(&'a Run) -> [&'a Vec<f64>; 2]) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    for (i, run) in runs.iter().enumerate() {
        for (validation, values) in [false, true].into_iter().zip(series(run)) {
            let (colour, dashed) = style(runs.len(), i, validation);
            if !values.is_empty() {
                lines.push(Line { values, colour, dashed, validation });
            }
        }
    }
    lines
}

fn style(runs: usize, run: usize, validation: bool) -> (&'static str, bool) {
    match (runs, validation) {
        (1, false) => (colour::BLUE, false),
        (1, true) => (colour::ORANGE, false),
        _ => (colour::RUNS[run % colour::RUNS.len()], !validation),
    }
}

fn finite<'a>(lines: &'a [Line]) -> impl Iterator<Item = f64> + 'a {
    lines.iter().flat_map(|line| line.values).copied().filter(|value| value.is_finite())
}

/// An entry of the legend and its place.
struct Entry {
    colour: &'static str,
    dashed: bool,
    text: String,
    at: (f64, f64),
}

/// The legend's entries, as many in a row as there is room for, and their height.
fn legend(runs: &[Run], room: f64) -> (Vec<Entry>, f64) {
    const ROW: f64 = 22.0;
    const SAMPLE: f64 = 30.0;
    let mut entries: Vec<(&'static str, bool, &str)> = match runs {
        [_] => vec![(colour::BLUE, false, "Training"), (colour::ORANGE, false, "Validation")],
        _ => runs
            .iter()
            .enumerate()
            .map(|(i, run)| (style(runs.len(), i, true).0, false, run.name.as_str()))
            .collect(),
    };
    if runs.len() != 1 {
        entries.extend([(colour::MUTED, false, "Validation"), (colour::MUTED, true, "Training")]);
    }
    let (mut x, mut y) = (0.0, 0.0);
    let place = |(colour, dashed, name)| {
        let text = shorten(name, 13.0, room.min(300.0) - SAMPLE);
        let width = SAMPLE + text_width(&text, 13.0);
        if x > 0.0 && x + width > room {
            (x, y) = (0.0, y + ROW);
        }
        let at = (MARGIN + x, 28.0 + y);
        x += width + 22.0;
        Entry { colour, dashed, text, at }
    };
    let entries = entries.into_iter().map(place).collect();
    (entries, y + 10.0)
}

fn draw_legend(drawing: &mut Drawing, legend: &[Entry]) {
    for Entry { colour, dashed, text, at: (x, y) } in legend {
        let dash = if *dashed { " stroke-dasharray=\"5 4\"" } else { "" };
        drawing.raw(format_args!(
            "<line x1=\"{x:.1}\" y1=\"{y}\" x2=\"{:.1}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2.5\" stroke-linecap=\"round\"{dash}/>",
            x + 22.0
        ));
        drawing.text((x + 30.0, y + 4.5), text, TextStyle::ink(13.0));
    }
}

impl History {
    /// Loss and accuracy over the epochs, of training and validation, with a line where fine-tuning begins.
    ///
    /// ```no_run
    /// # use petal::training::History;
    /// # let history = History::default();
    /// history.plot().save("curves.png")?;
    /// # Ok::<(), petal::Error>(())
    /// ```
    pub fn plot(&self) -> Figure {
        curves(&[self.run("")])
    }

    /// The values that [`curves`] draws, for comparisons of several runs.
    pub fn run(&self, name: &str) -> Run {
        let series = |key| self.series(key).to_vec();
        Run {
            name: name.to_owned(),
            loss: series("loss"),
            val_loss: series("val_loss"),
            accuracy: series("accuracy"),
            val_accuracy: series("val_accuracy"),
            fine_tuning_starts: self.fine_tuning_starts(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_single_epochs_and_empty_runs_are_drawn() {
        let nan = f64::NAN;
        let broken = Run { loss: vec![1.0, nan, 0.5], val_loss: vec![nan, nan, nan], ..Run::default() };
        let single = Run { loss: vec![1.0], accuracy: vec![0.4], val_accuracy: vec![0.3], ..Run::default() };
        for runs in
            [vec![broken.clone()], vec![single.clone()], vec![broken, single], vec![Run::default()], vec![]]
        {
            let figure = curves(&runs);
            for figure in [figure, narrow_curves(&runs)] {
                assert!(!figure.svg().contains("NaN") && !figure.svg().contains("inf"));
                figure.png().unwrap();
            }
        }
    }

    #[test]
    fn the_line_of_fine_tuning_stands_in_both_panels_between_its_epochs() {
        let run = Run {
            loss: vec![1.0; 10],
            accuracy: vec![0.5; 10],
            fine_tuning_starts: Some(4),
            ..Run::default()
        };
        let figure = curves(&[run]);
        assert_eq!(figure.svg().matches("fine-tuning").count(), 2);
        assert_eq!(figure.svg().matches("class=\"mark\"").count(), 2);
    }

    #[test]
    fn a_hundred_thousand_epochs_make_no_large_picture() {
        let values: Vec<f64> = (0..100_000).map(|epoch| 0.5 + 0.4 * f64::from(epoch).sin()).collect();
        let run = Run {
            loss: values.clone(),
            val_loss: values.clone(),
            accuracy: values.clone(),
            val_accuracy: values,
            ..Run::default()
        };
        let figure = curves(&[run]);
        assert!(figure.svg().len() < 300_000, "{}", figure.svg().len());
    }

    #[test]
    fn a_narrow_legend_takes_another_row_where_there_is_no_room() {
        let runs: Vec<Run> = ["CNN", "CNN, regularized", "Feature extraction, fine-tuning"]
            .map(|name| Run { name: name.into(), ..Run::default() })
            .into();
        let (entries, height) = legend(&runs, 352.0);
        assert!(height > 40.0 && entries.len() == 5);
        for entry in &entries {
            assert!(entry.at.0 + 30.0 + text_width(&entry.text, 13.0) <= 24.0 + 352.0, "{}", entry.text);
        }
        assert_eq!(legend(&runs, 960.0).1, 10.0);
    }
}
