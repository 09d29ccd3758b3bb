//! Products of row-major matrices, by the `gemm` crate.

/// A matrix in a slice: the element of row `i` and column `j` is at `i * row_stride + j * column_stride`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of `row_stride` floats.
    pub(crate) fn rows(values: &'a [f32], row_stride: usize) -> Self {
        Matrix { values, row_stride, column_stride: 1 }
    }

    /// The same values with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        Matrix { row_stride: self.column_stride, column_stride: self.row_stride, ..self }
    }

    fn check(self, rows: usize, columns: usize) {
        assert!(self.values.len() >= needed(rows, columns, self.row_stride, self.column_stride));
    }
}

fn needed(rows: usize, columns: usize, row_stride: usize, column_stride: usize) -> usize {
    if rows == 0 || columns == 0 { 0 } else { (rows - 1) * row_stride + (columns - 1) * column_stride + 1 }
}

/// `c = a · b`, or `c += a · b` where `accumulate`; `a` is `[m, k]`, `b` is `[k, n]`, `c` is `[m, n]` with rows of
/// `c_stride` floats. On the calling thread.
pub(crate) fn multiply(
    [m, n, k]: [usize; 3],
    a: Matrix<'_>,
    b: Matrix<'_>,
    c: &mut [f32],
    c_stride: usize,
    accumulate: bool,
) {
    a.check(m, k);
    b.check(k, n);
    assert!(c.len() >= needed(m, n, c_stride, 1));
    assert!(m <= 1 || c_stride >= n, "rows of the result overlap");
    if m == 0 || n == 0 {
        return;
    }
    // SAFETY: the three matrices lie within their slices (checked above), and `c` is borrowed mutably, so it overlaps
    // neither `a` nor `b`. Strides are lengths within slices, so they fit into isize.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            c_stride as isize,
            accumulate,
            a.values.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_transposed_and_strided_matrices() {
        let a: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let b: Vec<f32> = (0..20).map(|i| (i * i % 7) as f32).collect();
        for accumulate in [false, true] {
            let mut c = vec![1.0; 3 * 6];
            multiply([3, 5, 4], Matrix::rows(&a, 4), Matrix::rows(&b, 5), &mut c, 6, accumulate);
            let mut d = vec![1.0; 3 * 6];
            let b_t: Vec<f32> = (0..20).map(|i| b[i % 4 * 5 + i / 4]).collect();
            multiply(
                [3, 5, 4],
                Matrix::rows(&a, 4),
                Matrix::rows(&b_t, 4).transposed(),
                &mut d,
                6,
                accumulate,
            );
            for i in 0..3 {
                for j in 0..5 {
                    let sum: f32 = (0..4).map(|k| a[i * 4 + k] * b[k * 5 + j]).sum();
                    let expected = sum + f32::from(u8::from(accumulate));
                    assert_eq!(c[i * 6 + j], expected);
                    assert_eq!(d[i * 6 + j], expected);
                }
                assert_eq!(c[i * 6 + 5], 1.0, "what lies between the rows is left alone");
            }
        }
    }
}
