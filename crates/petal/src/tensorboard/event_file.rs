//! TensorBoard's files: records (`tensorflow/core/lib/io/record_writer.h`) of events (`tensorflow/core/util/event.proto`).

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use crate::protobuf::Message;
use crate::{Error, Result};

/// What is known of something at a step.
pub(super) enum Summary {
    Scalar(f32),
    /// Counts of values in buckets of one width between the least and the largest.
    Histogram {
        min: f64,
        max: f64,
        sum: f64,
        sum_squares: f64,
        counts: Vec<f64>,
    },
    /// A PNG file's bytes.
    Image(Vec<u8>),
}

impl Summary {
    /// Of the values that are numbers, in Keras' 30 buckets.
    pub(super) fn histogram(values: impl Iterator<Item = f32> + Clone) -> Self {
        const BUCKETS: usize = 30;
        let values = values.filter(|value| value.is_finite()).map(f64::from);
        let (min, max) = values
            .clone()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| (min.min(value), max.max(value)));
        if min > max {
            return Summary::Histogram { min: 0.0, max: 0.0, sum: 0.0, sum_squares: 0.0, counts: Vec::new() };
        }
        let mut counts = vec![0.0; BUCKETS];
        let (mut sum, mut sum_squares) = (0.0, 0.0);
        for value in values {
            let place = BUCKETS as f64 * (value - min) / (max - min);
            // Where all are the same, which is no number then, they go into the first.
            counts[(place as usize).min(BUCKETS - 1)] += 1.0;
            sum += value;
            sum_squares += value * value;
        }
        Summary::Histogram { min, max, sum, sum_squares, counts }
    }

    /// As a `Summary.Value` of this name.
    fn message(&self, tag: &str) -> Message {
        let value = Message::default().text(1, tag);
        match self {
            Summary::Scalar(scalar) => value.float(2, *scalar),
            Summary::Image(png) => {
                let side = |at: usize| {
                    png.get(at..at + 4).map_or(0, |bytes| {
                        i64::from(u32::from_be_bytes(bytes.try_into().expect("four bytes")))
                    })
                };
                // Width and height begin at byte 16; 4 stands for RGBA.
                let image = Message::default().int(1, side(20)).int(2, side(16)).int(3, 4).bytes(4, png);
                value.message(4, image)
            }
            Summary::Histogram { min, max, sum, sum_squares, counts } => {
                let width = (max - min) / counts.len().max(1) as f64;
                let limits = (0..counts.len()).map(|i| min + width * (i + 1) as f64);
                let histogram = Message::default()
                    .double(1, *min)
                    .double(2, *max)
                    .double(3, counts.iter().sum())
                    .double(4, *sum)
                    .double(5, *sum_squares)
                    .doubles(6, limits)
                    .doubles(7, counts.iter().copied());
                value.message(5, histogram)
            }
        }
    }
}

/// A file that grows by an event at a time.
pub(super) struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// A new file in this folder, which is made where it is missing.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("events.out.tfevents.{}.petal.{}.{number}.v2", now() as u64, process::id());
        let path = folder.join(name);
        let file = File::create_new(&path).map_err(Error::io("create", &path))?;
        let mut file = EventFile { path, file };
        file.append(&Message::default().double(1, now()).text(3, "brain.Event:2"))?;
        Ok(file)
    }

    /// Writes what is known at this step.
    pub(super) fn write(&mut self, step: usize, values: &[(String, Summary)]) -> Result<()> {
        self.append(&event(now(), step, values))
    }

    /// In one call, so that a reader finds whole records.
    fn append(&mut self, event: &Message) -> Result<()> {
        self.file.write_all(&record(event)).map_err(Error::io("write", &self.path))
    }
}

/// An `Event` with a summary.
fn event(time: f64, step: usize, values: &[(String, Summary)]) -> Message {
    let summary =
        Message::default().each(values, |message, (tag, summary)| message.message(1, summary.message(tag)));
    Message::default().double(1, time).int(2, step as i64).message(5, summary)
}

/// An event with its length and the checksums of both.
fn record(event: &Message) -> Vec<u8> {
    let length = (event.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(event.len() + 16);
    record.extend(length);
    record.extend(masked_crc32c(&length).to_le_bytes());
    event.write(&mut record).expect("there is memory");
    record.extend(masked_crc32c(&record[12..]).to_le_bytes());
    record
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// The checksum of records: CRC-32C, turned and shifted as `tensorflow/core/lib/hash/crc32c.h` says.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    let crc = !bytes.iter().fold(!0, |crc: u32, byte| TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8));
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u32, 0);
        while bit < 8 {
            // The Castagnoli polynomial, its bits the other way round.
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, B.4: the CRC-32C of 32 zeros and of 0, 1, … 31.
        let unmasked = |bytes: &[u8]| masked_crc32c(bytes).wrapping_sub(0xa282_ead8).rotate_left(15);
        assert_eq!(unmasked(&[0; 32]), 0x8a91_36aa);
        assert_eq!(unmasked(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
    }

    #[test]
    fn records_are_those_of_tensorflow() {
        // Made by `fixtures/event_files.py`.
        let expected = include_bytes!("../../tests/fixtures/tensorboard.tfevents");
        let find = |word: &[u8]| expected.windows(word.len()).position(|window| window == word).unwrap();
        // Its last chunk ends with four bytes of checksum.
        let image = expected[find(b"\x89PNG")..find(b"IEND") + 8].to_vec();
        let values = [
            ("epoch_loss".to_owned(), Summary::Scalar(0.25)),
            ("dense/kernel/histogram".into(), Summary::histogram([-1.0, 0.5, 2.0].into_iter())),
            ("photos".into(), Summary::Image(image)),
        ];
        assert_eq!(record(&event(1234.5, 7, &values)), expected);
    }

    #[test]
    fn a_histogram_counts_every_number_once() {
        let values = [0.0, 1.0, 2.0, 3.0, 3.0, f32::NAN];
        let Summary::Histogram { min, max, sum, counts, .. } = Summary::histogram(values.into_iter()) else {
            unreachable!()
        };
        assert_eq!((min, max, sum), (0.0, 3.0, 9.0));
        assert_eq!((counts.iter().sum::<f64>(), counts[0], counts[29]), (5.0, 1.0, 2.0));
        let Summary::Histogram { counts, .. } = Summary::histogram([7.0; 4].into_iter()) else {
            unreachable!()
        };
        assert_eq!(counts[0], 4.0);
        let Summary::Histogram { counts, .. } = Summary::histogram([f32::NAN].into_iter()) else {
            unreachable!()
        };
        assert_eq!(counts.len(), 0);
    }
}
