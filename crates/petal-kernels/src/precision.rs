/// What numbers products multiply. Sums are always of `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// As they are.
    #[default]
    Float32,
    /// Rounded to bfloat16, the upper half of an `f32`: 8 bits of precision and the same range. Processors with
    /// AVX512-BF16 multiply two pairs of these at once; on others the results are the same bits, but for numbers below
    /// 1e-37, which may count as zero.
    Bfloat16,
}

impl Precision {
    /// `f32` that so many terms of a sum take: a pair of bfloat16 numbers is as long as one.
    pub(crate) fn slots(self, terms: usize) -> usize {
        match self {
            Precision::Float32 => terms,
            Precision::Bfloat16 => terms.div_ceil(2),
        }
    }
}
