use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which numbers a model computes with, as Keras' policies of these names.
///
/// Weights, what the optimizer keeps, normalization, losses and sums are of 32 bits in either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DTypePolicy {
    /// 32 bits.
    #[default]
    Float32,
    /// The factors of products are rounded to bfloat16, which has the range of 32 bits and the precision of 8: those of
    /// dense layers and of 1×1 convolutions with stride 1, and what Winograd's transforms make of 3×3 ones over many
    /// channels, but for their kernels' gradients. Processors that multiply such numbers (AVX512-BF16: AMD's since Zen 4,
    /// Intel's Cooper Lake and Xeons since Sapphire Rapids) do so in half the time; others compute the same numbers and
    /// are slower than with 32 bits: [`Cpu::multiplies_bfloat16`](crate::cpu::Cpu::multiplies_bfloat16) says which.
    ///
    /// Unlike in Keras, what lies between layers keeps its 32 bits, so that less is lost.
    MixedBfloat16,
}

impl DTypePolicy {
    /// All there are.
    pub const ALL: [DTypePolicy; 2] = [DTypePolicy::Float32, DTypePolicy::MixedBfloat16];

    /// Keras' name.
    pub fn name(self) -> &'static str {
        match self {
            DTypePolicy::Float32 => "float32",
            DTypePolicy::MixedBfloat16 => "mixed_bfloat16",
        }
    }

    pub(crate) fn is_float32(&self) -> bool {
        *self == DTypePolicy::Float32
    }
}

impl Display for DTypePolicy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DTypePolicy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = DTypePolicy::ALL.into_iter().find(|policy| policy.name() == name);
        found.ok_or_else(|| match name {
            "mixed_float16" => {
                "float16 has too small a range to train without scaling the loss; expected mixed_bfloat16 or float32"
                    .into()
            }
            _ => format!("'{name}' is no dtype policy; expected float32 or mixed_bfloat16"),
        })
    }
}
