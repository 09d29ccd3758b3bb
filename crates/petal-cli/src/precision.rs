//! Which numbers are multiplied.

use petal::cpu::Cpu;
use petal::program::DTypePolicy;

use crate::terminal::warn;

/// Says so where a policy that is there for speed gives none.
pub fn say_if_slow(policy: DTypePolicy) {
    if policy == DTypePolicy::MixedBfloat16 && !Cpu::multiplies_bfloat16() {
        warn(
            "this processor has no instructions for bfloat16 (AVX512-BF16): mixed_bfloat16 gives the same results as \
             where they are, but is slower than float32",
        );
    }
}
