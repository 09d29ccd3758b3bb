use super::svg::{Anchor, Drawing, TextStyle, colour, shorten, text_width, tick_step};
use super::{Figure, svg::escape};

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
    let legend = legend(runs);
    let mut drawing = Drawing::new(WIDTH, HEIGHT);
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
    let width = (WIDTH - 2.0 * MARGIN - GAP) / 2.0;
    for (panel, (title, lines, low, high)) in
        [("Loss", &losses, 0.0, top), ("Accuracy", &accuracies, floor.min(0.9), 1.0)].into_iter().enumerate()
    {
        let left = MARGIN + panel as f64 * (width + GAP) + 38.0;
        let area = Area { left, right: left + width - 38.0, epochs, low, high, labelled: runs.len() == 1 };
        area.draw(&mut drawing, title, lines, &marks);
    }
    drawing.finish()
}

const WIDTH: f64 = 1008.0;
const HEIGHT: f64 = 400.0;
const MARGIN: f64 = 24.0;
const GAP: f64 = 36.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = HEIGHT - 50.0;

struct Line<'a> {
    values: &'a [f64],
    colour: &'static str,
    dashed: bool,
    validation: bool,
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

/// The legend's entries: colour, dashed, text.
fn legend(runs: &[Run]) -> Vec<(&'static str, bool, String)> {
    if runs.len() == 1 {
        return vec![
            (colour::BLUE, false, "Training".to_owned()),
            (colour::ORANGE, false, "Validation".to_owned()),
        ];
    }
    let width = (WIDTH - 2.0 * MARGIN - 200.0) / runs.len().max(1) as f64 - 46.0;
    let mut entries: Vec<_> = (0..runs.len())
        .map(|i| (style(runs.len(), i, true).0, false, shorten(&runs[i].name, 13.0, width)))
        .collect();
    entries.push((colour::MUTED, false, "Validation".to_owned()));
    entries.push((colour::MUTED, true, "Training".to_owned()));
    entries
}

fn draw_legend(drawing: &mut Drawing, legend: &[(&'static str, bool, String)]) {
    let mut x = MARGIN;
    for (colour, dashed, name) in legend {
        let dash = if *dashed { " stroke-dasharray=\"5 4\"" } else { "" };
        drawing.raw(format_args!(
            "<line x1=\"{x:.1}\" y1=\"28\" x2=\"{:.1}\" y2=\"28\" stroke=\"{colour}\" stroke-width=\"2.5\" stroke-linecap=\"round\"{dash}/>",
            x + 22.0
        ));
        drawing.text((x + 30.0, 32.5), name, TextStyle::ink(13.0));
        x += 30.0 + text_width(name, 13.0) + 22.0;
    }
}

/// One panel's axes.
struct Area {
    left: f64,
    right: f64,
    epochs: usize,
    low: f64,
    high: f64,
    /// Whether the best values are written beside their dots: several runs' numbers would collide.
    labelled: bool,
}

impl Area {
    /// Epochs are counted from 1.
    fn x(&self, epoch: f64) -> f64 {
        let span = self.epochs.max(2) as f64 - 1.0;
        let middle = if self.epochs < 2 { 0.5 } else { 0.0 };
        self.left + 8.0 + ((epoch - 1.0) / span + middle) * (self.right - self.left - 16.0)
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - (value - self.low) / (self.high - self.low) * (BOTTOM - TOP)
    }

    fn draw(&self, drawing: &mut Drawing, title: &str, lines: &[Line], marks: &[usize]) {
        drawing.text((self.left - 38.0, TOP - 18.0), title, TextStyle::ink(16.0).bold());
        let step = tick_step(self.high - self.low, 6);
        let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
        let first = (self.low / step - 1e-6).ceil() as i64;
        let last = (self.high / step + 1e-6).floor() as i64;
        for tick in first..=last {
            let value = tick as f64 * step;
            let y = self.y(value);
            drawing.line((self.left, y), (self.right, y), "rule");
            let style = TextStyle::muted(12.0).anchor(Anchor::End);
            drawing.text((self.left - 8.0, y + 4.0), &format!("{value:.decimals$}"), style);
        }
        let step = (tick_step(self.epochs.saturating_sub(1) as f64, 9).max(1.0)) as usize;
        for epoch in (1..=self.epochs).filter(|epoch| epoch % step == 0 || (*epoch == 1 && step > 1)) {
            let style = TextStyle::muted(12.0).anchor(Anchor::Middle);
            drawing.text((self.x(epoch as f64), BOTTOM + 20.0), &epoch.to_string(), style);
        }
        let middle = (self.left + self.right) / 2.0;
        drawing.text((middle, BOTTOM + 40.0), "Epoch", TextStyle::muted(12.0).anchor(Anchor::Middle));
        for &mark in marks {
            let x = self.x(mark as f64 + 0.5);
            drawing.line((x, TOP - 18.0), (x, BOTTOM), "mark");
            let (at, anchor) = if x > middle { (x - 6.0, Anchor::End) } else { (x + 6.0, Anchor::Start) };
            drawing.text((at, TOP - 9.0), "fine-tuning", TextStyle::muted(11.5).anchor(anchor));
        }
        for line in lines {
            self.draw_line(drawing, line);
        }
        for line in lines.iter().filter(|line| line.validation) {
            self.draw_best(drawing, line, title == "Accuracy");
        }
    }

    fn draw_line(&self, drawing: &mut Drawing, line: &Line) {
        let mut path = String::new();
        let mut pen_down = false;
        for (i, &value) in line.values.iter().enumerate() {
            if value.is_finite() {
                let verb = if pen_down { 'L' } else { 'M' };
                let (x, y) = (self.x(i as f64 + 1.0), self.y(value));
                path += &format!("{verb}{x:.1} {y:.1}");
                // A point without neighbours is still seen, as a dot.
                if !pen_down {
                    path += &format!("L{x:.1} {y:.1}");
                }
            }
            pen_down = value.is_finite();
        }
        let dash = if line.dashed { " stroke-dasharray=\"5 4\" stroke-opacity=\"0.75\"" } else { "" };
        drawing.raw(format_args!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2.2\" stroke-linejoin=\"round\" \
             stroke-linecap=\"round\"{dash}/>",
            line.colour
        ));
    }

    /// A dot and a number at the best epoch.
    fn draw_best(&self, drawing: &mut Drawing, line: &Line, highest: bool) {
        let sign = if highest { 1.0 } else { -1.0 };
        let values = line.values.iter().enumerate().filter(|(_, value)| value.is_finite());
        // The first of equals, as a callback that waits for an improvement takes it.
        let best = values.rev().max_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)));
        let Some((epoch, &value)) = best else { return };
        let (x, y) = (self.x(epoch as f64 + 1.0), self.y(value));
        let tip = format!("best validation value {value:.4} in epoch {}", epoch + 1);
        drawing.raw(format_args!(
            "<circle class=\"halo\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" fill=\"{}\" stroke=\"#ffffff\" stroke-width=\"2\">\
             <title>{}</title></circle>",
            line.colour,
            escape(&tip)
        ));
        let anchor = if x < self.left + 30.0 {
            Anchor::Start
        } else if x > self.right - 30.0 {
            Anchor::End
        } else {
            Anchor::Middle
        };
        if !self.labelled {
            return;
        }
        let label = if highest { format!("{value:.3}") } else { format!("{value:.2}") };
        // Below the best accuracy and the least loss, the line itself is not in the way.
        let y = (y + 19.0).clamp(TOP, BOTTOM - 4.0);
        drawing.text((x, y), &label, TextStyle::ink(12.0).bold().anchor(anchor));
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
            assert!(!figure.svg().contains("NaN") && !figure.svg().contains("inf"));
            figure.png().unwrap();
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
}
