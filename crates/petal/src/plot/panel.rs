//! One panel of curves: its axes, its lines, and the numbers at their best points.

use super::svg::{Anchor, Drawing, TextStyle, escape, text_width, tick_step};

/// A series of values, one an epoch.
pub(super) struct Line<'a> {
    pub(super) values: &'a [f64],
    pub(super) colour: &'static str,
    pub(super) dashed: bool,
    pub(super) validation: bool,
}

/// What a panel shows, and where it stands on the paper.
pub(super) struct Panel<'a> {
    pub(super) title: &'a str,
    pub(super) lines: &'a [Line<'a>],
    /// The numbers of epochs after which fine-tuning began.
    pub(super) marks: &'a [usize],
    /// Whether a high value is a good one.
    pub(super) highest: bool,
    /// Whether the best values are written beside their dots: several runs' numbers would collide.
    pub(super) labelled: bool,
    pub(super) epochs: usize,
    pub(super) low: f64,
    pub(super) high: f64,
    /// The axes.
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

type Point = (f64, f64);

impl Panel<'_> {
    /// Room above the axes for the title and the mark of fine-tuning, and left of and below them for numbers.
    pub(super) const ABOVE: f64 = 56.0;
    pub(super) const BESIDE: f64 = 38.0;
    pub(super) const BELOW: f64 = 50.0;

    pub(super) fn draw(&self, drawing: &mut Drawing) {
        let title = (self.left - Self::BESIDE, self.top - 26.0);
        drawing.text(title, self.title, TextStyle::ink(16.0).bold());
        self.draw_axes(drawing);
        let paths: Vec<Vec<Vec<Point>>> = self.lines.iter().map(|line| self.path(line.values)).collect();
        for (line, path) in self.lines.iter().zip(&paths) {
            draw_line(drawing, line, path);
        }
        let bests: Vec<_> = self.lines.iter().filter_map(|line| self.best(line)).collect();
        for &(line, epoch, value) in &bests {
            self.draw_dot(drawing, line, epoch, value);
        }
        if self.labelled {
            let dots: Vec<Point> = bests.iter().map(|&(_, epoch, value)| self.point(epoch, value)).collect();
            for (&(_, _, value), &dot) in bests.iter().zip(&dots) {
                let label = if self.highest { format!("{value:.3}") } else { format!("{value:.2}") };
                let at = self.place(&label, dot, &paths, &dots);
                drawing.text(at, &label, TextStyle::label(LABEL).anchor(Anchor::Middle));
            }
        }
    }

    /// Epochs are counted from 1.
    fn x(&self, epoch: f64) -> f64 {
        let span = self.epochs.max(2) as f64 - 1.0;
        let middle = if self.epochs < 2 { 0.5 } else { 0.0 };
        self.left + 8.0 + ((epoch - 1.0) / span + middle) * (self.right - self.left - 16.0)
    }

    fn y(&self, value: f64) -> f64 {
        self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)
    }

    /// The place of a value in epoch `epoch`, from 0.
    fn point(&self, epoch: usize, value: f64) -> Point {
        (self.x(epoch as f64 + 1.0), self.y(value))
    }

    fn draw_axes(&self, drawing: &mut Drawing) {
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
        // As many numbers as there is room for.
        let widest = text_width(&self.epochs.to_string(), 12.0) + 14.0;
        let count = (((self.right - self.left) / widest) as usize).clamp(2, 9);
        let step = tick_step(self.epochs.saturating_sub(1) as f64, count).max(1.0) as usize;
        let ticks = (0..=self.epochs).step_by(step).map(|epoch| epoch.max(1));
        for epoch in ticks.filter(|&epoch| epoch <= self.epochs) {
            let (style, text) = (TextStyle::muted(12.0).anchor(Anchor::Middle), epoch.to_string());
            let x = self.x(epoch as f64).min(self.right + 8.0 - text_width(&text, 12.0) / 2.0);
            drawing.text((x, self.bottom + 20.0), &text, style);
        }
        let middle = f64::midpoint(self.left, self.right);
        drawing.text((middle, self.bottom + 40.0), "Epoch", TextStyle::muted(12.0).anchor(Anchor::Middle));
        for &mark in self.marks {
            let x = self.x(mark as f64 + 0.5);
            drawing.line((x, self.top - 18.0), (x, self.bottom), "mark");
            let (at, anchor) = if x > middle { (x - 6.0, Anchor::End) } else { (x + 6.0, Anchor::Start) };
            drawing.text((at, self.top - 8.0), "fine-tuning", TextStyle::muted(11.5).anchor(anchor));
        }
    }

    /// The points of a line, in pieces without gaps. Where there are more epochs than can be told apart on paper, the
    /// first, the least, the largest and the last of those that fall together stand for all.
    fn path(&self, values: &[f64]) -> Vec<Vec<Point>> {
        const TOGETHER: f64 = 0.5;
        let mut pieces = Vec::new();
        let points: Vec<(usize, f64)> = values.iter().copied().enumerate().collect();
        for piece in points.split(|(_, value)| !value.is_finite()).filter(|piece| !piece.is_empty()) {
            let place = |&(epoch, _): &(usize, f64)| (self.x(epoch as f64 + 1.0) / TOGETHER) as i64;
            let mut path = Vec::new();
            for together in piece.chunk_by(|a, b| place(a) == place(b)) {
                let least = together.iter().min_by(|a, b| a.1.total_cmp(&b.1));
                let largest = together.iter().max_by(|a, b| a.1.total_cmp(&b.1));
                let mut kept = [together.first(), least, largest, together.last()]
                    .map(|point| *point.unwrap_or(&piece[0]));
                kept.sort_unstable_by_key(|&(epoch, _)| epoch);
                let mut kept = kept.to_vec();
                kept.dedup_by_key(|&mut (epoch, _)| epoch);
                path.extend(kept.into_iter().map(|(epoch, value)| self.point(epoch, value)));
            }
            pieces.push(path);
        }
        pieces
    }

    /// The best epoch of a validation line, with its value: the first of equals, as a callback that waits for an
    /// improvement takes it.
    fn best<'a>(&self, line: &'a Line<'a>) -> Option<(&'a Line<'a>, usize, f64)> {
        let sign = if self.highest { 1.0 } else { -1.0 };
        let values = line.values.iter().enumerate().filter(|(_, value)| line.validation && value.is_finite());
        let best = values.rev().max_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)));
        best.map(|(epoch, &value)| (line, epoch, value))
    }

    fn draw_dot(&self, drawing: &mut Drawing, line: &Line, epoch: usize, value: f64) {
        let (x, y) = self.point(epoch, value);
        let tip = format!("best validation value {value:.4} in epoch {}", epoch + 1);
        drawing.raw(format_args!(
            "<circle class=\"halo\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" fill=\"{}\" stroke=\"#ffffff\" stroke-width=\"2\">\
             <title>{}</title></circle>",
            line.colour,
            escape(&tip)
        ));
    }

    /// Where a dot's label stands, by the middle of its base line: near the dot, in the panel, and off the lines if there
    /// is such a place.
    fn place(&self, label: &str, dot: Point, paths: &[Vec<Vec<Point>>], dots: &[Point]) -> Point {
        let half = text_width(label, LABEL) / 2.0;
        let below_and_above = [19.0, -10.0, 32.0, -23.0, 46.0, -37.0].into_iter();
        let candidates = below_and_above.flat_map(|dy| {
            [0.0, half + 9.0, -half - 9.0].map(|dx| {
                let x = (dot.0 + dx).clamp(self.left + half, self.right - half);
                (x, (dot.1 + dy).clamp(self.top + LABEL, self.bottom - 4.0))
            })
        });
        let hits = |&(x, y): &Point| {
            // The digits, and around them the width of a line and of the paper that parts both.
            let digits = Rectangle { left: x - half, right: x + half, top: y - 0.75 * LABEL, bottom: y };
            let around = digits.grown(3.5);
            let crossed = |piece: &Vec<Point>| match piece[..] {
                [point] => usize::from(around.is_crossed(point, point)),
                _ => piece.windows(2).filter(|ends| around.is_crossed(ends[0], ends[1])).count(),
            };
            let on_dots = dots.iter().filter(|&&dot| around.grown(2.0).is_crossed(dot, dot)).count();
            paths.iter().flatten().map(crossed).sum::<usize>() + 10 * on_dots
        };
        candidates.min_by_key(hits).unwrap_or(dot)
    }
}

/// The size of a label.
const LABEL: f64 = 12.0;

struct Rectangle {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Rectangle {
    fn grown(&self, by: f64) -> Rectangle {
        Rectangle {
            left: self.left - by,
            right: self.right + by,
            top: self.top - by,
            bottom: self.bottom + by,
        }
    }

    /// Whether a straight line from `a` to `b` comes into it (Liang and Barsky 1984).
    fn is_crossed(&self, a: Point, b: Point) -> bool {
        let (mut enters, mut leaves) = (0.0_f64, 1.0_f64);
        for (from, to, low, high) in [(a.0, b.0, self.left, self.right), (a.1, b.1, self.top, self.bottom)] {
            let way = to - from;
            if way == 0.0 {
                if from < low || from > high {
                    return false;
                }
                continue;
            }
            let (first, second) = ((low - from) / way, (high - from) / way);
            enters = enters.max(first.min(second));
            leaves = leaves.min(first.max(second));
        }
        enters <= leaves
    }
}

fn draw_line(drawing: &mut Drawing, line: &Line, path: &[Vec<Point>]) {
    let mut markup = String::new();
    for piece in path {
        let dash;
        let piece = match piece[..] {
            // A point without neighbours would hardly be seen.
            [(x, y)] => {
                dash = vec![(x - 4.0, y), (x + 4.0, y)];
                &dash
            }
            _ => piece,
        };
        for (i, (x, y)) in piece.iter().enumerate() {
            markup += &format!("{}{x:.1} {y:.1}", if i == 0 { 'M' } else { 'L' });
        }
    }
    let dash = if line.dashed { " stroke-dasharray=\"5 4\" stroke-opacity=\"0.75\"" } else { "" };
    drawing.raw(format_args!(
        "<path d=\"{markup}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2.2\" stroke-linejoin=\"round\" \
         stroke-linecap=\"round\"{dash}/>",
        line.colour
    ));
}

#[cfg(test)]
mod tests {
    use super::super::svg::colour;
    use super::*;

    fn panel<'a>(lines: &'a [Line<'a>]) -> Panel<'a> {
        let epochs = lines.iter().map(|line| line.values.len()).max().unwrap();
        let (left, right, top, bottom) = (50.0, 450.0, 80.0, 350.0);
        let marks = &[];
        Panel {
            title: "",
            lines,
            marks,
            highest: true,
            labelled: true,
            epochs,
            low: 0.0,
            high: 1.0,
            left,
            right,
            top,
            bottom,
        }
    }

    fn line(values: &[f64], validation: bool) -> Line<'_> {
        Line { values, colour: colour::BLUE, dashed: false, validation }
    }

    #[test]
    fn the_number_at_the_best_epoch_stands_off_the_lines() {
        // The training line passes right below the best validation value, where the number would stand first.
        let validation = [0.3, 0.5, 0.7, 0.69, 0.68, 0.66];
        let training = [0.3, 0.45, 0.62, 0.64, 0.64, 0.64];
        let lines = [line(&training, false), line(&validation, true)];
        let panel = panel(&lines);
        let paths: Vec<_> = lines.iter().map(|line| panel.path(line.values)).collect();
        let dot = panel.point(2, 0.7);
        let (x, y) = panel.place("0.700", dot, &paths, &[dot]);
        let half = text_width("0.700", LABEL) / 2.0;
        let label = Rectangle { left: x - half, right: x + half, top: y - 9.0, bottom: y };
        for ends in paths.iter().flatten().flat_map(|piece| piece.windows(2)) {
            assert!(!label.is_crossed(ends[0], ends[1]), "{ends:?} crosses the number at {x}, {y}");
        }
        assert!((x - dot.0).abs() < 50.0 && (y - dot.1).abs() < 50.0);
    }

    #[test]
    fn a_hundred_thousand_epochs_keep_their_peaks_in_few_points() {
        let mut values = vec![0.5; 100_000];
        (values[70_001], values[70_002], values[80_000]) = (1.0, 0.0, f64::NAN);
        let lines = [line(&values, true)];
        let panel = panel(&lines);
        let path = panel.path(&values);
        assert_eq!(path.len(), 2, "a gap parts the line");
        assert!(path.iter().map(Vec::len).sum::<usize>() < 4_000);
        let heights: Vec<f64> = path.iter().flatten().map(|point| point.1).collect();
        assert!(heights.contains(&panel.top) && heights.contains(&panel.bottom));
    }
}
