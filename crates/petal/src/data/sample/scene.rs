//! A photo as a whole: background, flowers near and far, then the camera's light.

use image::RgbImage;

use super::background;
use super::canvas::Canvas;
use super::flower::{self, Species};
use crate::random::Generator;

/// Draws one photo of this species.
pub(super) fn draw(random: &mut Generator, species: Species) -> RgbImage {
    let (long, short) = (232 + 8 * random.below(4) as u32, 176 + 8 * random.below(5) as u32);
    let (width, height) = if random.uniform() < 0.72 { (long, short) } else { (short, long) };
    let mut canvas = Canvas::new(width, height);
    background::draw(&mut canvas, random, species);
    let sun = random.uniform_in(-160.0, -20.0);
    distant_flowers(&mut canvas, random, species, sun);
    main_flowers(&mut canvas, random, species, sun);
    develop(&canvas, random, sun)
}

/// Flowers far out of focus, some of them of other species.
fn distant_flowers(canvas: &mut Canvas, random: &mut Generator, species: Species, sun: f32) {
    let count = random.below(9);
    if count == 0 || random.uniform() < 0.55 {
        return;
    }
    let kind = if random.uniform() < 0.65 { species } else { Species::ALL[random.below(Species::ALL.len())] };
    let mut layer = Canvas::new(canvas.width() as u32, canvas.height() as u32);
    for _ in 0..count {
        let centre = (random.uniform_in(0.0, canvas.width()), random.uniform_in(0.2, 0.95) * canvas.height());
        let radius = random.uniform_in(9.0, 20.0);
        flower::draw(&mut layer, random, kind, centre, radius, sun);
    }
    layer.blur(random.uniform_in(2.2, 4.5));
    canvas.overlay(&layer, 0.9);
}

/// The flowers that the photo is of: one close, a few, or many.
fn main_flowers(canvas: &mut Canvas, random: &mut Generator, species: Species, sun: f32) {
    let (width, height) = (canvas.width(), canvas.height());
    let side = width.min(height);
    let (count, low, high) = match random.below(10) {
        0..=6 => (1, 0.33, 0.49),
        7..=8 => (2 + random.below(2), 0.22, 0.3),
        _ => (4 + random.below(4), 0.11, 0.16),
    };
    let mut placed: Vec<(f32, f32, f32)> = Vec::new();
    for _ in 0..60 {
        if placed.len() == count {
            break;
        }
        let radius = side * random.uniform_in(low, high);
        // A close-up may be cut by the frame a little.
        let inset = if count == 1 { radius * 0.8 } else { radius * 0.6 };
        let x = random.uniform_in(inset, width - inset);
        let y = random.uniform_in(inset, (height - inset).min(height * 0.86));
        let free = |&(ox, oy, other): &(f32, f32, f32)| (x - ox).hypot(y - oy) > 0.85 * (radius + other);
        if placed.iter().all(free) {
            placed.push((x, y, radius));
        }
    }
    placed.sort_by(|a, b| a.2.total_cmp(&b.2));
    for (i, &(x, y, radius)) in placed.iter().enumerate() {
        let mut layer = Canvas::new(width as u32, height as u32);
        flower::draw(&mut layer, random, species, (x, y), radius, sun);
        // The nearest flower is in focus, those behind it less and less.
        layer.blur(0.35 * (placed.len() - 1 - i).min(4) as f32 + random.uniform_in(0.0, 0.75));
        canvas.overlay(&layer, 1.0);
    }
}

/// Exposure, warm or cool light, contrast, a vignette, light from one side, and the sensor's noise.
fn develop(canvas: &Canvas, random: &mut Generator, sun: f32) -> RgbImage {
    let (width, height) = (canvas.width(), canvas.height());
    let exposure = random.uniform_in(0.86, 1.2);
    let warmth = random.uniform_in(-0.06, 0.08);
    let gains = [exposure * (1.0 + warmth), exposure, exposure * (1.0 - warmth)];
    let contrast = random.uniform_in(0.85, 1.14);
    let saturation = random.uniform_in(0.85, 1.15);
    let vignette = random.uniform_in(0.0, 0.4);
    let slope = random.uniform_in(0.0, 0.3);
    let noise = random.uniform_in(0.004, 0.026);
    let (sin, cos) = sun.to_radians().sin_cos();
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let pixel = canvas.pixmap.pixel(x, y).map_or([0; 3], |p| [p.red(), p.green(), p.blue()]);
        let (u, v) = (2.0 * x as f32 / width - 1.0, 2.0 * y as f32 / height - 1.0);
        let light = (1.0 - vignette * 0.5 * (u * u + v * v)) * (1.0 + slope * 0.5 * (u * cos + v * sin));
        let grain = noise * random.normal();
        let lit: [f32; 3] = std::array::from_fn(|c| f32::from(pixel[c]) / 255.0 * gains[c] * light);
        let grey = 0.3 * lit[0] + 0.59 * lit[1] + 0.11 * lit[2];
        image::Rgb(lit.map(|value| {
            let value = (grey + (value - grey) * saturation - 0.5) * contrast + 0.5 + grain;
            // Bright light runs softly into white.
            let value = if value > 0.85 { 1.0 - 0.15 * (-(value - 0.85) / 0.15).exp() } else { value };
            (value.clamp(0.0, 1.0) * 255.0).round() as u8
        }))
    })
}
