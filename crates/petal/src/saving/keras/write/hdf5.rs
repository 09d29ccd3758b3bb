//! An HDF5 file before it is written.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use hdf5_pure::{AttrValue, FileBuilder, FinishedGroup, GroupBuilder};

use crate::Result;
use crate::saving::write_atomically;

/// A group of the file, or the file itself.
#[derive(Default)]
pub(super) struct Group<'a> {
    attributes: Vec<(String, AttrValue)>,
    data: Vec<(String, &'a [usize], &'a [f32])>,
    groups: BTreeMap<String, Group<'a>>,
}

/// The most bytes of an attribute, of which an object's header holds all; Keras' own number.
const LARGEST_ATTRIBUTE: usize = 64512;

impl<'a> Group<'a> {
    /// The group of this name in it.
    pub fn group(&mut self, name: impl Into<String>) -> &mut Group<'a> {
        self.groups.entry(name.into()).or_default()
    }

    /// Adds an attribute, of any length.
    pub fn text(&mut self, name: &str, text: impl Into<String>) {
        self.attributes.push((name.to_owned(), AttrValue::VarLenString(text.into())));
    }

    /// Adds a list of texts, as several attributes `name0`, `name1` … where it is too long for one. Keras takes a list
    /// that isn't there for an empty one.
    pub fn texts(&mut self, name: &str, texts: Vec<String>) {
        let longest = texts.iter().map(String::len).max().unwrap_or(0);
        let parts: Vec<&[String]> = texts.chunks(LARGEST_ATTRIBUTE / longest.max(1)).collect();
        for (i, part) in parts.iter().enumerate() {
            let name = if parts.len() == 1 { name.to_owned() } else { format!("{name}{i}") };
            self.attributes.push((name, AttrValue::StringArray(part.to_vec())));
        }
    }

    /// Adds a data set; the groups that its path names are made.
    pub fn data(&mut self, path: &str, shape: &'a [usize], values: &'a [f32]) {
        match path.split_once('/') {
            Some((group, rest)) => self.group(group).data(rest, shape, values),
            None => self.data.push((path.to_owned(), shape, values)),
        }
    }

    /// Writes the file whole or not at all.
    pub fn save(self, path: &Path) -> Result<()> {
        write_atomically(path, |file| self.write(file))
    }

    /// Writes the file.
    pub fn write(self, out: &mut dyn Write) -> io::Result<()> {
        let mut file = FileBuilder::new();
        for (name, value) in self.attributes {
            file.set_attr(&name, value);
        }
        for (name, group) in self.groups {
            let builder = file.create_group(&name);
            file.add_group(group.finish(builder));
        }
        file.finish_to(out).map_err(|error| match error {
            hdf5_pure::Error::Io(error) => error,
            error => io::Error::other(error.to_string()),
        })
    }

    fn finish(self, mut builder: GroupBuilder) -> FinishedGroup {
        for (name, value) in self.attributes {
            builder.set_attr(&name, value);
        }
        for (name, shape, values) in self.data {
            let shape: Vec<u64> = shape.iter().map(|&size| size as u64).collect();
            builder.create_dataset(&name).with_f32_data(values).with_shape(&shape);
        }
        for (name, group) in self.groups {
            let inner = builder.create_group(&name);
            builder.add_group(group.finish(inner));
        }
        builder.finish()
    }
}
