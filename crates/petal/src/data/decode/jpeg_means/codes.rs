use super::bits::Bits;

/// The bits by which codes are looked up; longer ones are rare.
pub(super) const LOOKUP: u32 = 12;

/// The codes of a table.
pub(super) struct Codes {
    /// By the next bits: the symbol and its code's length, which is 0 for a longer code and for none.
    pub short: Vec<(u8, u8)>,
    /// For each length the first code behind its own, on top of 16 bits, and where its symbols end in `symbols`.
    ends: [(u32, usize); 17],
    symbols: Vec<u8>,
}

impl Codes {
    /// Of a table as the file has it: the number of codes of each length, and their symbols. `None` if there are more
    /// codes than a length has.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut short = vec![(0, 0); 1 << LOOKUP];
        let mut ends = [(0, 0); 17];
        let (mut code, mut at) = (0u32, 0);
        for (length, &count) in (1u32..).zip(counts) {
            let width = 1 << (16 - length);
            for &symbol in symbols.get(at..at + usize::from(count))? {
                if code + width > 1 << 16 {
                    return None;
                }
                if length <= LOOKUP {
                    let shift = 16 - LOOKUP;
                    short[(code >> shift) as usize..((code + width) >> shift) as usize]
                        .fill((symbol, length as u8));
                }
                code += width;
            }
            at += usize::from(count);
            ends[length as usize] = (code, at);
        }
        Some(Codes { short, ends, symbols: symbols.to_vec() })
    }

    /// The next symbol; after it there are 40 bits left of a refill.
    #[inline(always)]
    pub fn symbol(&self, bits: &mut Bits) -> Option<u8> {
        let (mut symbol, mut length) = self.short[bits.peek(LOOKUP)];
        if length == 0 {
            (symbol, length) = self.long_symbol(bits.peek(16) as u32)?;
        }
        bits.skip(length.into());
        Some(symbol)
    }

    #[cold]
    fn long_symbol(&self, code: u32) -> Option<(u8, u8)> {
        let length = (LOOKUP + 1..=16).find(|&length| code < self.ends[length as usize].0)?;
        let (end, at) = self.ends[length as usize];
        self.symbols
            .get(at - 1 - ((end - 1 - code) >> (16 - length)) as usize)
            .map(|&symbol| (symbol, length as u8))
    }

    /// How much a block's first coefficient is more than that of the block before.
    #[inline(always)]
    pub fn read_difference(&self, bits: &mut Bits) -> Option<i32> {
        bits.refill();
        let size = self.symbol(bits).filter(|&size| size <= 11)?;
        Some(bits.signed(size.into()))
    }

    /// Reads the rest of a block, and gives the number and value of each coefficient that isn't 0.
    #[inline(always)]
    pub fn read_block(&self, bits: &mut Bits, mut coefficient: impl FnMut(usize, i32)) -> Option<()> {
        let mut k = 1;
        while k < 64 {
            bits.refill();
            let Some(zeros) = Zeros::of(self.symbol(bits)?)? else { return Some(()) };
            k += zeros.before;
            if k > 63 {
                return None;
            }
            if zeros.size > 0 {
                coefficient(k, bits.signed(zeros.size));
            }
            k += 1;
        }
        Some(())
    }
}

/// What a symbol says: zeros, and after them a value of as many bits.
pub(super) struct Zeros {
    pub before: usize,
    pub size: u32,
}

impl Zeros {
    /// `Some(None)` for the end of a block, `None` for what no baseline JPEG has.
    #[inline(always)]
    pub fn of(symbol: u8) -> Option<Option<Self>> {
        let zeros = Zeros { before: usize::from(symbol >> 4), size: u32::from(symbol & 15) };
        match symbol {
            0 => Some(None),
            // Sixteen zeros.
            0xf0 => Some(Some(zeros)),
            _ if (1..=10).contains(&zeros.size) => Some(Some(zeros)),
            _ => None,
        }
    }
}
