//! SVG written directly: shapes, text, and what text needs.

use std::fmt::{Display, Write};

use super::Figure;

/// The colours of a figure on paper. A page that shows figures in dark mode overrides them by their classes.
pub(super) mod colour {
    pub(in crate::plot) const INK: &str = "#1c2430";
    pub(in crate::plot) const MUTED: &str = "#667085";
    pub(in crate::plot) const RULE: &str = "#e4e7ec";
    pub(in crate::plot) const BLUE: &str = "#2f6fde";
    pub(in crate::plot) const ORANGE: &str = "#e8710a";
    /// The colours of runs that are compared; distinct also for the colour-blind (Okabe and Ito's order, darkened).
    pub(in crate::plot) const RUNS: [&str; 6] = [BLUE, ORANGE, "#0b8a6a", "#b8529a", "#a37b00", "#5a6475"];
}

/// Which end of a text stands at its point.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy)]
pub(super) struct TextStyle {
    pub(super) size: f64,
    pub(super) bold: bool,
    /// `ink`, `muted` or `label`; or those of a text on a colour, `black` or `white`, then `dark-black` or `dark-white`.
    pub(super) class: &'static str,
    pub(super) anchor: Anchor,
    /// Degrees, clockwise around the text's point.
    pub(super) turn: f64,
}

impl TextStyle {
    pub(super) fn ink(size: f64) -> Self {
        TextStyle { size, bold: false, class: "ink", anchor: Anchor::Start, turn: 0.0 }
    }

    pub(super) fn muted(size: f64) -> Self {
        TextStyle { class: "muted", ..Self::ink(size) }
    }

    /// A text among lines, which end before it.
    pub(super) fn label(size: f64) -> Self {
        TextStyle { class: "label", ..Self::ink(size).bold() }
    }

    pub(super) fn bold(self) -> Self {
        TextStyle { bold: true, ..self }
    }

    pub(super) fn anchor(self, anchor: Anchor) -> Self {
        TextStyle { anchor, ..self }
    }
}

/// An SVG document in progress.
pub(super) struct Drawing {
    body: String,
    width: f64,
    height: f64,
}

impl Drawing {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Drawing { body: String::new(), width: width.ceil(), height: height.ceil() }
    }

    /// Adds markup as it is.
    pub(super) fn raw(&mut self, markup: impl Display) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.body, "{markup}");
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let (stroke, dash) = match class {
            "mark" => (colour::MUTED, " stroke-dasharray=\"4 4\""),
            "grid-line" => ("#ffffff", ""),
            _ => (colour::RULE, ""),
        };
        self.raw(format_args!(
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{stroke}\"{dash}/>",
            from.0, from.1, to.0, to.1
        ));
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), text: &str, style: TextStyle) {
        let fill = match style.class {
            "muted" => colour::MUTED,
            class if class.starts_with("white") => "#ffffff",
            class if class.starts_with("black") => "#000000",
            _ => colour::INK,
        };
        let halo = match style.class {
            "label" => {
                " stroke=\"#ffffff\" stroke-width=\"4\" stroke-linejoin=\"round\" paint-order=\"stroke\""
            }
            _ => "",
        };
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if style.bold { " font-weight=\"600\"" } else { "" };
        let turn = match style.turn {
            0.0 => String::new(),
            degrees => format!(" transform=\"rotate({degrees} {x:.1} {y:.1})\""),
        };
        self.raw(format_args!(
            "<text class=\"{}\" x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{:.1}\" fill=\"{fill}\"{halo}{weight}{anchor}{turn}>{}</text>",
            style.class,
            style.size,
            escape(text)
        ));
    }

    /// A picture by its `data:` address, stretched to `[left, top, width, height]`.
    pub(super) fn image(&mut self, [x, y, width, height]: [f64; 4], address: &str, tip: &str) {
        self.raw(format_args!(
            "<image x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             preserveAspectRatio=\"none\" xlink:href=\"{address}\"><title>{}</title></image>",
            escape(tip)
        ));
    }

    pub(super) fn finish(self) -> Figure {
        Figure::new(&self.body, self.width, self.height)
    }
}

/// `text` for XML and HTML, in elements and in quoted attributes; characters that XML forbids become U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(character),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// The width of `text` in units, from the mean widths of Inter's letters.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(letter_width).sum::<f64>() * size
}

/// `text`, or its beginning and an ellipsis where it is wider than `width`.
pub(super) fn shorten(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut used = letter_width('…') * size;
    let fits = |letter: &char| {
        used += letter_width(*letter) * size;
        used <= width
    };
    let kept: String = text.chars().take_while(fits).collect();
    format!("{}…", kept.trim_end())
}

fn letter_width(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | 'I' | ' ' => 0.28,
        'f' | 'r' | 't' | '(' | ')' | '-' | '/' | '"' => 0.38,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 0.9,
        'A'..='Z' => 0.7,
        '\u{1100}'.. => 1.0,
        _ => 0.6,
    }
}

/// A step of 1, 2 or 5 times a power of ten that cuts `range` into at most `count` parts.
pub(super) fn tick_step(range: f64, count: usize) -> f64 {
    let raw = (range / count.max(1) as f64).max(1e-12);
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= raw * (1.0 - 1e-9));
    step.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_not_too_many() {
        for (range, count, step) in
            [(1.0, 5, 0.2), (0.9, 5, 0.2), (30.0, 6, 5.0), (7.0, 10, 1.0), (0.05, 5, 0.01)]
        {
            assert!((tick_step(range, count) - step).abs() < 1e-9, "{range} in {count}");
        }
    }

    #[test]
    fn a_long_title_ends_in_an_ellipsis_and_fits() {
        let short = shorten("a class name that nobody should have chosen", 13.0, 120.0);
        assert!(short.ends_with('…') && text_width(&short, 13.0) <= 120.0 && short.len() > 12, "{short}");
        assert_eq!(shorten("roses", 13.0, 120.0), "roses");
    }

    #[test]
    fn markup_and_control_characters_are_escaped() {
        assert_eq!(escape("<b>&\"'\u{1}"), "&lt;b&gt;&amp;&quot;&#39;\u{fffd}");
    }
}
