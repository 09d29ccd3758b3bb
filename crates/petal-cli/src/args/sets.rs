use std::path::{Path, PathBuf};

use clap::Args;
use petal::data::LabelFile;

use crate::photo_folder::absolute;

/// Which photos are not to be trained on.
#[derive(Debug, Args)]
pub struct Sets {
    /// A folder of its own for validation, instead of a share [default: DIR/val where there is DIR/train]
    #[arg(long, value_name = "DIR", conflicts_with = "labels")]
    pub validation: Option<PathBuf>,
    /// A folder for a last test, by which nothing is chosen [default: DIR/test where there is DIR/train]
    #[arg(long, value_name = "DIR", conflicts_with = "labels")]
    pub test: Option<PathBuf>,
    #[command(flatten)]
    pub labels: Labels,
}

/// A table that says which photo is of which class.
#[derive(Debug, Args)]
pub struct Labels {
    /// A table, CSV or TSV, that says which photo is of which class; the photos lie below DIR [default: where the table
    /// lies]. A column named split, set or is_valid says which are for validation or the test
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// The table's column of the photos [default: file, filename, path, image, image_id, id or the like]
    #[arg(long, value_name = "NAME", requires = "labels", hide_short_help = true)]
    pub file_column: Option<String>,
    /// The table's column of the classes [default: label, class, category, species, target or the like]
    #[arg(long, value_name = "NAME", requires = "labels", hide_short_help = true)]
    pub label_column: Option<String>,
}

impl Labels {
    /// The table from the root on.
    ///
    /// # Errors
    /// If the present folder is gone.
    pub fn file(&self) -> Result<Option<LabelFile>, String> {
        let Some(labels) = &self.labels else { return Ok(None) };
        let (file_column, label_column) = (self.file_column.clone(), self.label_column.clone());
        Ok(Some(LabelFile { file_column, label_column, ..LabelFile::new(absolute(labels)?) }))
    }

    /// The folder that was typed, or that of the table.
    pub fn directory<'a>(&'a self, typed: Option<&'a Path>) -> Option<&'a Path> {
        let beside = || self.labels.as_deref().and_then(Path::parent);
        let here = |folder: &'a Path| if folder == Path::new("") { Path::new(".") } else { folder };
        typed.or_else(|| beside().map(here))
    }
}
