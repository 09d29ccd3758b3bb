//! Single images whose channels are convolved with one small kernel, and images with evenly spread values: what
//! augmentations do.
//!
//! Strategy: serial; who has many images takes one a task.

/// Convolves each channel of an image `[height, width, channels]` with a kernel of this size, row by row, with zeros around
/// the image, and clips to `range`. In a kernel of even size the middle is the cell before.
pub fn filter_image(
    [height, width, channels]: [usize; 3],
    size: [usize; 2],
    kernel: &[f32],
    range: [f32; 2],
    x: &[f32],
    y: &mut [f32],
) {
    assert_eq!(x.len(), height * width * channels);
    assert_eq!((y.len(), kernel.len()), (x.len(), size[0] * size[1]));
    let row_length = width * channels;
    if row_length == 0 {
        return;
    }
    let [above, left] = size.map(|size| (size - 1) / 2);
    for (row, y) in y.chunks_exact_mut(row_length).enumerate() {
        y.fill(0.0);
        for (i, weights) in kernel.chunks_exact(size[1]).enumerate() {
            let Some(from) = (row + i).checked_sub(above).filter(|from| *from < height) else { continue };
            let x = &x[from * row_length..][..row_length];
            for (j, weight) in weights.iter().enumerate() {
                // The row moved by `j - left` pixels.
                let (skip_x, skip_y) = (j.saturating_sub(left), left.saturating_sub(j));
                let (skip_x, skip_y) = (skip_x.min(width) * channels, skip_y.min(width) * channels);
                y[skip_y..].iter_mut().zip(&x[skip_x..]).for_each(|(y, x)| *y += weight * x);
            }
        }
        y.iter_mut().for_each(|y| *y = y.max(range[0]).min(range[1]));
    }
}

/// Spreads the values of each channel of an image `[pixels, channels]` evenly over `range`, cut into this many bins; a
/// channel of one bin stays as it is (Keras' Equalization).
pub fn equalize_image(channels: usize, bins: usize, range: [f32; 2], x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len());
    let to_bytes = |x: f32| match range {
        [0.0, 255.0] => x,
        [low, high] => {
            let scale = 255.0 / (high - low);
            x * scale + (0.0 - low * scale)
        }
    };
    let last = (bins.max(1) - 1) as f32;
    let mut histogram = vec![0usize; bins.max(1)];
    for channel in 0..channels {
        let values = || x.iter().skip(channel).step_by(channels).map(|&x| to_bytes(x));
        histogram.fill(0);
        // Casts cut off the fraction and stay within the bins.
        values().for_each(|x| histogram[(x * last / 255.0).min(last) as usize] += 1);
        let is_flat = histogram.iter().filter(|&&count| count > 0).count() <= 1;
        let mut sum = 0;
        let first = histogram.iter().copied().find(|&count| count > 0).unwrap_or(0);
        let all = values().count();
        let table: Vec<f32> = histogram
            .iter()
            .map(|count| {
                sum += count;
                let share = (sum.saturating_sub(first) * 255) as f64 / (all - first).max(1) as f64;
                share.round_ties_even().min(255.0) as f32
            })
            .collect();
        let from_bytes = |y: f32| match range {
            [0.0, 255.0] => y,
            [low, high] => y * ((high - low) / 255.0) + low,
        };
        for (y, x) in
            y.iter_mut().skip(channel).step_by(channels).zip(x.iter().skip(channel).step_by(channels))
        {
            *y = match is_flat {
                true => *x,
                false => from_bytes(table[(to_bytes(*x) / 255.0 * last).clamp(0.0, last) as usize]),
            };
        }
    }
}
