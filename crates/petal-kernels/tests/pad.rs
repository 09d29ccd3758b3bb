//! Padding and cropping, element by element, with sides of no pixels too.

mod reference;

use petal_kernels::{Crop2d, Pad2d, Padding};
use proptest::prelude::*;
use reference::{assert_same_bits_on_any_number_of_threads, unset, values};

/// For each element of the images of this size, the element of a rectangle in them at `at`, if it is inside.
fn inside(batch: usize, large: [usize; 3], small: [usize; 3], at: [usize; 2]) -> Vec<Option<usize>> {
    let [height, width, channels] = large;
    (0..batch * height * width * channels)
        .map(|i| {
            let (n, c) = (i / channels / width / height, i % channels);
            let row = (i / channels / width % height).checked_sub(at[0]).filter(|row| *row < small[0])?;
            let column = (i / channels % width).checked_sub(at[1]).filter(|column| *column < small[1])?;
            Some(((n * small[0] + row) * small[1] + column) * channels + c)
        })
        .collect()
}

/// Compares `embed`, which puts rectangles into images of zeros, and `cut`, which takes them out.
fn check(
    places: &[Option<usize>],
    small: usize,
    embed: impl Fn(&[f32], &mut [f32]),
    cut: impl Fn(&[f32], &mut [f32]),
) {
    let (x, large) = (values(small, 1), values(places.len(), 2));
    let (mut embedded, mut rectangle) = (unset(places.len()), unset(small));
    embed(&x, &mut embedded);
    cut(&large, &mut rectangle);
    let mut written = 0;
    for (i, place) in places.iter().enumerate() {
        assert_eq!(embedded[i], place.map_or(0.0, |place| x[place]), "{i}");
        if let Some(place) = *place {
            assert_eq!(rectangle[place], large[i], "{i}");
            written += 1;
        }
    }
    assert_eq!(written, small);
}

proptest! {
    #[test]
    fn images_are_padded_and_their_gradients_cut_out(
        (batch, channels) in (0usize..3, 1usize..5), (height, width) in (0usize..9, 0usize..9),
        (top, bottom, left, right) in (0usize..4, 0usize..4, 0usize..4, 0usize..4),
    ) {
        let input = [height, width, channels];
        let pad = Pad2d { batch, input, padding: Padding { top, bottom, left, right } };
        prop_assert_eq!(pad.output(), [height + top + bottom, width + left + right, channels]);
        let places = inside(batch, pad.output(), input, [top, left]);
        let small = batch * input.iter().product::<usize>();
        check(&places, small, |x, y| pad.forward(x, y), |dy, dx| pad.backward(dy, dx));
    }

    #[test]
    fn rectangles_are_cut_out_and_their_gradients_padded(
        (batch, channels) in (0usize..3, 1usize..5), (height, width) in (0usize..9, 0usize..9),
        (top, bottom, left, right) in (0usize..4, 0usize..4, 0usize..4, 0usize..4),
    ) {
        let input = [height + top + bottom, width + left + right, channels];
        let crop = Crop2d { batch, input, top, left, height, width };
        prop_assert_eq!(crop.output(), [height, width, channels]);
        let places = inside(batch, input, crop.output(), [top, left]);
        check(&places, batch * height * width * channels, |dy, dx| crop.backward(dy, dx), |x, y| crop.forward(x, y));
    }
}

#[test]
fn many_rows_are_the_same_bits_on_any_number_of_threads() {
    let padding = Padding { top: 1, bottom: 2, left: 3, right: 4 };
    let pad = Pad2d { batch: 3, input: [101, 97, 3], padding };
    let (x, large) = (values(3 * 101 * 97 * 3, 1), values(3 * pad.output().iter().product::<usize>(), 2));
    assert_same_bits_on_any_number_of_threads(|| {
        let (mut y, mut dx) = (unset(large.len()), unset(x.len()));
        pad.forward(&x, &mut y);
        pad.backward(&large, &mut dx);
        vec![y, dx]
    });
}
