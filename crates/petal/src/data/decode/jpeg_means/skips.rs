use super::bits::Bits;
use super::codes::{Codes, LOOKUP, Zeros};

/// How blocks are read of which nothing but the first coefficient is wanted.
pub(super) struct Skips<'a> {
    codes: [&'a Codes; 2],
    /// By the next bits, what they begin a block with.
    starts: Vec<Start>,
    /// By the next bits, the whole symbols in them.
    runs: Vec<Run>,
}

/// The difference that a block begins with, where it is whole, and the symbols behind it.
#[derive(Clone, Copy, Default)]
struct Start {
    difference: i16,
    /// 0 where the difference isn't whole.
    bits: u8,
    run: Run,
}

/// Symbols with the values that belong to them.
#[derive(Clone, Copy, Default)]
struct Run {
    /// 0 where not even one symbol is whole.
    bits: u8,
    coefficients: u8,
    /// Whether the last one ends the block.
    ends: bool,
}

impl<'a> Skips<'a> {
    pub fn new(codes: [&'a Codes; 2]) -> Self {
        let all = 0..1 << LOOKUP;
        Skips {
            codes,
            starts: all.clone().map(|next| Start::of(next, codes)).collect(),
            runs: all.map(|next| Run::of(next, LOOKUP, codes[1])).collect(),
        }
    }

    /// Reads how much a block's first coefficient is more than that of the block before, and goes on behind the block.
    #[inline(always)]
    pub fn read_difference(&self, bits: &mut Bits) -> Option<i32> {
        bits.refill();
        let start = self.starts[bits.peek(LOOKUP)];
        let (difference, mut k) = if start.bits > 0 {
            bits.skip(u32::from(start.bits));
            if start.run.ends {
                return Some(start.difference.into());
            }
            (start.difference.into(), 1 + usize::from(start.run.coefficients))
        } else {
            (self.codes[0].read_difference(bits)?, 1)
        };
        while k < 64 {
            bits.refill();
            let run = self.runs[bits.peek(LOOKUP)];
            let next = k + usize::from(run.coefficients);
            // What follows the block's last coefficient is of the next block.
            if run.bits > 0 && (next < 64 || (next == 64 && !run.ends)) {
                bits.skip(run.bits.into());
                if run.ends {
                    break;
                }
                k = next;
                continue;
            }
            let Some(zeros) = Zeros::of(self.codes[1].symbol(bits)?)? else { break };
            bits.skip(zeros.size);
            k += zeros.before + 1;
            if k > 64 {
                return None;
            }
        }
        Some(difference)
    }
}

impl Start {
    /// What a block begins with in `next`, `LOOKUP` bits.
    fn of(next: usize, codes: [&Codes; 2]) -> Start {
        let mut bits = Bits::with(next, LOOKUP);
        let (size, length) = codes[0].short[next];
        let used = u32::from(length) + u32::from(size);
        if length == 0 || size > 11 || used > LOOKUP {
            return Start::default();
        }
        bits.skip(length.into());
        let difference = bits.signed(size.into()) as i16;
        let left = LOOKUP - used;
        let run = Run::of(next & ((1 << left) - 1), left, codes[1]);
        // Behind the last of 63 coefficients comes the next block.
        let run = if run.coefficients < 63 { run } else { Run::default() };
        Start { difference, bits: used as u8 + run.bits, run }
    }
}

impl Run {
    /// The symbols in `next`, which is `known` bits.
    fn of(next: usize, mut known: u32, codes: &Codes) -> Run {
        let mut run = Run::default();
        while known > 0 {
            let (symbol, length) = codes.short[(next << (LOOKUP - known)) & ((1 << LOOKUP) - 1)];
            if length == 0 || u32::from(length) > known {
                break;
            }
            let Some(symbol) = Zeros::of(symbol) else { break };
            let Some(zeros) = symbol else { return Run { bits: run.bits + length, ends: true, ..run } };
            let coefficients = run.coefficients + zeros.before as u8 + 1;
            if coefficients > 63 {
                break;
            }
            // The bits of the last value need not be known.
            let used = length + zeros.size as u8;
            run = Run { bits: run.bits + used, coefficients, ends: false };
            known = known.saturating_sub(used.into());
        }
        run
    }
}
