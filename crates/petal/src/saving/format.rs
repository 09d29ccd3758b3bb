//! The files that a model can be written to, told by how their names end.

use std::path::Path;

use crate::{Error, Result};

/// What a model is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Petal's own file, with all that it takes to train on.
    Petal,
    /// Keras 3's whole model, a zip archive.
    Keras,
    /// Keras 3's weights.
    Weights,
    /// Keras' older whole model, HDF5.
    Legacy,
    /// What other programs run.
    Onnx,
}

/// A longer ending comes before one that it ends in.
const ENDINGS: [(&str, Format); 6] = [
    (".petal", Format::Petal),
    (".keras", Format::Keras),
    (".weights.h5", Format::Weights),
    (".h5", Format::Legacy),
    (".hdf5", Format::Legacy),
    (".onnx", Format::Onnx),
];

impl Format {
    /// The format that the name promises; Petal's where it has no ending.
    ///
    /// # Errors
    /// If the ending is none of those that Petal writes: the file would promise what it isn't.
    pub(crate) fn of(path: &Path) -> Result<Format> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let format = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, format)| *format);
        match (format, path.extension()) {
            (Some(format), _) => Ok(format),
            (None, None) => Ok(Format::Petal),
            (None, Some(ending)) => {
                let known = ENDINGS.map(|(ending, _)| ending);
                let problem = format!(
                    "Petal writes no .{}; expected a name that ends in {} (all that Petal knows of the model), {} (Keras' \
                     files) or {}",
                    ending.to_string_lossy(),
                    known[0],
                    known[1..5].join(", "),
                    known[5]
                );
                Err(Error::file(path, problem))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_says_what_is_written() {
        for (name, format) in [
            ("runs/flowers.petal", Format::Petal),
            ("model", Format::Petal),
            ("/dev/stdout", Format::Petal),
            ("m.KERAS", Format::Keras),
            ("m.weights.h5", Format::Weights),
            ("weights.h5", Format::Legacy),
            ("m.hdf5", Format::Legacy),
            ("m.onnx", Format::Onnx),
        ] {
            assert_eq!(Format::of(Path::new(name)).unwrap(), format, "{name}");
        }
        for name in ["m.tflite", "m.petal.bak", "epoch-0.95"] {
            let problem = Format::of(Path::new(name)).unwrap_err().to_string();
            assert!(problem.contains(".petal") && problem.contains(".weights.h5, .h5, .hdf5"), "{problem}");
        }
    }
}
