//! gzip's stream as `gzip -d` reads it: several members one after the other, and zeros at the end, which fill a tape's
//! last block.

use std::io::{self, BufRead, Read};
use std::mem::replace;

use flate2::bufread::GzDecoder;

/// Decompresses all members; the checksum of each is compared when its end is read.
pub(super) struct Gzip<R>(State<R>);

enum State<R> {
    Member(GzDecoder<R>),
    Ended,
}

impl<R: BufRead> Gzip<R> {
    pub fn new(compressed: R) -> Gzip<R> {
        Gzip(State::Member(GzDecoder::new(compressed)))
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let State::Member(member) = &mut self.0 {
            let n = member.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let State::Member(member) = replace(&mut self.0, State::Ended) else { break };
            let (mut rest, mut padded) = (member.into_inner(), false);
            let next = loop {
                let buffered = rest.fill_buf()?;
                let zeros = buffered.iter().take_while(|&&byte| byte == 0).count();
                match buffered.get(zeros) {
                    Some(&byte) => break Some(byte),
                    None if zeros == 0 => break None,
                    None => (),
                }
                padded = true;
                rest.consume(zeros);
            };
            match next {
                None => (),
                Some(0x1f) if !padded => self.0 = State::Member(GzDecoder::new(rest)),
                Some(_) => return Err(io::Error::other("there is something else behind its end")),
            }
        }
        Ok(0)
    }
}
