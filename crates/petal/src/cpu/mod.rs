//! Programs on the cores of this machine, by the kernels of `petal-kernels`.
//!
//! [`Cpu`] is the [`Engine`](crate::program::Engine) that models use unless they are told otherwise. A program is lowered to calls of kernels
//! (`lower`), what a CPU's caches profit from is fused (`passes/`), the gradients' calls are derived, every value gets
//! a place in one arena (`memory`), and the result runs (`runner`).

#[cfg(test)]
mod against_keras;
#[cfg_attr(not(feature = "system"), path = "heap_arena.rs")]
mod arena;
mod cost;
mod engine;
#[cfg(test)]
mod equivalence;
mod joined;
mod lower;
mod memory;
mod op;
mod ops;
mod packed;
mod passes;
mod plan;
mod runner;
mod timing;

pub use engine::Cpu;

use op::{Backward, Forward, Needs, Op, Operation, Param};
pub(crate) use passes::Passes;
pub(crate) use plan::Plan;
