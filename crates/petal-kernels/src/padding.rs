//! Zeros around an image.

/// Rows and columns of zeros at each side of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the left.
    pub left: usize,
    /// Columns to the right.
    pub right: usize,
}

impl Padding {
    /// TensorFlow's `"same"` padding: the output is `ceil(input / strides)`; of an odd total the larger half goes to
    /// the bottom and right. `window` is `[height, width]` after dilation.
    ///
    /// ```
    /// # use petal_kernels::Padding;
    /// assert_eq!(Padding::same([4, 5], [3, 3], [2, 2]), Padding { top: 0, bottom: 1, left: 1, right: 1 });
    /// ```
    pub fn same(input: [usize; 2], window: [usize; 2], strides: [usize; 2]) -> Padding {
        let [rows, columns] = [0, 1].map(|i| {
            ((input[i].div_ceil(strides[i]).max(1) - 1) * strides[i] + window[i]).saturating_sub(input[i])
        });
        Padding { top: rows / 2, bottom: rows - rows / 2, left: columns / 2, right: columns - columns / 2 }
    }
}
