//! Images seen from the side: maps with a division.

use super::AffineTransform;

impl AffineTransform {
    /// One image `y` of `x`, both `[height, width, channels]`, by a map `[a0, a1, a2, b0, b1, b2, c0, c1]`, which takes an
    /// output pixel to the position that the affine map says, divided by `c0 * column + c1 * row + 1`. Nothing is rescaled.
    ///
    /// Where the divisor isn't above 0 lies nothing: there is the fill value.
    pub fn perspective(&self, map: &[f32; 8], x: &[f32], y: &mut [f32]) {
        let AffineTransform { height, width, channels, fill_mode, fill_value, .. } = *self;
        assert_eq!(x.len(), height * width * channels);
        assert_eq!(y.len(), x.len());
        let [a0, a1, a2, b0, b1, b2, c0, c1] = *map;
        for (i, y) in y.chunks_exact_mut(channels).enumerate() {
            let (column, row) = ((i % width) as f32, (i / width) as f32);
            let divisor = c0 * column + c1 * row + 1.0;
            if divisor <= 0.0 {
                y.fill(fill_value);
                continue;
            }
            let from_column = fill_mode.map((a0 * column + a1 * row + a2) / divisor, width);
            let from_row = fill_mode.map((b0 * column + b1 * row + b2) / divisor, height);
            y.fill(0.0);
            self.for_taps_around(from_column, from_row, |pixel, weight| match pixel {
                Some(pixel) => {
                    y.iter_mut().zip(&x[pixel * channels..]).for_each(|(y, x)| *y += x * weight);
                }
                None => y.iter_mut().for_each(|y| *y += fill_value * weight),
            });
        }
    }
}
