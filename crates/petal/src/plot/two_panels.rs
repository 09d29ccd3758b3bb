//! Two panels side by side, or one below the other, with horizontal axes from 0 to 1.

use super::svg::{Anchor, Drawing, TextStyle, tick_step};

/// How wide the page is that a figure is drawn for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Wide,
    #[cfg(any(test, feature = "report"))]
    Narrow,
}

impl Layout {
    pub(super) fn width(self) -> f64 {
        if self == Layout::Wide { 1008.0 } else { 400.0 }
    }

    /// Both panels, and where the figure goes on below them.
    pub(super) fn panels(self, titles: [Titles; 2], highest: [f64; 2]) -> ([Panel; 2], f64) {
        let wide = self == Layout::Wide;
        let width =
            if wide { (self.width() - 2.0 * MARGIN - GAP) / 2.0 } else { self.width() - 2.0 * MARGIN };
        let whole = ABOVE + HEIGHT + BELOW;
        let panel = |i: usize| {
            let (right, down) = if wide { (i as f64, 0.0) } else { (0.0, i as f64) };
            let left = MARGIN + right * (width + GAP);
            let top = MARGIN + down * whole + ABOVE;
            Panel {
                titles: titles[i],
                high: highest[i],
                left: left + BESIDE,
                right: left + width,
                top,
                bottom: top + HEIGHT,
            }
        };
        ([panel(0), panel(1)], MARGIN + whole * if wide { 1.0 } else { 2.0 })
    }
}

pub(super) const MARGIN: f64 = 24.0;
const GAP: f64 = 44.0;
const HEIGHT: f64 = 290.0;
const ABOVE: f64 = 34.0;
const BESIDE: f64 = 62.0;
const BELOW: f64 = 54.0;

/// What is written around a panel.
#[derive(Clone, Copy)]
pub(super) struct Titles {
    pub(super) above: &'static str,
    pub(super) across: &'static str,
    pub(super) up: &'static str,
}

/// A panel's axes on the paper: from 0 to 1 across, and from 0 to `high` up.
pub(super) struct Panel {
    titles: Titles,
    high: f64,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Panel {
    pub(super) fn point(&self, across: f64, up: f64) -> (f64, f64) {
        (
            self.left + across * (self.right - self.left),
            self.bottom - up / self.high * (self.bottom - self.top),
        )
    }

    pub(super) fn draw_axes(&self, drawing: &mut Drawing) {
        let above = (self.left - BESIDE, self.top - 18.0);
        drawing.text(above, self.titles.above, TextStyle::ink(16.0).bold());
        let style = TextStyle::muted(12.0);
        let step = tick_step(self.high, 5);
        let decimals = (-step.log10().floor()).clamp(0.0, 6.0) as usize;
        for tick in 0..=(self.high / step + 1e-6) as usize {
            let value = tick as f64 * step;
            let (x, y) = self.point(0.0, value);
            drawing.line((x, y), (self.right, y), "rule");
            drawing.text((x - 8.0, y + 4.0), &format!("{value:.decimals$}"), style.anchor(Anchor::End));
        }
        for tick in 0..=5 {
            let share = f64::from(tick) / 5.0;
            let (x, y) = self.point(share, 0.0);
            drawing.text((x, y + 20.0), &format!("{share:.1}"), style.anchor(Anchor::Middle));
        }
        let style = style.anchor(Anchor::Middle);
        let middle = (f64::midpoint(self.left, self.right), f64::midpoint(self.top, self.bottom));
        drawing.text((middle.0, self.bottom + 42.0), self.titles.across, style);
        let up = (self.left - BESIDE + 12.0, middle.1);
        drawing.text(up, self.titles.up, TextStyle { turn: -90.0, ..style });
    }
}
