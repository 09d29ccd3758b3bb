//! Colours of a certain strength, and the ink that can be read on them.

/// A colour laid thinly on the paper.
pub(super) struct Shade {
    pub(super) opacity: f64,
    /// The classes of a text on it: black or white, on light paper and on dark.
    pub(super) ink: &'static str,
}

/// The background of a matrix on light paper, and on dark: `--soft` in the report's style.
const PAPERS: [&str; 2] = ["#f6f7f9", "#1a202a"];

/// `fill`, `#rrggbb`, with this opacity.
pub(super) fn shade(fill: &str, opacity: f64) -> Shade {
    let ink = match PAPERS.map(|paper| reads_black(mixed(fill, paper, opacity))) {
        [true, true] => "black dark-black",
        [true, false] => "black dark-white",
        [false, true] => "white dark-black",
        [false, false] => "white dark-white",
    };
    Shade { opacity, ink }
}

/// Red, green and blue of `#rrggbb`, 0..=1.
fn rgb(colour: &str) -> [f64; 3] {
    [1, 3, 5].map(|at| {
        colour.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).map_or(0.0, f64::from) / 255.0
    })
}

fn mixed(fill: &str, paper: &str, opacity: f64) -> [f64; 3] {
    let (fill, paper) = (rgb(fill), rgb(paper));
    [0, 1, 2].map(|c| opacity * fill[c] + (1.0 - opacity) * paper[c])
}

/// Whether black has more contrast to this colour than white.
fn reads_black(colour: [f64; 3]) -> bool {
    contrast(luminance(colour), 0.0) >= contrast(1.0, luminance(colour))
}

/// The relative luminance of an sRGB colour (WCAG 2.2).
fn luminance(colour: [f64; 3]) -> f64 {
    let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])
}

/// The contrast ratio of a lighter and a darker luminance, 1 to 21 (WCAG 2.2).
fn contrast(lighter: f64, darker: f64) -> f64 {
    (lighter + 0.05) / (darker + 0.05)
}

#[cfg(test)]
mod tests {
    use super::super::svg::colour;
    use super::*;

    #[test]
    fn the_ink_on_every_shade_has_a_contrast_of_at_least_four_and_a_half() {
        for fill in [colour::BLUE, colour::ORANGE] {
            for step in 0..=1000 {
                let Shade { opacity, ink } = shade(fill, f64::from(step) / 1000.0);
                let inks = ink.split_once(" dark-").unwrap();
                for (ink, paper) in [inks.0, inks.1].into_iter().zip(PAPERS) {
                    let behind = luminance(mixed(fill, paper, opacity));
                    let ratio = if ink == "black" { contrast(behind, 0.0) } else { contrast(1.0, behind) };
                    assert!(ratio >= 4.5, "{ink} on {fill} at {opacity} over {paper}: {ratio}");
                }
            }
        }
    }

    #[test]
    fn contrasts_are_those_of_wcag() {
        let luminance = |colour| luminance(rgb(colour));
        assert_eq!(contrast(luminance("#ffffff"), luminance("#000000")), 21.0);
        // #767676 on white is the well-known first gray that passes.
        let gray = contrast(1.0, luminance("#767676"));
        assert!((4.5..4.6).contains(&gray), "{gray}");
    }

    #[test]
    fn the_papers_are_those_of_the_report() {
        let style = include_str!("../report/style.css");
        for paper in PAPERS {
            assert!(style.contains(&format!("--soft: {paper};")), "{paper}");
        }
    }
}
