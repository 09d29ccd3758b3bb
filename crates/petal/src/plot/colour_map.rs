//! From a number to a colour.

/// The colour of `value`, 0..=1, in matplotlib's `inferno`, from black over red to light yellow: its lightness rises
/// evenly, so it reads the same for the colour-blind and in print.
///
/// The polynomials are Zucker's (<https://www.shadertoy.com/view/WlfXRN>); they are off by 2 % at most.
pub(super) fn inferno(value: f32) -> [f32; 3] {
    const COEFFICIENTS: [[f32; 3]; 7] = [
        [0.0002, 0.0017, -0.0195],
        [0.1065, 0.5640, 3.9327],
        [11.6025, -3.9729, -15.9424],
        [-41.7040, 17.4364, 44.3541],
        [77.1629, -33.4024, -81.8073],
        [-71.3194, 32.6261, 73.2095],
        [25.1311, -12.2427, -23.0703],
    ];
    let value = value.clamp(0.0, 1.0);
    let horner = |c: usize| COEFFICIENTS.iter().rev().fold(0.0, |sum, row| sum * value + row[c]);
    [0, 1, 2].map(|c| horner(c).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Colours of matplotlib's table.
    #[test]
    fn the_colours_are_those_of_inferno() {
        for (value, colour) in [
            (0.0, [0.0015, 0.0005, 0.0139]),
            (0.25, [0.3415, 0.0625, 0.4294]),
            (0.5, [0.7357, 0.2159, 0.3302]),
            (0.75, [0.9786, 0.5579, 0.0349]),
            (1.0, [0.9884, 0.9984, 0.6449]),
        ] {
            for (found, expected) in inferno(value).into_iter().zip(colour) {
                assert!((found - expected).abs() < 0.03, "{value}: {found}, matplotlib {expected}");
            }
        }
        assert_eq!(inferno(f32::MAX), inferno(1.0));
        assert_eq!(inferno(-1.0), inferno(0.0));
    }

    #[test]
    fn more_is_lighter() {
        let lightness = |step: i32| {
            let [red, green, blue] = inferno(step as f32 / 50.0);
            0.2126 * red.powf(2.2) + 0.7152 * green.powf(2.2) + 0.0722 * blue.powf(2.2)
        };
        assert!((3..50).all(|step| lightness(step + 1) > lightness(step)));
    }
}
