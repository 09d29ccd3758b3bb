use tiny_skia::{Path, PathBuilder};

use super::canvas::{Canvas, Colour, radial, solid};
use super::flower::Bloom;
use super::shapes::curve;
use crate::random::Generator;

/// Rings of broad petals that overlap towards a closed heart: red, pink, white, yellow, apricot.
pub(super) fn draw(canvas: &mut Canvas, random: &mut Generator, bloom: &Bloom) {
    let colours =
        [0xb80f24, 0xc81230, 0xd3173a, 0xe8638a, 0xef8fab, 0xf2a3b8, 0xf6ecdf, 0xf5cf5a, 0xf29a5c, 0x9c1140];
    let colour = Colour::hex(colours[random.below(colours.len())]).vary(random, 0.025);
    let deep = colour.mix(Colour::hex(0x4a0718), 0.35).shade(0.62);
    let rings = [(100.0, 5), (84.0, 5), (68.0, 4), (52.0, 4), (38.0, 3), (25.0, 3)];
    let openness = random.uniform_in(0.86, 1.0);
    let mut start = random.uniform_in(0.0, 360.0);
    for (ring, (reach, petals)) in rings.into_iter().enumerate() {
        // A bud's heart is tighter than that of an open rose.
        let reach = 100.0 * f32::powf(reach / 100.0, 1.0 / openness);
        let order = 2 * random.below(2);
        for petal in 0..petals {
            let turn = (petal * (order + 1)) % petals;
            let turn = if order == 2 && petals == 3 { petal } else { turn };
            let angle = start + (turn as f32 + random.uniform_in(-0.12, 0.12)) * 360.0 / petals as f32;
            let reach = reach * random.uniform_in(0.93, 1.03);
            let spread = std::f32::consts::PI / petals as f32 * random.uniform_in(1.1, 1.3);
            let lit = colour.shade(bloom.light(angle) * (1.0 - 0.035 * ring as f32)).vary(random, 0.015);
            let ink = radial(
                (0.0, 0.0),
                reach * 1.05,
                &[
                    (0.25, deep, 1.0),
                    (0.62, lit.mix(deep, 0.45), 1.0),
                    (0.88, lit, 1.0),
                    (1.0, lit.shade(1.28), 1.0),
                ],
            );
            let shape = broad_petal(random, reach, spread);
            canvas.stroke_turned(shape.clone(), solid(deep.shade(0.5), 0.28), 5.0, angle);
            canvas.fill_turned(shape.clone(), ink, angle);
            canvas.stroke_turned(shape, solid(lit.shade(1.45), 0.5), 1.1, angle);
        }
        start += 360.0 / petals as f32 * 0.5 + random.uniform_in(-12.0, 12.0);
    }
    // The heart: petals seen from their edges.
    canvas.fill(
        PathBuilder::from_circle(0.0, 0.0, 14.0),
        radial((0.0, 0.0), 15.0, &[(0.0, deep.shade(0.6), 1.0), (1.0, deep.mix(colour, 0.4), 1.0)]),
    );
    for turn in 0..5 {
        let angle = turn as f32 * 1.9;
        let reach = 4.0 + 2.3 * turn as f32;
        let at = |a: f32, r: f32| (r * a.cos(), r * a.sin());
        let arc = curve(at(angle, reach), at(angle + 0.9, reach * 1.6), at(angle + 1.8, reach));
        canvas.stroke(arc, solid(colour.shade(1.15), 0.75), 1.6);
    }
}

/// A petal of a rose around the x axis, from the centre to `reach`, with a lip that waves a little.
fn broad_petal(random: &mut Generator, reach: f32, spread: f32) -> Option<Path> {
    let mut wave = || random.uniform_in(0.95, 1.05);
    let at = |angle: f32, radius: f32| (reach * radius * angle.cos(), reach * radius * angle.sin());
    let (left, right) = (at(-spread, 0.62), at(spread, 0.62));
    let (a, b, c) = (at(-spread * 0.95, 0.96 * wave()), at(-spread * 0.4, 1.06 * wave()), at(0.0, wave()));
    let (d, e) = (at(spread * 0.4, 1.06 * wave()), at(spread * 0.95, 0.96 * wave()));
    let mut path = PathBuilder::new();
    path.move_to(0.0, 0.0);
    path.line_to(left.0, left.1);
    path.cubic_to(a.0, a.1, b.0, b.1, c.0, c.1);
    path.cubic_to(d.0, d.1, e.0, e.1, right.0, right.1);
    path.close();
    path.finish()
}
