//! Protobuf's wire format, as far as messages are written.

use std::io::{self, Write};

/// A message on its way to a file. The numbers of tensors stay as they are until they are written, so that no second
/// copy of a model's weights is made.
#[derive(Default)]
pub(crate) struct Message {
    parts: Vec<Part>,
    len: usize,
}

enum Part {
    Bytes(Vec<u8>),
    Floats(Vec<f32>),
}

/// How a field is written.
const VARINT: u64 = 0;
#[cfg(feature = "tensorboard")]
const FIXED64: u64 = 1;
const DELIMITED: u64 = 2;
const FIXED32: u64 = 5;

impl Message {
    /// A field that holds a whole number.
    pub(crate) fn int(mut self, field: u64, value: i64) -> Self {
        self.key(field, VARINT);
        self.varint(value as u64);
        self
    }

    /// A field that holds a float.
    pub(crate) fn float(mut self, field: u64, value: f32) -> Self {
        self.key(field, FIXED32);
        self.push(&value.to_le_bytes());
        self
    }

    /// A field that holds a text.
    pub(crate) fn text(mut self, field: u64, value: &str) -> Self {
        self.key(field, DELIMITED);
        self.varint(value.len() as u64);
        self.push(value.as_bytes());
        self
    }

    /// A field that holds bytes: those of these numbers, the lowest first.
    pub(crate) fn floats(mut self, field: u64, values: Vec<f32>) -> Self {
        let len = size_of_val(&values[..]);
        self.key(field, DELIMITED);
        self.varint(len as u64);
        self.len += len;
        self.parts.push(Part::Floats(values));
        self
    }

    /// A field that holds bytes.
    #[cfg(feature = "tensorboard")]
    pub(crate) fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.key(field, DELIMITED);
        self.varint(value.len() as u64);
        self.push(value);
        self
    }

    /// A field that holds a double.
    #[cfg(feature = "tensorboard")]
    pub(crate) fn double(mut self, field: u64, value: f64) -> Self {
        self.key(field, FIXED64);
        self.push(&value.to_le_bytes());
        self
    }

    /// A packed field of doubles.
    #[cfg(feature = "tensorboard")]
    pub(crate) fn doubles(mut self, field: u64, values: impl ExactSizeIterator<Item = f64>) -> Self {
        self.key(field, DELIMITED);
        self.varint((values.len() * size_of::<f64>()) as u64);
        values.for_each(|value| self.push(&value.to_le_bytes()));
        self
    }

    /// A field that holds a message.
    pub(crate) fn message(mut self, field: u64, value: Message) -> Self {
        self.key(field, DELIMITED);
        self.varint(value.len as u64);
        for part in value.parts {
            match part {
                Part::Bytes(bytes) => self.push(&bytes),
                floats => {
                    self.len += floats.len();
                    self.parts.push(floats);
                }
            }
        }
        self
    }

    /// The fields that `add` adds of each item.
    pub(crate) fn each<T>(
        self,
        items: impl IntoIterator<Item = T>,
        add: impl FnMut(Self, T) -> Self,
    ) -> Self {
        items.into_iter().fold(self, add)
    }

    /// The number of its bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn write(&self, file: &mut dyn Write) -> io::Result<()> {
        /// Numbers that are brought into a file's order at a time.
        const CHUNK: usize = 4096;
        let mut buffer = Vec::with_capacity(CHUNK * size_of::<f32>());
        for part in &self.parts {
            match part {
                Part::Bytes(bytes) => file.write_all(bytes)?,
                Part::Floats(values) => {
                    for values in values.chunks(CHUNK) {
                        buffer.clear();
                        values.iter().for_each(|value| buffer.extend(value.to_le_bytes()));
                        file.write_all(&buffer)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn key(&mut self, field: u64, wire: u64) {
        self.varint(field << 3 | wire);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(&[value as u8 | 0x80]);
            value >>= 7;
        }
        self.push(&[value as u8]);
    }

    fn push(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        match self.parts.last_mut() {
            Some(Part::Bytes(last)) => last.extend(bytes),
            _ => self.parts.push(Part::Bytes(bytes.to_vec())),
        }
    }
}

impl Part {
    fn len(&self) -> usize {
        match self {
            Part::Bytes(bytes) => bytes.len(),
            Part::Floats(values) => size_of_val(&values[..]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_wire_format() {
        let inner = Message::default().int(1, 150).text(2, "ä").floats(9, vec![1.0, -2.0]);
        let message = Message::default().message(3, inner).int(2, -1).float(20, 0.5);
        let mut bytes = Vec::new();
        message.write(&mut bytes).unwrap();
        let mut expected = vec![0x1a, 17, 0x08, 0x96, 0x01, 0x12, 2, 0xc3, 0xa4, 0x4a, 8];
        expected.extend([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
        expected.extend([0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
        expected.extend([0xa5, 0x01, 0, 0, 0, 0x3f]);
        assert_eq!(bytes, expected);
        assert_eq!(message.len(), bytes.len());
    }
}
