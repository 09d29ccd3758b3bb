//! NumPy's legacy shuffle, which decides which files Keras puts on which side of a split.

/// The permutation that `numpy.random.RandomState(seed).shuffle` applies: item `i` of the shuffled list is item
/// `permutation[i]` of the list before.
///
/// MT19937 (Matsumoto and Nishimura 1998) seeded with a plain integer; Fisher–Yates from the end, each index drawn by
/// masking 32 random bits and rejecting what is too large.
pub(super) fn permutation(seed: u32, len: usize) -> Vec<usize> {
    let mut random = MersenneTwister::new(seed);
    let mut items: Vec<usize> = (0..len).collect();
    for i in (1..len).rev() {
        items.swap(i, random.up_to(i as u32) as usize);
    }
    items
}

const WORDS: usize = 624;
const MIDDLE: usize = 397;

struct MersenneTwister {
    state: [u32; WORDS],
    next: usize,
}

impl MersenneTwister {
    fn new(seed: u32) -> Self {
        let mut state = [seed; WORDS];
        for i in 1..WORDS {
            let before = state[i - 1];
            state[i] = (before ^ (before >> 30)).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        MersenneTwister { state, next: WORDS }
    }

    /// Uniform in `0..=max`.
    fn up_to(&mut self, max: u32) -> u32 {
        let mask = u32::MAX >> max.leading_zeros();
        loop {
            let draw = self.bits() & mask;
            if draw <= max {
                return draw;
            }
        }
    }

    fn bits(&mut self) -> u32 {
        if self.next == WORDS {
            self.twist();
        }
        let mut y = self.state[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    fn twist(&mut self) {
        for i in 0..WORDS {
            let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % WORDS] & 0x7fff_ffff);
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + MIDDLE) % WORDS] ^ (y >> 1) ^ odd;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_numpy() {
        // numpy.random.RandomState(123).shuffle(list(range(n)))
        assert_eq!(permutation(123, 10), [4, 0, 7, 5, 8, 3, 1, 6, 9, 2]);
        let long = permutation(123, 3670);
        assert_eq!(long[..8], [553, 1394, 3208, 3240, 1805, 1770, 3552, 2919]);
        assert_eq!(long[3662..], [2154, 3089, 1766, 1122, 1346, 3454, 3437, 3582]);
        assert_eq!(permutation(7, 1), [0]);
        assert!(permutation(7, 0).is_empty());
    }
}
