#[cfg(feature = "system")]
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::{Error, Result};

/// Refuses to take `bytes` for `what` where so much isn't free: the system would end the program for it, without a word.
pub(crate) fn check(bytes: usize, what: impl FnOnce() -> String) -> Result<()> {
    /// What isn't worth asking the system.
    const LITTLE: usize = 64 << 20;
    if bytes <= LITTLE {
        return Ok(());
    }
    let (free, all) = (free(), total());
    if bytes <= free {
        return Ok(());
    }
    let gigabytes = |bytes: usize| bytes as f64 / 1e9;
    Err(Error::Model(format!(
        "{} takes {:.1} GB of memory, but {:.1} GB are free here (of {:.1} GB); choose a smaller batch size or image \
         size, or end other programs",
        what(),
        gigabytes(bytes),
        gigabytes(free),
        gigabytes(all)
    )))
}

/// Taken for the machine's memory where nobody says how much it is.
const WHERE_UNKNOWN: u64 = 4 << 30;

/// The memory in bytes that can still be taken, or what of it a container may use.
#[cfg(feature = "system")]
fn free() -> usize {
    let memory = MemoryRefreshKind::nothing().with_ram().with_swap();
    let Ok(system) = System::new_with_specifics(RefreshKind::nothing().with_memory(memory)) else {
        return total();
    };
    // What a container has taken also counts files that it has read, so that only its limit says something.
    let free = system.available_memory().saturating_add(system.free_swap());
    usize::try_from(free).unwrap_or(usize::MAX).min(total())
}

/// The machine's memory in bytes, or what of it a container may use.
#[cfg(feature = "system")]
pub(crate) fn total() -> usize {
    let kind = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let bytes = System::new_with_specifics(kind).map_or(WHERE_UNKNOWN, |system| {
        let limit = system.cgroup_limits().map(|limits| limits.total_memory).filter(|&limit| limit > 0);
        limit.unwrap_or(u64::MAX).min(system.total_memory())
    });
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Without knowing it, nothing is refused.
#[cfg(not(feature = "system"))]
fn free() -> usize {
    usize::MAX
}

/// A guess.
#[cfg(not(feature = "system"))]
pub(crate) fn total() -> usize {
    usize::try_from(WHERE_UNKNOWN).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_is_refused_with_the_numbers() {
        check(1 << 20, || unreachable!()).unwrap();
        for bytes in [2 * total(), usize::MAX] {
            let error = check(bytes, || "this".into()).unwrap_err().to_string();
            let needed = format!("this takes {:.1} GB", bytes as f64 / 1e9);
            assert!(error.contains(&needed) && error.contains("smaller batch size"), "{error}");
        }
        assert!((1..=total()).contains(&free()));
    }
}
