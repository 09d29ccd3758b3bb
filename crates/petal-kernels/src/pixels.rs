use crate::simd::Simd;

/// The values of images, as numbers or as bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pixels<'a> {
    /// Any numbers.
    Floats(&'a [f32]),
    /// Whole numbers of 0..=255.
    Bytes(&'a [u8]),
}

impl Pixels<'_> {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Pixels::Floats(values) => values.len(),
            Pixels::Bytes(values) => values.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> From<&'a [f32]> for Pixels<'a> {
    fn from(values: &'a [f32]) -> Self {
        Pixels::Floats(values)
    }
}

impl<'a> From<&'a Vec<f32>> for Pixels<'a> {
    fn from(values: &'a Vec<f32>) -> Self {
        Pixels::Floats(values)
    }
}

impl<'a> From<&'a [u8]> for Pixels<'a> {
    fn from(values: &'a [u8]) -> Self {
        Pixels::Bytes(values)
    }
}

/// A value of an image.
pub(crate) trait Value: Copy + Into<f32> + Send + Sync {
    /// # Safety
    /// As of [`Simd::load`].
    unsafe fn load<S: Simd>(from: *const Self) -> S::V;
}

impl Value for f32 {
    #[inline(always)]
    unsafe fn load<S: Simd>(from: *const f32) -> S::V {
        // SAFETY: the caller's promise.
        unsafe { S::load(from) }
    }
}

impl Value for u8 {
    #[inline(always)]
    unsafe fn load<S: Simd>(from: *const u8) -> S::V {
        // SAFETY: the caller's promise.
        unsafe { S::load_bytes(from) }
    }
}
