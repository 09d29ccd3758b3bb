//! A few strokes above tiny-skia: colours that can be mixed, gradients in one line, blur.

use tiny_skia::{
    BlendMode, Color, FillRule, GradientStop, LineCap, LinearGradient, Paint, Path, Pixmap, PixmapPaint,
    Point, RadialGradient, Shader, SpreadMode, Stroke, Transform,
};

use crate::random::Generator;

/// An sRGB colour, each channel in 0..=1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Colour(pub [f32; 3]);

impl Colour {
    pub(super) const fn hex(rgb: u32) -> Self {
        Colour([
            ((rgb >> 16) & 255) as f32 / 255.0,
            ((rgb >> 8) & 255) as f32 / 255.0,
            (rgb & 255) as f32 / 255.0,
        ])
    }

    /// The colour on the way from `self` (0) to `other` (1).
    pub(super) fn mix(self, other: Colour, t: f32) -> Self {
        Colour(std::array::from_fn(|i| self.0[i] + (other.0[i] - self.0[i]) * t))
    }

    /// Darker below 1, lighter above: 0 is black, 2 is white.
    pub(super) fn shade(self, light: f32) -> Self {
        if light <= 1.0 {
            Colour(self.0.map(|x| x * light.max(0.0)))
        } else {
            self.mix(Colour([1.0; 3]), (light - 1.0).min(1.0))
        }
    }

    /// A neighbour of this colour.
    pub(super) fn vary(self, random: &mut Generator, amount: f32) -> Self {
        let light = amount * random.normal();
        Colour(self.0.map(|x| (x + light + 0.4 * amount * random.normal()).clamp(0.0, 1.0)))
    }

    fn with_alpha(self, alpha: f32) -> Color {
        let [r, g, b] = self.0.map(|x| x.clamp(0.0, 1.0));
        Color::from_rgba(r, g, b, alpha.clamp(0.0, 1.0)).expect("channels are clamped to 0..=1")
    }
}

/// What a shape is filled with.
pub(super) type Ink = Shader<'static>;

pub(super) fn solid(colour: Colour, alpha: f32) -> Ink {
    Shader::SolidColor(colour.with_alpha(alpha))
}

/// A gradient along a line; each stop is (position in 0..=1, colour, opacity).
pub(super) fn linear(from: (f32, f32), to: (f32, f32), stops: &[(f32, Colour, f32)]) -> Ink {
    LinearGradient::new(point(from), point(to), gradient(stops), SpreadMode::Pad, Transform::identity())
        .unwrap_or_else(|| solid(stops[0].1, stops[0].2))
}

/// A gradient from a centre outwards.
pub(super) fn radial(centre: (f32, f32), radius: f32, stops: &[(f32, Colour, f32)]) -> Ink {
    let (centre, none) = (point(centre), Transform::identity());
    RadialGradient::new(centre, 0.0, centre, radius, gradient(stops), SpreadMode::Pad, none)
        .unwrap_or_else(|| solid(stops[0].1, stops[0].2))
}

fn gradient(stops: &[(f32, Colour, f32)]) -> Vec<GradientStop> {
    stops.iter().map(|&(at, colour, alpha)| GradientStop::new(at, colour.with_alpha(alpha))).collect()
}

fn point((x, y): (f32, f32)) -> Point {
    Point::from_xy(x, y)
}

/// A picture in progress.
pub(super) struct Canvas {
    pub(super) pixmap: Pixmap,
    /// Where the next shapes go.
    pub(super) transform: Transform,
}

impl Canvas {
    /// A transparent canvas; both sides must be positive.
    pub(super) fn new(width: u32, height: u32) -> Self {
        let pixmap = Pixmap::new(width, height).expect("a sample picture has positive sides");
        Canvas { pixmap, transform: Transform::identity() }
    }

    pub(super) fn width(&self) -> f32 {
        self.pixmap.width() as f32
    }

    pub(super) fn height(&self) -> f32 {
        self.pixmap.height() as f32
    }

    pub(super) fn fill(&mut self, path: Option<Path>, ink: Ink) {
        self.fill_turned(path, ink, 0.0);
    }

    /// Fills a shape that is turned by `degrees` around the origin, its gradient with it.
    pub(super) fn fill_turned(&mut self, path: Option<Path>, ink: Ink, degrees: f32) {
        // A shape without area, which chance may draw, has no path.
        let Some(path) = path else { return };
        let paint = Paint { shader: ink, anti_alias: true, ..Paint::default() };
        let transform = self.transform.pre_concat(Transform::from_rotate(degrees));
        self.pixmap.fill_path(&path, &paint, FillRule::Winding, transform, None);
    }

    pub(super) fn stroke(&mut self, path: Option<Path>, ink: Ink, width: f32) {
        self.stroke_turned(path, ink, width, 0.0);
    }

    pub(super) fn stroke_turned(&mut self, path: Option<Path>, ink: Ink, width: f32, degrees: f32) {
        let Some(path) = path else { return };
        let paint = Paint { shader: ink, anti_alias: true, ..Paint::default() };
        let stroke = Stroke { width, line_cap: LineCap::Round, ..Stroke::default() };
        let transform = self.transform.pre_concat(Transform::from_rotate(degrees));
        self.pixmap.stroke_path(&path, &paint, &stroke, transform, None);
    }

    /// Covers the whole canvas.
    pub(super) fn cover(&mut self, ink: Ink) {
        let paint = Paint { shader: ink, blend_mode: BlendMode::SourceOver, ..Paint::default() };
        let all = tiny_skia::Rect::from_xywh(0.0, 0.0, self.width(), self.height());
        if let Some(all) = all {
            self.pixmap.fill_rect(all, &paint, Transform::identity(), None);
        }
    }

    /// Lays `other` over this canvas.
    pub(super) fn overlay(&mut self, other: &Canvas, opacity: f32) {
        let paint = PixmapPaint { opacity, ..PixmapPaint::default() };
        self.pixmap.draw_pixmap(0, 0, other.pixmap.as_ref(), &paint, Transform::identity(), None);
    }

    /// Blurs what is on the canvas: three box filters, close to a Gaussian of the same variance.
    pub(super) fn blur(&mut self, sigma: f32) {
        let radius = ((sigma * sigma * 4.0 + 1.0).sqrt() / 2.0 - 0.5).round() as usize;
        if radius == 0 {
            return;
        }
        let (width, height) = (self.pixmap.width() as usize, self.pixmap.height() as usize);
        let data = self.pixmap.data_mut();
        let mut line = Vec::new();
        for _ in 0..3 {
            for y in 0..height {
                box_filter(data, y * width, 1, width, radius, &mut line);
            }
            for x in 0..width {
                box_filter(data, x, width, height, radius, &mut line);
            }
        }
    }
}

/// Replaces `count` RGBA pixels, `stride` pixels apart, by their means over `2 * radius + 1` neighbours; the edge is
/// repeated beyond the ends.
fn box_filter(
    data: &mut [u8],
    start: usize,
    stride: usize,
    count: usize,
    radius: usize,
    line: &mut Vec<[u8; 4]>,
) {
    let (pixels, _) = data.as_chunks_mut::<4>();
    line.clear();
    line.resize(radius, pixels[start]);
    line.extend(pixels[start..].iter().step_by(stride).take(count));
    line.resize(count + 2 * radius + 1, pixels[start + (count - 1) * stride]);
    let window = (2 * radius + 1) as u32;
    let mut sums = [0u32; 4];
    for pixel in &line[..2 * radius + 1] {
        for (sum, &value) in sums.iter_mut().zip(pixel) {
            *sum += u32::from(value);
        }
    }
    let (leaving, entering) = (line.iter(), line[2 * radius + 1..].iter());
    for ((target, leaving), entering) in pixels[start..].iter_mut().step_by(stride).zip(leaving).zip(entering)
    {
        for channel in 0..4 {
            target[channel] = ((sums[channel] + window / 2) / window) as u8;
            sums[channel] = sums[channel] + u32::from(entering[channel]) - u32::from(leaving[channel]);
        }
    }
}
