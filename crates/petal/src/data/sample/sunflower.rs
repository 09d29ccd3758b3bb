use super::canvas::{Canvas, Colour, linear, radial, solid};
use super::flower::Bloom;
use super::shapes::{circle, curve, petal, spiral};
use crate::random::Generator;

/// Pointed rays, yellow to rust, around a large seed head.
pub(super) fn draw(canvas: &mut Canvas, random: &mut Generator, bloom: &Bloom) {
    let colours = [0xf9c416, 0xf7b50c, 0xfbd23a, 0xf2a20a, 0xf6dc6a, 0xc8621c];
    let colour = Colour::hex(colours[random.below(colours.len())]).vary(random, 0.025);
    let rays = 14 + random.below(11);
    let head = random.uniform_in(30.0, 50.0);
    let ray_width = 100.0 * std::f32::consts::TAU / rays as f32 * random.uniform_in(0.8, 1.15);
    let tip = random.uniform_in(0.6, 1.0);
    for (length, light) in [(100.0, 0.72), (93.0, 1.0)] {
        let start = random.uniform_in(0.0, 360.0);
        for ray in 0..rays {
            let angle = start + (ray as f32 + random.uniform_in(-0.25, 0.25)) * 360.0 / rays as f32;
            let base = head * 0.7;
            let length = length * random.uniform_in(0.82, 1.0) - base;
            let width = ray_width * random.uniform_in(0.8, 1.1);
            let bend = random.uniform_in(-10.0, 10.0);
            let lit = colour.shade(light * bloom.light(angle)).vary(random, 0.015);
            let deep = lit.mix(Colour::hex(0x8a4a06), 0.6);
            let stops =
                [(0.0, deep, 1.0), (0.35, lit.shade(0.92), 1.0), (0.8, lit, 1.0), (1.0, lit.shade(1.2), 1.0)];
            let shape = petal(base, length, width, tip, bend);
            canvas.stroke_turned(shape.clone(), solid(deep.shade(0.6), 0.35), 1.8, angle);
            canvas.fill_turned(shape, linear((base, 0.0), (base + length, 0.0), &stops), angle);
            for side in [-0.2, 0.0, 0.2] {
                let vein = curve(
                    (base + 3.0, side * width),
                    (base + length * 0.5, side * width * 1.4),
                    (base + length * 0.93, bend * 0.9 + side * width * 0.1),
                );
                canvas.stroke_turned(vein, solid(deep, 0.3), 1.0, angle);
            }
        }
    }
    let brown = Colour::hex([0x4a2a10, 0x5a3616, 0x33200f, 0x6b4a1a][random.below(4)]).vary(random, 0.02);
    canvas.fill(
        circle(0.0, 2.0, head * 1.1),
        radial(
            (0.0, 2.0),
            head * 1.1,
            &[(0.82, Colour::hex(0x241203), 0.55), (1.0, Colour::hex(0x241203), 0.0)],
        ),
    );
    let (x, y) = bloom.towards_light(head * 0.3);
    canvas.fill(
        circle(0.0, 0.0, head),
        radial(
            (x, y),
            head * 1.3,
            &[(0.0, brown.shade(1.18), 1.0), (0.45, brown, 1.0), (1.0, brown.shade(0.55), 1.0)],
        ),
    );
    // From the outside in: open florets with pollen, then dark seeds, then the green heart of a young head.
    let young = Colour::hex(0x8a8a3a).mix(brown, random.uniform_in(0.1, 0.9));
    let pollen = Colour::hex(0xd98f1c);
    for (x, y, share) in spiral(230, head * 0.96) {
        let colour = if share > 0.72 {
            pollen.shade(random.uniform_in(0.55, 1.1))
        } else if share > 0.4 {
            brown.shade(random.uniform_in(0.45, 1.25))
        } else {
            young.shade(random.uniform_in(0.7, 1.2))
        };
        canvas.fill(circle(x, y, 0.026 * head * (1.0 + share)), solid(colour, 0.8));
    }
}
