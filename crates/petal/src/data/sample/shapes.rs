//! The shapes that flowers and plants are made of.

use tiny_skia::{Path, PathBuilder};

use super::canvas::{Canvas, Colour, linear, solid};
use crate::random::Generator;

/// A petal along the x axis, from `base` to `base + length`; `tip` is 0 for a round end, 1 for a pointed one.
pub(super) fn petal(base: f32, length: f32, width: f32, tip: f32, bend: f32) -> Option<Path> {
    let half = width / 2.0;
    let (near, far) = (base + 0.3 * length, base + length * (1.04 - 0.3 * tip));
    let shoulder = half * (1.12 - 0.6 * tip);
    let end = base + length;
    let mut path = PathBuilder::new();
    path.move_to(base, -half * 0.25);
    path.cubic_to(near, -half * 1.25, far, bend - shoulder, end, bend);
    path.cubic_to(far, bend + shoulder, near, half * 1.25, base, half * 0.25);
    path.close();
    path.finish()
}

/// A smooth curve through one control point.
pub(super) fn curve(from: (f32, f32), by: (f32, f32), to: (f32, f32)) -> Option<Path> {
    let mut path = PathBuilder::new();
    path.move_to(from.0, from.1);
    path.quad_to(by.0, by.1, to.0, to.1);
    path.finish()
}

pub(super) fn circle(x: f32, y: f32, radius: f32) -> Option<Path> {
    PathBuilder::from_circle(x, y, radius)
}

/// A blade that tapers from `width` at `from` to nothing at `to`.
pub(super) fn blade(from: (f32, f32), by: (f32, f32), to: (f32, f32), width: f32) -> Option<Path> {
    let half = width / 2.0;
    let mut path = PathBuilder::new();
    path.move_to(from.0 - half, from.1);
    path.quad_to(by.0 - half, by.1, to.0, to.1);
    path.quad_to(by.0 + half, by.1, from.0 + half, from.1);
    path.close();
    path.finish()
}

/// Points of a sunflower spiral inside `radius`, from the centre outwards: (x, y, share of the radius).
pub(super) fn spiral(count: usize, radius: f32) -> impl Iterator<Item = (f32, f32, f32)> {
    const GOLDEN_ANGLE: f32 = 2.399_963_2;
    (0..count).map(move |i| {
        let share = ((i as f32 + 0.5) / count as f32).sqrt();
        let angle = i as f32 * GOLDEN_ANGLE;
        (share * radius * angle.cos(), share * radius * angle.sin(), share)
    })
}

/// A leaf along the x axis from the origin, turned by `degrees`, with its veins.
pub(super) fn leaf(
    canvas: &mut Canvas,
    random: &mut Generator,
    colour: Colour,
    length: f32,
    width: f32,
    degrees: f32,
) {
    let bend = length * random.uniform_in(-0.12, 0.12);
    let stops = [(0.0, colour.shade(0.6), 1.0), (0.6, colour, 1.0), (1.0, colour.shade(1.15), 1.0)];
    canvas.fill_turned(
        petal(0.0, length, width, 0.9, bend),
        linear((0.0, -width / 2.0), (length * 0.6, width / 2.0), &stops),
        degrees,
    );
    let vein = colour.shade(1.3);
    let middle = curve((0.0, 0.0), (length * 0.5, bend * 0.3), (length * 0.94, bend * 0.95));
    canvas.stroke_turned(middle, solid(vein, 0.55), width * 0.035, degrees);
    for i in 1..5 {
        let x = length * 0.17 * i as f32;
        let reach = width * 0.33 * (1.0 - 0.12 * i as f32);
        for side in [-1.0, 1.0] {
            let side_vein =
                curve((x, bend * 0.1), (x + reach * 0.5, side * reach * 0.4), (x + reach, side * reach));
            canvas.stroke_turned(side_vein, solid(vein, 0.3), width * 0.022, degrees);
        }
    }
}
