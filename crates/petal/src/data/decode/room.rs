//! Memory for photos in their original size, shared by all threads.

use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

use crate::memory;

/// The most bytes that a photo's file may have.
pub(in crate::data) const MAX_FILE: usize = 500_000_000;
/// The most bytes that a photo may take while it is decoded.
pub(super) const MAX_DECODED: usize = 1_000_000_000;

/// Files that are being read.
pub(in crate::data) static FILES: Rooms = Rooms::new(MAX_FILE);
/// Pictures that are being decoded. Whoever waits for them may have a room among the files, but never the other way
/// round, so that nobody waits for ever.
pub(super) static PICTURES: Rooms = Rooms::new(MAX_DECODED);

/// Memory that is handed out up to a bound: an eighth of the machine's, or what the largest photo takes if that is more.
pub(in crate::data) struct Rooms {
    largest: usize,
    bound: OnceLock<usize>,
    used: Mutex<usize>,
    freed: Condvar,
}

impl Rooms {
    const fn new(largest: usize) -> Self {
        Rooms { largest, bound: OnceLock::new(), used: Mutex::new(0), freed: Condvar::new() }
    }

    /// Waits until there is room for `bytes` more.
    pub fn take(&'static self, bytes: usize) -> Room {
        let bound = *self.bound.get_or_init(|| self.largest.max(memory::total() / 8));
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |used: &mut usize| *used > 0 && used.saturating_add(bytes) > bound;
        let mut used = self.freed.wait_while(used, full).unwrap_or_else(PoisonError::into_inner);
        *used += bytes;
        Room { rooms: self, bytes }
    }
}

/// A part of the memory, given back when it is dropped.
pub(in crate::data) struct Room {
    rooms: &'static Rooms,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        *self.rooms.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.rooms.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn many_threads_stay_below_the_bound_and_all_come_through() {
        static ROOMS: Rooms = Rooms::new(10);
        ROOMS.bound.set(10).unwrap();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for i in 0..24 {
                let (now, most) = (&now, &most);
                scope.spawn(move || {
                    let bytes = 1 + i % 10;
                    let _room = ROOMS.take(bytes);
                    most.fetch_max(now.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(1));
                    now.fetch_sub(bytes, Ordering::SeqCst);
                });
            }
        });
        assert!((6..=10).contains(&most.into_inner()), "24 threads took more than there is");
        // One that is larger than the bound comes through alone.
        assert_eq!(ROOMS.take(1000).bytes, 1000);
    }
}
