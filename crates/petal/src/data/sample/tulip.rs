use tiny_skia::{Path, PathBuilder};

use super::canvas::{Canvas, Colour, linear, radial, solid};
use super::flower::Bloom;
use super::shapes::{circle, curve, petal};
use crate::random::Generator;

/// A cup of six petals seen from the side, now and then from above: red, pink, yellow, white, violet, orange.
pub(super) fn draw(canvas: &mut Canvas, random: &mut Generator, bloom: &Bloom) {
    let colours =
        [0xd8304a, 0xf07fa6, 0xee6c98, 0xf4b6c8, 0x8d4aa8, 0x7d3f98, 0xa560b8, 0xf8cd2b, 0xf7f1e4, 0xf08a2c];
    let colour = Colour::hex(colours[random.below(colours.len())]).vary(random, 0.025);
    let others = [colour.shade(1.3), colour.shade(1.1), Colour::hex(0xf8d96a), Colour::hex(0xfaf4e8)];
    let edge = colour.mix(others[random.below(others.len())], 0.6);
    if bloom.upright {
        cup(canvas, random, bloom, colour, edge)
    } else {
        star(canvas, random, bloom, colour, edge)
    }
}

fn cup(canvas: &mut Canvas, random: &mut Generator, bloom: &Bloom, colour: Colour, edge: Colour) {
    let width = random.uniform_in(46.0, 62.0);
    let open = random.uniform_in(-0.25, 0.55);
    let deep = colour.mix(Colour::hex(0x3a0a18), 0.25).shade(0.66);
    let base = colour.mix(Colour::hex(0xb9b84a), random.uniform_in(0.1, 0.5));
    // Left and right ends of a tip, from the back to the front: (middle of the tip, half width, height, light).
    let lean = width * (0.55 + 0.6 * open);
    let petals = [
        (-lean * 0.45, width * 0.6, 170.0, 0.66),
        (lean * 0.45, width * 0.6, 168.0, 0.72),
        (0.0, width * 0.6, 176.0, 0.8),
        (-lean, width * 0.78, 160.0, 0.95),
        (lean, width * 0.78, 162.0, 0.95),
        (random.uniform_in(-6.0, 6.0), width * 0.86, 150.0, 1.05),
    ];
    for (tip, half, height, light) in petals {
        let height = height * random.uniform_in(0.95, 1.05);
        let side = if tip < 0.0 { 180.0 } else { 0.0 };
        let lit = (if tip.abs() > 8.0 { bloom.light(side) } else { 1.0 }) * light;
        let shape = cup_petal(tip, half, height);
        let stops = [
            (0.0, base.shade(lit * 0.75), 1.0),
            (0.25, colour.shade(lit * 0.82), 1.0),
            (0.7, colour.shade(lit), 1.0),
            (1.0, edge.shade(lit * 1.05), 1.0),
        ];
        canvas.stroke(shape.clone(), solid(deep.shade(0.5), 0.3), 3.5);
        canvas.fill(shape.clone(), linear((tip * 0.5, 80.0), (tip, 80.0 - height), &stops));
        let across = [(0.0, deep, 0.34), (0.3, deep, 0.0), (0.62, deep, 0.0), (1.0, deep, 0.4)];
        canvas.fill(shape.clone(), linear((tip * 0.6 - half, 0.0), (tip * 0.6 + half, 0.0), &across));
        for vein in [-0.5, -0.25, 0.0, 0.25, 0.5] {
            let line = curve(
                (vein * half * 0.5, 72.0),
                (tip * 0.7 + vein * half * 2.0, 30.0 - height * 0.4),
                (tip + vein * half * 0.4, 90.0 - height * 0.95),
            );
            canvas.stroke(line, solid(colour.shade(lit * 0.8), 0.28), 1.4);
        }
        canvas.stroke(shape, solid(edge.shade(1.3), 0.3), 1.0);
    }
}

/// A petal of the cup, from its foot at (0, 80) up to its tip.
fn cup_petal(tip: f32, half: f32, height: f32) -> Option<Path> {
    let (foot, top) = (80.0, 80.0 - height);
    let middle = tip * 0.62;
    let mut path = PathBuilder::new();
    path.move_to(0.0, foot);
    path.cubic_to(middle - half * 1.15, foot + 2.0, middle - half * 1.25, foot - height * 0.62, tip, top);
    path.cubic_to(middle + half * 1.25, foot - height * 0.62, middle + half * 1.15, foot + 2.0, 0.0, foot);
    path.close();
    path.finish()
}

fn star(canvas: &mut Canvas, random: &mut Generator, bloom: &Bloom, colour: Colour, edge: Colour) {
    let deep = colour.shade(0.6);
    let start = random.uniform_in(0.0, 360.0);
    for petal_number in 0..6 {
        let front = petal_number >= 3;
        let angle = start + (petal_number % 3) as f32 * 120.0 + if front { 60.0 } else { 0.0 };
        let length = if front { 92.0 } else { 100.0 } * random.uniform_in(0.92, 1.0);
        let lit = bloom.light(angle) * if front { 1.0 } else { 0.82 };
        let stops = [
            (0.0, deep.shade(0.8), 1.0),
            (0.3, colour.shade(lit * 0.85), 1.0),
            (0.75, colour.shade(lit), 1.0),
            (1.0, edge.shade(lit), 1.0),
        ];
        let width = random.uniform_in(78.0, 94.0);
        let shape = petal(0.0, length, width, random.uniform_in(0.35, 0.7), random.uniform_in(-6.0, 6.0));
        canvas.stroke_turned(shape.clone(), solid(deep.shade(0.5), 0.35), 3.0, angle);
        canvas.fill_turned(shape, linear((0.0, 0.0), (length, 0.0), &stops), angle);
        for vein in [-0.22, -0.08, 0.08, 0.22] {
            let line = curve(
                (10.0, vein * 20.0),
                (length * 0.5, vein * width * 1.3),
                (length * 0.9, vein * width * 0.5),
            );
            canvas.stroke_turned(line, solid(deep, 0.22), 1.3, angle);
        }
    }
    let heart = Colour::hex([0x2b1a2e, 0xf2d24a, 0x3a2a10][random.below(3)]);
    canvas.fill(circle(0.0, 0.0, 26.0), radial((0.0, 0.0), 26.0, &[(0.3, heart, 0.85), (1.0, heart, 0.0)]));
    for stamen in 0..6 {
        let angle = start + stamen as f32 * 60.0 + 30.0;
        canvas.fill_turned(petal(5.0, 22.0, 6.0, 0.2, 0.0), solid(Colour::hex(0x2a1c10), 0.9), angle);
    }
    canvas.fill(circle(0.0, 0.0, 7.0), solid(Colour::hex(0xb9c26a), 1.0));
}
