/// The kernel of a convolution or of a dense layer.
#[derive(Clone, Copy, Debug)]
pub enum KernelWeights<'a> {
    /// In the layer's layout: each call packs it first.
    Plain(&'a [f32]),
    /// Packed by the layer's `pack`, by one of the same shape but for the batch: for kernels that don't change between
    /// calls.
    Packed(&'a [f32]),
}

impl<'a> KernelWeights<'a> {
    /// The kernel of a layer that never packs it.
    ///
    /// # Panics
    /// If it is packed.
    pub fn plain(self) -> &'a [f32] {
        match self {
            KernelWeights::Plain(kernel) => kernel,
            KernelWeights::Packed(_) => panic!("the kernel of a layer that packs none is packed"),
        }
    }

    /// The packed kernel. A plain one is packed into `room`.
    pub(crate) fn packed<'b>(self, room: &'b mut [f32], pack: impl FnOnce(&[f32], &mut [f32])) -> &'b [f32]
    where
        'a: 'b,
    {
        match self {
            KernelWeights::Plain(kernel) => {
                pack(kernel, room);
                room
            }
            KernelWeights::Packed(packed) => {
                assert_eq!(packed.len(), room.len(), "a kernel that another layer packed");
                packed
            }
        }
    }
}

impl<'a> From<&'a [f32]> for KernelWeights<'a> {
    fn from(kernel: &'a [f32]) -> Self {
        KernelWeights::Plain(kernel)
    }
}

impl<'a> From<&'a Vec<f32>> for KernelWeights<'a> {
    fn from(kernel: &'a Vec<f32>) -> Self {
        KernelWeights::Plain(kernel)
    }
}
