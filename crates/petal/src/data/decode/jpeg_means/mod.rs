//! Common JPEGs at 1/2, 1/4 or 1/8 of their size, each pixel the mean of those it stands for.
//!
//! A mean is a sum over the coefficients of a block, most of which are 0, so no block is ever transformed to pixels, and
//! where it is a whole block's mean its other coefficients are skipped several at a time. What remains is reading
//! the bits. No crate offers this; one that transforms smaller blocks takes three times as long.
//!
//! Common are baseline JPEGs in gray or YCbCr, in one scan, without a fault. All others are left to the decoder
//! of whole pictures, which knows what is wrong with them.

mod basis;
mod bits;
mod codes;
mod header;
mod skips;

use basis::Basis;
use bits::Bits;
use codes::Codes;
use header::{Component, Header};
use skips::Skips;

use super::picture::Picture;

/// Writes the means of `scale` × `scale` pixels of the JPEG `bytes`, whose height and width are `size`, into `picture`,
/// which has one channel, for brightness alone, or three. `None` if it isn't a common one; the picture is then half done.
pub(super) fn decode(bytes: &[u8], size: (usize, usize), scale: usize, picture: &mut Picture) -> Option<()> {
    let (header, scan) = Header::read(bytes)?;
    if header.size != size || picture.channels > header.components.len() {
        return None;
    }
    let planes = header.components.iter().map(|component| Plane::new(component, &header, scale));
    let mut planes = planes.collect::<Option<Vec<_>>>()?;
    let units = |side: usize, sampling: usize| side.div_ceil(8 * sampling);
    let rows = 8 / scale * header.sampling.0;
    let mut bits = Bits::new(scan);
    let mut until_restart = header.restart_interval;
    for row in 0..units(size.0, header.sampling.0) {
        for column in 0..units(size.1, header.sampling.1) {
            if header.restart_interval > 0 {
                if until_restart == 0 {
                    bits.restart()?;
                    planes.iter_mut().for_each(|plane| plane.dc = 0);
                    until_restart = header.restart_interval;
                }
                until_restart -= 1;
            }
            planes.iter_mut().try_for_each(|plane| plane.read_unit(&mut bits, column))?;
        }
        bits.check()?;
        paint(&planes, row * rows, rows, picture);
    }
    bits.finish()
}

/// A component's means in one row of units (MCUs).
struct Plane<'a> {
    /// Its blocks in a unit, down and across.
    sampling: (usize, usize),
    basis: Basis,
    codes: [&'a Codes; 2],
    /// Where a block has one mean.
    skips: Option<Skips<'a>>,
    /// The last block's first coefficient, from which the next is told.
    dc: i32,
    width: usize,
    values: Vec<f32>,
}

impl<'a> Plane<'a> {
    fn new(component: &Component, header: &'a Header, scale: usize) -> Option<Self> {
        // Of a component with fewer samples than the picture has pixels, each block has more means.
        let means = |most: usize, own: usize| {
            let means = 8 / scale * most / own;
            (most.is_multiple_of(own) && means <= 8).then_some(means)
        };
        let (most, sampling) = (header.sampling, component.sampling);
        let means = (means(most.0, sampling.0)?, means(most.1, sampling.1)?);
        let width = header.size.1.div_ceil(8 * most.1) * sampling.1 * means.1;
        let codes = |class: usize| header.codes[class].get(component.codes[class])?.as_ref();
        let codes = [codes(0)?, codes(1)?];
        Some(Plane {
            sampling,
            basis: Basis::new(means, header.quantizations[component.quantization].as_ref()?),
            codes,
            skips: (means == (1, 1)).then(|| Skips::new(codes)),
            dc: 0,
            width,
            values: vec![0.0; width * sampling.0 * means.0],
        })
    }

    /// Reads the component's blocks in the unit at `column`.
    #[inline(always)]
    fn read_unit(&mut self, bits: &mut Bits, column: usize) -> Option<()> {
        let (down, across) = self.sampling;
        for y in 0..down {
            for x in 0..across {
                let at = y * self.basis.means.0 * self.width + (column * across + x) * self.basis.means.1;
                match self.basis.means {
                    (1, 1) => self.read_mean(bits, at)?,
                    (1, 2) => self.read_block::<1, 2>(bits, at)?,
                    (2, 1) => self.read_block::<2, 1>(bits, at)?,
                    (2, 2) => self.read_block::<2, 2>(bits, at)?,
                    (2, 4) => self.read_block::<2, 4>(bits, at)?,
                    (4, 2) => self.read_block::<4, 2>(bits, at)?,
                    (4, 4) => self.read_block::<4, 4>(bits, at)?,
                    (4, 8) => self.read_block::<4, 8>(bits, at)?,
                    (8, 4) => self.read_block::<8, 4>(bits, at)?,
                    (8, 8) => self.read_block::<8, 8>(bits, at)?,
                    _ => return None,
                }
            }
        }
        Some(())
    }

    #[inline(always)]
    fn read_mean(&mut self, bits: &mut Bits, at: usize) -> Option<()> {
        let mut own = *bits;
        self.dc = self.dc.wrapping_add(self.skips.as_ref()?.read_difference(&mut own)?);
        *bits = own;
        self.values[at] = self.basis.mean(self.dc);
        Some(())
    }

    fn read_block<const DOWN: usize, const ACROSS: usize>(
        &mut self,
        bits: &mut Bits,
        at: usize,
    ) -> Option<()> {
        let mut own = *bits;
        self.dc = self.dc.wrapping_add(self.codes[0].read_difference(&mut own)?);
        let mut means = [[self.basis.mean(self.dc); ACROSS]; DOWN];
        let waves = self.basis.waves.as_chunks::<ACROSS>().0.as_chunks::<DOWN>().0;
        self.codes[1].read_block(&mut own, |k, value| {
            for (means, wave) in means.as_flattened_mut().iter_mut().zip(waves[k].as_flattened()) {
                *means += value as f32 * wave;
            }
        })?;
        *bits = own;
        for (row, means) in self.values[at..].chunks_mut(self.width).zip(&means) {
            *row.first_chunk_mut()? = *means;
        }
        Some(())
    }
}

/// Writes rows of means, as far as the picture goes, as gray or, by JFIF's rule, as RGB.
fn paint(planes: &[Plane], from: usize, rows: usize, picture: &mut Picture) {
    let line = picture.width * picture.channels;
    let lines = picture.pixels.chunks_exact_mut(line).skip(from).take(rows);
    for (row, out) in lines.enumerate() {
        let values = |plane: &'_ Plane| row * plane.width..row * plane.width + picture.width;
        // The casts saturate, so half more rounds and clamps.
        match planes {
            [y, blue, red] if picture.channels == 3 => {
                let [y, blue, red] = [y, blue, red].map(|plane| &plane.values[values(plane)]);
                for (((out, y), blue), red) in out.as_chunks_mut::<3>().0.iter_mut().zip(y).zip(blue).zip(red)
                {
                    let y = y + 128.5;
                    *out = [y + 1.402 * red, y - 0.344_136 * blue - 0.714_136 * red, y + 1.772 * blue]
                        .map(|value| value as u8);
                }
            }
            _ => out
                .iter_mut()
                .zip(&planes[0].values[values(&planes[0])])
                .for_each(|(out, y)| *out = (y + 128.5) as u8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ColorMode;
    use super::*;

    #[test]
    fn common_jpegs_are_taken_and_all_others_left() {
        let read = |name: &str| {
            std::fs::read(format!("{}/tests/fixtures/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
        };
        let is_taken = |bytes: &[u8]| {
            let mut picture = Picture::default();
            picture.reshape((3, 5), 1, ColorMode::Grayscale, 0).unwrap();
            decode(bytes, (24, 33), 8, &mut picture).is_some()
        };
        for file in ["rgb.jpg", "rgb_422.jpg", "rgb_444.jpg", "gray.jpg", "restarts.jpg", "trailing.jpg"] {
            assert!(is_taken(&read(file)), "{file}");
        }
        for file in ["progressive.jpg", "cmyk.jpg", "ycck.jpg", "rgba.png"] {
            assert!(!is_taken(&read(file)), "{file}");
        }
        let bytes = read("restarts.jpg");
        for end in 0..bytes.len() - 1 {
            assert!(!is_taken(&bytes[..end]), "cut off at {end}");
        }
    }
}
