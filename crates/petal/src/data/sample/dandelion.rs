use super::canvas::{Canvas, Colour, linear, radial, solid};
use super::flower::Bloom;
use super::shapes::{circle, curve, petal};
use crate::random::Generator;

/// A yellow pompon of straps, or the white clock that it becomes.
pub(super) fn draw(canvas: &mut Canvas, random: &mut Generator, bloom: &Bloom) {
    if random.uniform() < 0.25 { clock(canvas, random) } else { bloom_head(canvas, random, bloom) }
}

fn bloom_head(canvas: &mut Canvas, random: &mut Generator, bloom: &Bloom) {
    let colours = [0xf8cf10, 0xf5c000, 0xfadb2e, 0xf2b40a];
    let colour = Colour::hex(colours[random.below(colours.len())]).vary(random, 0.02);
    canvas.fill(circle(0.0, 0.0, 62.0), solid(colour.shade(0.55), 1.0));
    let rings = 7;
    for ring in 0..rings {
        let inner = ring as f32 / (rings - 1) as f32;
        let straps = 40 - 3 * ring;
        let reach = 100.0 - 78.0 * inner;
        for strap in 0..straps {
            let angle =
                (strap as f32 + random.uniform_in(-0.45, 0.45)) * 360.0 / straps as f32 + 31.0 * ring as f32;
            let length = reach * random.uniform_in(0.84, 1.0);
            let width = random.uniform_in(8.0, 11.5) * (1.0 - 0.3 * inner);
            let lit = colour.shade(bloom.light(angle) * (0.84 + 0.2 * inner)).vary(random, 0.02);
            let base = length * 0.25;
            let stops = [
                (0.0, lit.mix(Colour::hex(0xa86000), 0.55), 1.0),
                (0.6, lit, 1.0),
                (1.0, lit.shade(1.22), 1.0),
            ];
            let shape = petal(base, length - base, width, 0.15, random.uniform_in(-4.0, 4.0));
            canvas.stroke_turned(shape.clone(), solid(Colour::hex(0x7a4a00), 0.22), 1.3, angle);
            canvas.fill_turned(shape, linear((base, 0.0), (length, 0.0), &stops), angle);
        }
    }
    for _ in 0..16 {
        let angle = random.uniform_in(0.0, std::f32::consts::TAU);
        let (x, y) = (random.uniform_in(0.0, 22.0) * angle.cos(), random.uniform_in(0.0, 22.0) * angle.sin());
        let by = (x * 1.3, y * 1.3 - 2.0);
        canvas.stroke(curve((x, y), by, (x * 1.4 + 2.0, y * 1.4 - 4.0)), solid(colour.shade(0.72), 0.8), 2.0);
    }
}

fn clock(canvas: &mut Canvas, random: &mut Generator) {
    let white = Colour::hex(0xf4f3ee);
    let down = [(0.0, white, 0.1), (0.6, white, 0.28), (0.92, white, 0.4), (1.0, white, 0.0)];
    canvas.fill(circle(0.0, 0.0, 98.0), radial((0.0, 0.0), 98.0, &down));
    // A few seeds have flown.
    let bald = random.uniform_in(0.0, std::f32::consts::TAU);
    let gap = random.uniform_in(-0.4, 0.8).max(0.0);
    for seed in 0..130 {
        let angle = random.uniform_in(0.0, std::f32::consts::TAU);
        if (angle - bald).cos() > 1.0 - gap {
            continue;
        }
        // Seeds point to all sides of a ball: seen from the front, some are short.
        let reach = 86.0 * (random.uniform_in(0.06, 1.0)).sqrt() * random.uniform_in(0.95, 1.04);
        let (cos, sin) = (angle.cos(), angle.sin());
        let alpha = if seed % 3 == 0 { 0.75 } else { 0.5 };
        canvas.stroke(
            curve((8.0 * cos, 8.0 * sin), (reach * 0.5 * cos, reach * 0.5 * sin), (reach * cos, reach * sin)),
            solid(white.shade(0.85), alpha * 0.55),
            0.9,
        );
        for _ in 0..9 {
            let spread = angle + random.uniform_in(-1.25, 1.25);
            let hair = random.uniform_in(10.0, 17.0);
            let (x, y) = (reach * cos, reach * sin);
            let tip = (x + hair * spread.cos(), y + hair * spread.sin());
            canvas.stroke(curve((x, y), (x, y), tip), solid(white, alpha), 0.9);
        }
    }
    let heart = [(0.0, Colour::hex(0xb9a878), 1.0), (1.0, Colour::hex(0x6b5a34), 1.0)];
    canvas.fill(circle(0.0, 0.0, 13.0), radial((-4.0, -4.0), 17.0, &heart));
    for seed in 0..36 {
        let angle = seed as f32 * 10.0 + random.uniform_in(-5.0, 5.0);
        let base = random.uniform_in(6.0, 11.0);
        canvas.fill_turned(petal(base, 9.0, 2.6, 0.8, 0.0), solid(Colour::hex(0x5c4526), 0.85), angle);
    }
}
