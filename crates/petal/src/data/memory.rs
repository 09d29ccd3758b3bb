use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// The machine's memory in bytes, or what of it a container may use.
pub(crate) fn total() -> usize {
    const WHERE_UNKNOWN: u64 = 4 << 30;
    let kind = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let bytes = System::new_with_specifics(kind).map_or(WHERE_UNKNOWN, |system| {
        let limit = system.cgroup_limits().map(|limits| limits.total_memory).filter(|&limit| limit > 0);
        limit.unwrap_or(u64::MAX).min(system.total_memory())
    });
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
