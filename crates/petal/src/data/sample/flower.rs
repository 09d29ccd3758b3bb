//! One plant: stem, leaves, shadow and bloom.

use tiny_skia::{Point, Transform};

use super::canvas::{Canvas, Colour, linear, radial, solid};
use super::shapes::{blade, circle, curve, leaf};
use super::{daisy, dandelion, rose, sunflower, tulip};
use crate::random::Generator;

/// The five classes, in the order of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Species {
    Daisy,
    Dandelion,
    Rose,
    Sunflower,
    Tulip,
}

impl Species {
    pub(super) const ALL: [Species; 5] =
        [Species::Daisy, Species::Dandelion, Species::Rose, Species::Sunflower, Species::Tulip];

    /// The class folder's name.
    pub(super) fn class_name(self) -> &'static str {
        match self {
            Species::Daisy => "daisy",
            Species::Dandelion => "dandelion",
            Species::Rose => "roses",
            Species::Sunflower => "sunflowers",
            Species::Tulip => "tulips",
        }
    }
}

/// How a bloom is seen. Blooms are drawn around the origin with a radius of 100.
pub(super) struct Bloom {
    /// Where the light comes from, in degrees, in the bloom's own coordinates.
    light: f32,
    /// Seen from the side rather than from above (tulips).
    pub(super) upright: bool,
}

impl Bloom {
    /// The brightness of a petal that points in this direction; 1 on average.
    pub(super) fn light(&self, degrees: f32) -> f32 {
        1.0 + 0.14 * (degrees - self.light).to_radians().cos()
    }

    /// A point this far from the centre on the lit side.
    pub(super) fn towards_light(&self, distance: f32) -> (f32, f32) {
        (distance * self.light.to_radians().cos(), distance * self.light.to_radians().sin())
    }
}

/// Draws a plant whose bloom has this centre and radius in pixels; `light` is the sun's direction in degrees.
pub(super) fn draw(
    canvas: &mut Canvas,
    random: &mut Generator,
    species: Species,
    centre: (f32, f32),
    radius: f32,
    light: f32,
) {
    let upright = species == Species::Tulip && random.uniform() < 0.86;
    let (tilt, spin) = if upright {
        (random.uniform_in(-16.0, 16.0), 0.0)
    } else {
        (random.uniform_in(0.0, 360.0), random.uniform_in(0.0, 360.0))
    };
    let squash = if upright { 1.0 } else { random.uniform_in(0.62, 1.0) };
    let place = Transform::from_translate(centre.0, centre.1)
        .pre_rotate(tilt)
        .pre_scale(radius / 100.0, radius / 100.0 * squash)
        .pre_rotate(spin);

    let mut foot = Point::from_xy(0.0, if upright { 76.0 } else { 0.0 });
    place.map_point(&mut foot);
    stem(canvas, random, species, (foot.x, foot.y), radius);
    if species == Species::Rose {
        crown_of_leaves(canvas, random, centre, radius);
    }

    canvas.transform = Transform::from_translate(centre.0 + 0.08 * radius, centre.1 + 0.16 * radius);
    let dark = Colour::hex(0x0c1408);
    let reach = radius * if upright { 0.8 } else { 1.12 };
    let shadow = radial((0.0, 0.0), reach, &[(0.4, dark, 0.34), (1.0, dark, 0.0)]);
    canvas.fill(circle(0.0, 0.0, reach), shadow);

    canvas.transform = place;
    let bloom = Bloom { light: light - tilt - spin, upright };
    match species {
        Species::Daisy => daisy::draw(canvas, random, &bloom),
        Species::Dandelion => dandelion::draw(canvas, random, &bloom),
        Species::Rose => rose::draw(canvas, random, &bloom),
        Species::Sunflower => sunflower::draw(canvas, random, &bloom),
        Species::Tulip => tulip::draw(canvas, random, &bloom),
    }
    canvas.transform = Transform::identity();
}

fn stem(canvas: &mut Canvas, random: &mut Generator, species: Species, top: (f32, f32), radius: f32) {
    let bottom = canvas.height() + 10.0;
    let ground = (top.0 + random.uniform_in(-0.3, 0.3) * (bottom - top.1).max(0.0), bottom);
    let by = (top.0 + random.uniform_in(-0.15, 0.15) * radius, (top.1 + ground.1) / 2.0);
    let (green, share) = match species {
        Species::Daisy => (0x5d8a3a, 0.075),
        Species::Dandelion => (0x8a9a58, 0.08),
        Species::Rose => (0x3f6b32, 0.09),
        Species::Sunflower => (0x5f8f34, 0.13),
        Species::Tulip => (0x6a9c52, 0.13),
    };
    let green = Colour::hex(green).vary(random, 0.03);
    let width = (radius * share).max(1.4);
    canvas.stroke(curve(top, by, ground), solid(green.shade(0.55), 1.0), width);
    let lit = |p: (f32, f32)| (p.0 - width * 0.14, p.1);
    canvas.stroke(curve(lit(top), lit(by), lit(ground)), solid(green, 1.0), width * 0.6);
    canvas.stroke(curve(lit(top), lit(by), lit(ground)), solid(green.shade(1.25), 0.5), width * 0.2);

    let height = ground.1 - top.1;
    match species {
        Species::Tulip => {
            for side in [-1.0, 1.0] {
                let tip = (
                    ground.0 + side * random.uniform_in(0.3, 0.9) * radius,
                    top.1 + random.uniform_in(0.1, 0.5) * height,
                );
                let by = (ground.0 + side * 0.25 * radius, (ground.1 + tip.1) / 2.0);
                let colour = green.vary(random, 0.02);
                let stops = [(0.0, colour.shade(0.5), 1.0), (1.0, colour.shade(1.1), 1.0)];
                canvas.fill(blade(ground, by, tip, radius * 0.5), linear(ground, tip, &stops));
                canvas.stroke(curve(ground, by, tip), solid(colour.shade(0.6), 0.5), radius * 0.025);
            }
        }
        Species::Sunflower | Species::Rose if height > radius * 0.8 => {
            for side in [0.0, 180.0] {
                let down = random.uniform_in(0.45, 0.8);
                let at = |a: f32, b: f32, c: f32| {
                    (1.0 - down) * (1.0 - down) * a + 2.0 * down * (1.0 - down) * b + down * down * c
                };
                let (x, y) = (at(top.0, by.0, ground.0), at(top.1, by.1, ground.1));
                canvas.transform = Transform::from_translate(x, y);
                let broad = if species == Species::Rose { 0.45 } else { 0.62 };
                let length = radius * random.uniform_in(0.7, 1.05);
                let slope = if side == 0.0 { -1.0 } else { 1.0 } * random.uniform_in(5.0, 40.0);
                leaf(canvas, random, green.shade(0.9), length, length * broad, side + slope);
                canvas.transform = Transform::identity();
            }
        }
        _ => {}
    }
}

fn crown_of_leaves(canvas: &mut Canvas, random: &mut Generator, centre: (f32, f32), radius: f32) {
    canvas.transform = Transform::from_translate(centre.0, centre.1);
    let leaves = 2 + random.below(5);
    let start = random.uniform_in(0.0, 360.0);
    for i in 0..leaves {
        let degrees = start + i as f32 * 360.0 / leaves as f32 + random.uniform_in(-20.0, 20.0);
        let green = Colour::hex(0x2f5d2b).vary(random, 0.04);
        let length = radius * random.uniform_in(1.15, 1.6);
        let width = length * random.uniform_in(0.34, 0.48);
        leaf(canvas, random, green, length, width, degrees);
    }
    canvas.transform = Transform::identity();
}
