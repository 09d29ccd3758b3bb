/// The bits of a scan, the first one on top. Copied to where they are read in a loop, so that they stay in registers.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    /// What isn't in `buffer` yet, but for a few bits at its end.
    rest: &'a [u8],
    buffer: u64,
    /// The bits of `buffer` that are counted, and those of them behind the data's end, which are 0.
    count: u32,
    behind: u32,
}

impl<'a> Bits<'a> {
    pub fn new(scan: &'a [u8]) -> Self {
        Bits { rest: scan, buffer: 0, count: 0, behind: 0 }
    }

    /// These bits alone, of a number that has as many.
    pub fn with(bits: usize, count: u32) -> Self {
        Bits { rest: &[], buffer: (bits as u64) << (64 - count), count, behind: 0 }
    }

    /// Sees to it that the buffer has at least 56 bits, and less than 64.
    #[inline(always)]
    pub fn refill(&mut self) {
        if let Some(next) = self.rest.first_chunk() {
            let next = u64::from_be_bytes(*next);
            if !has_byte_ff(next) {
                // Those that don't fit by whole bytes are the same when they come again.
                self.buffer |= next >> self.count;
                self.rest = &self.rest[((63 - self.count) >> 3) as usize..];
                self.count |= 56;
                return;
            }
        }
        *self = self.refilled_by_bytes();
    }

    #[cold]
    fn refilled_by_bytes(mut self) -> Self {
        while self.count < 56 {
            let byte = match *self.rest {
                [0xff, 0, ref rest @ ..] => {
                    self.rest = rest;
                    0xff
                }
                [0xff, ..] | [] => {
                    self.behind += 8;
                    0
                }
                [byte, ref rest @ ..] => {
                    self.rest = rest;
                    byte
                }
            };
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
        self
    }

    /// The next bits, which are at most those of a refill.
    #[inline(always)]
    pub fn peek(&self, count: u32) -> usize {
        (self.buffer >> (64 - count)) as usize
    }

    /// Goes on behind as many bits, which were refilled before.
    #[inline(always)]
    pub fn skip(&mut self, count: u32) {
        self.buffer <<= count;
        self.count -= count;
    }

    /// A number of this many bits, of which those that begin with 0 are negative.
    #[inline(always)]
    pub fn signed(&mut self, size: u32) -> i32 {
        if size == 0 {
            return 0;
        }
        let value = self.peek(size) as i32;
        self.skip(size);
        if value >> (size - 1) == 0 { value - (1 << size) + 1 } else { value }
    }

    /// `None` if more was read than there is.
    pub fn check(&self) -> Option<()> {
        (self.count >= self.behind).then_some(())
    }

    /// Goes on behind the next marker, which has to be a restart.
    pub fn restart(&mut self) -> Option<()> {
        let [0xff, 0xd0..=0xd7, rest @ ..] = self.marker()? else { return None };
        *self = Bits::new(rest);
        Some(())
    }

    /// `None` unless the image ends here.
    pub fn finish(mut self) -> Option<()> {
        matches!(self.marker()?, [0xff, 0xd9, ..]).then_some(())
    }

    /// What follows the data: `None` unless less than a byte of it is left.
    fn marker(&mut self) -> Option<&'a [u8]> {
        *self = self.refilled_by_bytes();
        (self.count >= self.behind && self.count - self.behind < 8).then_some(self.rest)
    }
}

fn has_byte_ff(bytes: u64) -> bool {
    let inverse = !bytes;
    inverse.wrapping_sub(0x0101_0101_0101_0101) & bytes & 0x8080_8080_8080_8080 != 0
}
