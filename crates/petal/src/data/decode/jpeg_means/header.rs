use super::codes::Codes;

/// What comes before the data of a common JPEG.
#[derive(Default)]
pub(super) struct Header {
    /// Height and width.
    pub size: (usize, usize),
    /// The most blocks that a component has in a unit, down and across.
    pub sampling: (usize, usize),
    pub components: Vec<Component>,
    /// Units between two restarts; 0 for none.
    pub restart_interval: usize,
    pub quantizations: [Option<[u8; 64]>; 4],
    /// Of the first coefficients, and of the others.
    pub codes: [[Option<Codes>; 4]; 2],
}

#[derive(Default)]
pub(super) struct Component {
    name: u8,
    /// Its blocks in a unit, down and across.
    pub sampling: (usize, usize),
    pub quantization: usize,
    /// The tables of its codes.
    pub codes: [usize; 2],
}

impl Header {
    /// The header of a JPEG and what follows it. `None` if it isn't a common one.
    pub fn read(bytes: &[u8]) -> Option<(Header, &[u8])> {
        let mut header = Header::default();
        let mut rest = bytes.get(2..)?;
        loop {
            let (&[first, marker, high, low], behind) = rest.split_first_chunk()?;
            if (first, marker) == (0xff, 0xff) {
                rest = &rest[1..];
                continue;
            }
            let length = usize::from(u16::from_be_bytes([high, low])).checked_sub(2)?;
            let (segment, behind) = behind.split_at_checked(length)?;
            rest = behind;
            match (first, marker) {
                (0xff, 0xc0 | 0xc1) if header.components.is_empty() => header.read_frame(segment)?,
                (0xff, 0xc4) => header.read_codes(segment)?,
                (0xff, 0xda) => {
                    header.read_scan(segment)?;
                    return Some((header, rest));
                }
                (0xff, 0xdb) => header.read_quantizations(segment)?,
                (0xff, 0xdd) => header.restart_interval = usize::from(u16_of(segment, 0)?),
                // Metadata and comments.
                (0xff, 0xe0..=0xef | 0xfe) => {}
                _ => return None,
            }
        }
    }

    fn read_frame(&mut self, segment: &[u8]) -> Option<()> {
        self.size = (u16_of(segment, 1)?.into(), u16_of(segment, 3)?.into());
        let (&[bits, _, _, _, _, count], components) = segment.split_first_chunk()?;
        let (components, []) = components.as_chunks() else { return None };
        for &[name, sampling, quantization] in components {
            let sampling = (usize::from(sampling & 15), usize::from(sampling >> 4));
            let quantization = usize::from(quantization & 3);
            self.components.push(Component { name, sampling, quantization, ..Component::default() });
        }
        if let [only] = &mut self.components[..] {
            // It has units of one block, whatever it says.
            only.sampling = (1, 1);
        }
        let sides = |side: fn(&Component) -> usize| self.components.iter().map(side);
        self.sampling = (sides(|c| c.sampling.0).max()?, sides(|c| c.sampling.1).max()?);
        let sampled = sides(|c| c.sampling.0.min(c.sampling.1)).all(|side| side > 0);
        let fits = self.sampling.0.max(self.sampling.1) <= 4 && usize::from(count) == components.len();
        (bits == 8 && sampled && fits && matches!(count, 1 | 3)).then_some(())
    }

    fn read_codes(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((&[place], rest)) = segment.split_first_chunk() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let symbols = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(symbols)?;
            let tables = self.codes.get_mut(usize::from(place >> 4))?;
            *tables.get_mut(usize::from(place & 15))? = Some(Codes::new(counts, symbols)?);
            segment = rest;
        }
        Some(())
    }

    fn read_quantizations(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((&[place], rest)) = segment.split_first_chunk() {
            // Above 3 are tables of 16 bits, which no picture of 8 has.
            let (steps, rest) = rest.split_first_chunk()?;
            *self.quantizations.get_mut(usize::from(place))? = Some(*steps);
            segment = rest;
        }
        Some(())
    }

    fn read_scan(&mut self, segment: &[u8]) -> Option<()> {
        let (&[count], rest) = segment.split_first_chunk()?;
        // A scan of all coefficients.
        let (components, []) = rest.strip_suffix(&[0, 63, 0])?.as_chunks() else { return None };
        if self.components.is_empty() || self.components.len() != components.len() {
            return None;
        }
        for (component, &[name, tables]) in self.components.iter_mut().zip(components) {
            if component.name != name {
                return None;
            }
            component.codes = [usize::from(tables >> 4), usize::from(tables & 15)];
        }
        (usize::from(count) == components.len()).then_some(())
    }
}

fn u16_of(segment: &[u8], at: usize) -> Option<u16> {
    segment.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}
