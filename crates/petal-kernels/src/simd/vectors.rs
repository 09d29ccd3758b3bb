//! Which vectors kernels use.

use std::sync::OnceLock;

/// The variable that names other vectors than the best.
pub const VARIABLE: &str = "PETAL_SIMD";

/// Instructions for vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    /// None but those that the compiler finds: for any processor.
    Portable,
    /// AArch64's.
    Neon,
    /// x86-64's of 256 bits, with FMA.
    Avx2,
    /// x86-64's of 512 bits.
    Avx512,
    /// The same with products of bfloat16 numbers.
    Avx512Bf16,
}

impl Vectors {
    const ALL: [Vectors; 5] =
        [Vectors::Portable, Vectors::Neon, Vectors::Avx2, Vectors::Avx512, Vectors::Avx512Bf16];

    /// What all kernels of this process use: the best that the machine has, or what the environment variable
    /// `PETAL_SIMD` named when it was first asked for, for tests and comparisons.
    ///
    /// # Errors
    /// If `PETAL_SIMD` names none that the machine has: their names. Kernels then use the best.
    pub fn chosen() -> Result<Vectors, String> {
        static CHOSEN: OnceLock<Result<Vectors, String>> = OnceLock::new();
        CHOSEN.get_or_init(Vectors::choose).clone()
    }

    /// As in `PETAL_SIMD`: `portable`, `neon`, `avx2`, `avx512`, `avx512bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Vectors::Portable => "portable",
            Vectors::Neon => "neon",
            Vectors::Avx2 => "avx2",
            Vectors::Avx512 => "avx512",
            Vectors::Avx512Bf16 => "avx512bf16",
        }
    }

    fn choose() -> Result<Vectors, String> {
        let Some(asked) = std::env::var_os(VARIABLE) else { return Ok(Vectors::best()) };
        Vectors::here().find(|vectors| *vectors.name() == *asked).ok_or_else(|| {
            let names: Vec<_> = Vectors::here().map(Vectors::name).collect();
            format!("one of {}", names.join(", "))
        })
    }

    /// What kernels use.
    #[inline]
    pub(super) fn in_use() -> Vectors {
        static IN_USE: OnceLock<Vectors> = OnceLock::new();
        *IN_USE.get_or_init(|| Vectors::chosen().unwrap_or_else(|_| Vectors::best()))
    }

    /// Whether kernels multiply bytes by vectors of 512 bits with VNNI. Whole numbers are the same with all vectors.
    #[cfg(target_arch = "x86_64")]
    #[inline]
    pub(super) fn multiplies_bytes() -> bool {
        static MULTIPLIES: OnceLock<bool> = OnceLock::new();
        *MULTIPLIES.get_or_init(|| {
            matches!(Vectors::in_use(), Vectors::Avx512 | Vectors::Avx512Bf16)
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vnni")
        })
    }

    /// Those that this machine has, the best last.
    fn here() -> impl Iterator<Item = Vectors> {
        Vectors::ALL.into_iter().filter(|vectors| vectors.is_here())
    }

    fn best() -> Vectors {
        Vectors::here().last().unwrap_or(Vectors::Portable)
    }

    fn is_here(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        let [avx2, avx512, bf16] = {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = avx2 && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq");
            let bf16 = is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512bw");
            [avx2, avx512, avx512 && bf16]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let [avx2, avx512, bf16] = [false; 3];
        match self {
            Vectors::Portable => true,
            Vectors::Neon => cfg!(target_arch = "aarch64"),
            Vectors::Avx2 => avx2,
            Vectors::Avx512 => avx512,
            Vectors::Avx512Bf16 => bf16,
        }
    }
}
