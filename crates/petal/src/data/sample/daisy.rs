use super::canvas::{Canvas, Colour, linear, radial, solid};
use super::flower::Bloom;
use super::shapes::{circle, curve, petal, spiral};
use crate::random::Generator;

/// Many narrow rays around a yellow button: mostly white, some pink, yellow or violet.
pub(super) fn draw(canvas: &mut Canvas, random: &mut Generator, bloom: &Bloom) {
    let colours =
        [0xfbfaf5, 0xf6f2ea, 0xfdfbff, 0xf7f9fc, 0xfaf8f0, 0xfffdf8, 0xf8f8f4, 0xf3bfd2, 0xf6d23c, 0xe2d2f0];
    let colour = Colour::hex(colours[random.below(colours.len())]).vary(random, 0.02);
    let rays = 13 + random.below(12);
    let ray_width = 100.0 * std::f32::consts::TAU / rays as f32 * random.uniform_in(0.62, 0.95);
    let tip = random.uniform_in(0.0, 0.45);
    let button = random.uniform_in(23.0, 36.0);
    for (length, light) in [(100.0, 0.82), (94.0, 1.0)] {
        let start = random.uniform_in(0.0, 360.0);
        for ray in 0..rays {
            let angle = start + (ray as f32 + random.uniform_in(-0.22, 0.22)) * 360.0 / rays as f32;
            let length = length * random.uniform_in(0.88, 1.0) - button * 0.6;
            let lit = colour.shade(light * bloom.light(angle));
            let width = ray_width * random.uniform_in(0.85, 1.1);
            let stops = [
                (0.0, lit.shade(0.62), 1.0),
                (0.4, lit.shade(0.9), 1.0),
                (0.85, lit, 1.0),
                (1.0, lit.shade(0.95), 1.0),
            ];
            let base = button * 0.6;
            let bend = random.uniform_in(-5.0, 5.0);
            let shape = petal(base, length, width, tip, bend);
            canvas.stroke_turned(shape.clone(), solid(colour.shade(0.45), 0.3), 1.6, angle);
            canvas.fill_turned(shape, linear((base, 0.0), (base + length, 0.0), &stops), angle);
            for side in [-0.16, 0.16] {
                let vein = curve(
                    (base + 4.0, side * width * 0.6),
                    (base + length * 0.5, side * width * 1.5),
                    (base + length * 0.92, bend + side * width * 0.5),
                );
                canvas.stroke_turned(vein, solid(lit.shade(0.7), 0.35), 1.0, angle);
            }
        }
    }
    let yellow = Colour::hex(0xf2b81a).vary(random, 0.03);
    canvas.fill(
        circle(1.5, 2.5, button * 1.12),
        radial(
            (1.5, 2.5),
            button * 1.12,
            &[(0.8, Colour::hex(0x3a2a08), 0.4), (1.0, Colour::hex(0x3a2a08), 0.0)],
        ),
    );
    let (x, y) = bloom.towards_light(button * 0.35);
    let dome = radial(
        (x, y),
        button * 1.3,
        &[(0.0, yellow.shade(1.35), 1.0), (0.5, yellow, 1.0), (1.0, yellow.shade(0.6), 1.0)],
    );
    canvas.fill(circle(0.0, 0.0, button), dome);
    for (x, y, share) in spiral(110, button * 0.97) {
        let dot = if random.uniform() < 0.5 { yellow.shade(1.3) } else { yellow.shade(0.68) };
        canvas.fill(circle(x, y, 1.0 + share), solid(dot, 0.55));
    }
}
