use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// What each coefficient of a block adds to the means that the block is cut into.
pub(super) struct Basis {
    /// How many, down and across.
    pub means: (usize, usize),
    /// For each coefficient, in the order of the file and counted in its steps, what it adds to each mean.
    pub waves: Vec<f32>,
}

/// Where the coefficients of a file belong in a block: along its diagonals, there and back.
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

impl Basis {
    pub fn new(means: (usize, usize), quantization: &[u8; 64]) -> Self {
        let [down, across] = [means.0, means.1].map(axis);
        let mut waves = Vec::with_capacity(64 * means.0 * means.1);
        for (&place, &step) in ZIGZAG.iter().zip(quantization) {
            let (v, u) = (usize::from(place / 8), usize::from(place % 8));
            for down in &down[v][..means.0] {
                for across in &across[u][..means.1] {
                    waves.push((f64::from(step) * down * across) as f32);
                }
            }
        }
        Basis { means, waves }
    }

    /// All means of a block of one level.
    pub fn mean(&self, dc: i32) -> f32 {
        dc as f32 * self.waves[0]
    }
}

/// For each of the eight waves along an axis, its means over the parts that the axis is cut into.
fn axis(parts: usize) -> [[f64; 8]; 8] {
    let wave = |frequency: usize, x: usize| {
        let height = if frequency == 0 { FRAC_1_SQRT_2 } else { 1.0 };
        height / 2.0 * ((2 * x + 1) as f64 * frequency as f64 * PI / 16.0).cos()
    };
    let length = 8 / parts;
    std::array::from_fn(|frequency| {
        std::array::from_fn(|part| {
            let pixels = part * length..(part + 1) * length;
            pixels.map(|x| wave(frequency, x)).sum::<f64>() / length as f64
        })
    })
}
