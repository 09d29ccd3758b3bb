//! Speed of the kernels at the shapes of the lecture's CNN and of MobileNetV2, 180×180 photos, batches of 32.
//!
//! ```sh
//! cargo bench -p petal-kernels                      # all
//! cargo bench -p petal-kernels -- depthwise         # what has "depthwise" in its name
//! RAYON_NUM_THREADS=1 cargo bench -p petal-kernels  # one core
//! ```
//!
//! An item is a floating point operation (a multiply-add is two), so Gitem/s are GFLOPS; `sgemm` is what the machine
//! can do. Kernels that memory bounds count bytes read and written. On a machine with other work look at the fastest.

mod convolution;
mod inverted_residual;
mod memory;
mod quantized;
mod warp;

use divan::Bencher;
use divan::counter::ItemsCount;
use rayon::prelude::*;

/// Images of a batch.
const BATCH: usize = 32;

fn main() {
    divan::main();
}

/// The yardstick: a large square matrix product by the `gemm` crate, an equal share of the rows on each core.
#[divan::bench(max_time = 0.5, sample_size = 1)]
fn sgemm(bencher: Bencher) {
    const N: usize = 1536;
    let (a, b, mut c) = (values(N * N), values(N * N), values(N * N));
    bencher.counter(ItemsCount::new(2 * N * N * N)).bench_local(|| {
        let rows = N.div_ceil(rayon::current_num_threads());
        c.par_chunks_mut(rows * N).zip(a.par_chunks(rows * N)).for_each(|(c, a)| {
            let (m, n) = (c.len() / N, N as isize);
            let (c, a, b) = (c.as_mut_ptr(), a.as_ptr(), b.as_ptr());
            let serial = gemm::Parallelism::None;
            // SAFETY: a and c have m rows of N elements, b has N.
            unsafe {
                gemm::gemm(m, N, N, c, 1, n, false, a, 1, n, b, 1, n, 0.0, 1.0, false, false, false, serial);
            }
        });
    });
}

/// Deterministic values in [-1, 1).
fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i as u32).wrapping_mul(2_654_435_761) as f32 / (1u32 << 31) as f32 - 1.0).collect()
}
