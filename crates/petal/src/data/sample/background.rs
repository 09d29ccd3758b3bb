//! What is behind the flowers: meadow, sky, soil, a hedge, or lights out of focus. Every species may stand before each,
//! and each has one before which it is found more often.

use super::canvas::{Canvas, Colour, linear, radial, solid};
use super::flower::Species;
use super::shapes::{blade, circle, curve, leaf};
use crate::random::Generator;

pub(super) fn draw(canvas: &mut Canvas, random: &mut Generator, species: Species) {
    let usual = match species {
        Species::Daisy | Species::Dandelion => 0,
        Species::Sunflower => 1,
        Species::Tulip => 4,
        Species::Rose => 3,
    };
    let kind = if random.uniform() < 0.55 { usual } else { random.below(5) };
    match kind {
        0 => meadow(canvas, random),
        1 => sky(canvas, random),
        2 => soil(canvas, random),
        3 => hedge(canvas, random),
        _ => bokeh(canvas, random),
    }
}

fn downwards(canvas: &mut Canvas, top: Colour, bottom: Colour) {
    let height = canvas.height();
    canvas.cover(linear((0.0, 0.0), (0.0, height), &[(0.0, top, 1.0), (1.0, bottom, 1.0)]));
}

fn meadow(canvas: &mut Canvas, random: &mut Generator) {
    let green = Colour::hex([0x6c9a3c, 0x4f8a3a, 0x86a84a, 0x5a7f34][random.below(4)]).vary(random, 0.03);
    downwards(canvas, green.shade(1.25), green.shade(0.6));
    grass(canvas, random, green, 170, 1.0);
    canvas.blur(random.uniform_in(0.6, 2.6));
    grass(canvas, random, green.shade(0.9), 26, 0.55);
    canvas.blur(0.7);
}

fn grass(canvas: &mut Canvas, random: &mut Generator, green: Colour, blades: usize, height: f32) {
    let (width, full) = (canvas.width(), canvas.height());
    for i in 0..blades {
        // From the back (high on the picture) to the front.
        let depth = (i as f32 / blades as f32).max(0.05);
        let root = (
            random.uniform_in(-20.0, width + 20.0),
            full * (0.15 + 1.0 * depth) * height + full * (1.0 - height),
        );
        let tall = full * random.uniform_in(0.2, 0.5) * (0.5 + 0.5 * depth);
        let tip = (root.0 + random.uniform_in(-0.5, 0.5) * tall, root.1 - tall);
        let by = (root.0 + random.uniform_in(-0.1, 0.1) * tall, root.1 - tall * 0.6);
        let lit = green.shade(random.uniform_in(0.55, 1.3)).vary(random, 0.02);
        let ink = linear(root, tip, &[(0.0, lit.shade(0.55), 1.0), (1.0, lit.shade(1.1), 1.0)]);
        canvas.fill(blade(root, by, tip, random.uniform_in(2.5, 6.0) * (0.5 + depth)), ink);
    }
}

fn sky(canvas: &mut Canvas, random: &mut Generator) {
    let (top, bottom) =
        [(0x3f86d0, 0xb5d8f2), (0x5a9fdc, 0xe3eef5), (0x8fa3b5, 0xd9dfe3), (0x4a6fa8, 0xf2c79a)]
            [random.below(4)];
    downwards(canvas, Colour::hex(top), Colour::hex(bottom));
    let (width, height) = (canvas.width(), canvas.height());
    for _ in 0..random.below(6) {
        let (x, y) = (random.uniform_in(0.0, width), random.uniform_in(0.0, height * 0.8));
        for _ in 0..9 {
            let radius = random.uniform_in(12.0, 42.0);
            let at = (x + random.uniform_in(-45.0, 45.0), y + random.uniform_in(-9.0, 9.0));
            let white = Colour::hex(0xffffff);
            canvas.fill(
                circle(at.0, at.1, radius),
                radial(at, radius, &[(0.0, white, 0.32), (1.0, white, 0.0)]),
            );
        }
    }
    if random.uniform() < 0.55 {
        let green = Colour::hex([0x6b8f4a, 0x4d7040, 0x93a55a][random.below(3)]);
        let horizon = height * random.uniform_in(0.62, 0.9);
        let hills = blade(
            (width * 0.5, height * 1.6),
            (width * 0.5, horizon),
            (width * 0.5, horizon - 14.0),
            width * 3.5,
        );
        canvas.fill(
            hills,
            linear(
                (0.0, horizon),
                (0.0, height),
                &[(0.0, green.shade(1.2), 1.0), (1.0, green.shade(0.7), 1.0)],
            ),
        );
        grass(canvas, random, green, 50, (1.0 - horizon / height).max(0.1));
    }
    canvas.blur(random.uniform_in(1.5, 3.5));
}

fn soil(canvas: &mut Canvas, random: &mut Generator) {
    let earth = Colour::hex([0x5f4630, 0x4a382a, 0x7a6248, 0x8a7f72][random.below(4)]).vary(random, 0.03);
    downwards(canvas, earth.shade(1.1), earth.shade(0.8));
    let (width, height) = (canvas.width(), canvas.height());
    for _ in 0..420 {
        let (x, y) = (random.uniform_in(0.0, width), random.uniform_in(0.0, height));
        let radius = random.uniform_in(1.0, 3.0) * (1.0 + 2.2 * random.uniform().powi(6));
        canvas.fill(circle(x + 0.8, y + 1.4, radius), solid(earth.shade(0.3), 0.4));
        canvas.fill(circle(x, y, radius), solid(earth.shade(random.uniform_in(0.55, 1.35)), 0.85));
    }
    for _ in 0..random.below(14) {
        let from = (random.uniform_in(0.0, width), random.uniform_in(0.0, height));
        let to = (from.0 + random.uniform_in(-40.0, 40.0), from.1 + random.uniform_in(-40.0, 40.0));
        let by = ((from.0 + to.0) / 2.0 + random.uniform_in(-9.0, 9.0), (from.1 + to.1) / 2.0);
        let straw = Colour::hex(0xb39a68).shade(random.uniform_in(0.5, 1.0));
        canvas.stroke(curve(from, by, to), solid(straw, 0.7), random.uniform_in(0.8, 2.2));
    }
    canvas.blur(random.uniform_in(0.5, 2.2));
}

fn hedge(canvas: &mut Canvas, random: &mut Generator) {
    let green = Colour::hex([0x2f5a2a, 0x3f6a34, 0x24492c, 0x55743a][random.below(4)]).vary(random, 0.02);
    downwards(canvas, green.shade(0.55), green.shade(0.3));
    let (width, height) = (canvas.width(), canvas.height());
    for i in 0..60 {
        let light = 0.4 + 0.6 * i as f32 / 60.0;
        let place = tiny_skia::Transform::from_translate(
            random.uniform_in(0.0, width),
            random.uniform_in(0.0, height),
        );
        canvas.transform = place;
        let length = random.uniform_in(22.0, 58.0);
        let colour = green.shade(light * random.uniform_in(0.7, 1.25)).vary(random, 0.02);
        let (broad, turn) = (random.uniform_in(0.35, 0.55), random.uniform_in(0.0, 360.0));
        leaf(canvas, random, colour, length, length * broad, turn);
    }
    canvas.transform = tiny_skia::Transform::identity();
    canvas.blur(random.uniform_in(1.0, 3.2));
}

fn bokeh(canvas: &mut Canvas, random: &mut Generator) {
    let (top, bottom) = [
        (0x3a5a34, 0x16281a),
        (0x7fa35c, 0x3c5a30),
        (0x4a4058, 0x1d1a28),
        (0x8a7a5a, 0x40382a),
        (0x9ab0a0, 0x52685a),
    ][random.below(5)];
    downwards(canvas, Colour::hex(top), Colour::hex(bottom));
    let (width, height) = (canvas.width(), canvas.height());
    let lights = [0xd9e8a0, 0xf6e08a, 0xffffff, 0xf2b8c6, 0x9fc77a, 0xf4cf5a, 0xe0566a];
    for _ in 0..14 + random.below(26) {
        let at = (random.uniform_in(0.0, width), random.uniform_in(0.0, height));
        let radius = random.uniform_in(7.0, 30.0);
        let (colour, alpha) = (Colour::hex(lights[random.below(lights.len())]), random.uniform_in(0.06, 0.3));
        let disc = [
            (0.0, colour, alpha * 0.7),
            (0.86, colour, alpha),
            (0.95, colour, alpha * 0.9),
            (1.0, colour, 0.0),
        ];
        canvas.fill(circle(at.0, at.1, radius), radial(at, radius, &disc));
    }
    canvas.blur(random.uniform_in(0.8, 2.2));
}
