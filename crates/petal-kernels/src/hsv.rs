//! Hue and saturation of single images, by TensorFlow's formulas of HSV.
//!
//! Strategy: serial; who has many images takes one a task.

/// Turns the hue of each pixel `[red, green, blue]` by this part of a turn; colours in `range`, clipped to it.
pub fn turn_hue(turn: f32, [low, high]: [f32; 2], x: &[f32], y: &mut [f32]) {
    each_pixel(x, y, |x| {
        let [hue, saturation, value] = to_hsv(x.map(|x| (x - low) / (high - low)));
        let hue = hue + turn;
        let hue = if hue > 1.0 { hue - 1.0 } else { hue };
        let hue = if hue < 0.0 { hue + 1.0 } else { hue };
        from_hsv([hue, saturation, value]).map(|y| y.clamp(0.0, 1.0) * (high - low) + low)
    });
}

/// Multiplies the saturation of each pixel `[red, green, blue]` by this factor; what it becomes is clipped to `range`.
pub fn scale_saturation(factor: f32, [low, high]: [f32; 2], x: &[f32], y: &mut [f32]) {
    each_pixel(x, y, |x| {
        let [hue, saturation, value] = to_hsv(x);
        from_hsv([hue, (saturation * factor).max(low).min(high), value])
    });
}

fn each_pixel(x: &[f32], y: &mut [f32], f: impl Fn([f32; 3]) -> [f32; 3]) {
    assert_eq!(x.len(), y.len());
    for (y, x) in y.as_chunks_mut::<3>().0.iter_mut().zip(x.as_chunks::<3>().0) {
        *y = f(*x);
    }
}

fn to_hsv([red, green, blue]: [f32; 3]) -> [f32; 3] {
    let value = red.max(green).max(blue);
    let range = value - red.min(green).min(blue);
    let saturation = if value > 0.0 { range / value } else { 0.0 };
    let norm = 1.0 / (6.0 * range);
    let hue = if range <= 0.0 {
        0.0
    } else if red == value {
        norm * (green - blue)
    } else if green == value {
        norm * (blue - red) + 2.0 / 6.0
    } else {
        norm * (red - green) + 4.0 / 6.0
    };
    [if hue < 0.0 { hue + 1.0 } else { hue }, saturation, value]
}

fn from_hsv([hue, saturation, value]: [f32; 3]) -> [f32; 3] {
    let hue = 6.0 * hue;
    let shares = [(hue - 3.0).abs() - 1.0, 2.0 - (hue - 2.0).abs(), 2.0 - (hue - 4.0).abs()];
    shares.map(|share| (1.0 - saturation + saturation * share.clamp(0.0, 1.0)) * value)
}
