use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, fontdb};

use crate::{Error, Result};

/// A finished picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    svg: String,
}

impl Figure {
    pub(super) fn new(svg: String) -> Self {
        Figure { svg }
    }

    /// The figure as an SVG document. It needs no other file, but for its font it trusts in the reader's system.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The figure as a PNG file with two pixels for each of the SVG's units.
    ///
    /// # Errors
    /// If the figure is too large for memory.
    pub fn png(&self) -> Result<Vec<u8>> {
        const SCALE: f32 = 2.0;
        let options = usvg::Options {
            font_family: "Inter".to_owned(),
            fontdb: Arc::clone(&FONTS),
            ..usvg::Options::default()
        };
        let failed =
            |problem: String| Error::argument("figure", problem, "one that can be drawn; save it as .svg");
        let tree = usvg::Tree::from_str(&self.svg, &options).map_err(|error| failed(error.to_string()))?;
        let size = tree.size().to_int_size();
        let (width, height) = (size.width() as f32 * SCALE, size.height() as f32 * SCALE);
        let mut pixmap = Pixmap::new(width as u32, height as u32)
            .ok_or_else(|| failed(format!("{width}x{height} pixels large")))?;
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixmap.as_mut());
        pixmap.encode_png().map_err(|error| failed(error.to_string()))
    }

    /// Writes the figure to `path`, as PNG or SVG by its extension. A figure is there whole or not at all.
    ///
    /// # Errors
    /// If the extension is another, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        let bytes = match extension.as_deref() {
            Some("svg") => self.svg.clone().into_bytes(),
            Some("png") => self.png()?,
            _ => {
                return Err(Error::file(
                    path,
                    "a figure is saved as .png or .svg; choose one as the file's ending",
                ));
            }
        };
        write_whole(path, &bytes)
    }
}

/// Writes a file so that it is there whole or not at all: under a temporary name first.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut temporary = OsString::from(path);
    temporary.push(format!(".{}.tmp", std::process::id()));
    let written = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        let _ = fs::remove_file(&temporary);
        Error::io("write", path)(source)
    })
}

static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(include_bytes!("../../assets/fonts/Inter-Regular.otf").to_vec());
    fonts.load_font_data(include_bytes!("../../assets/fonts/Inter-SemiBold.otf").to_vec());
    Arc::new(fonts)
});

#[cfg(test)]
mod tests {
    use crate::plot::confusion_matrix;

    #[test]
    fn the_ending_chooses_the_format_and_no_temporary_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let figure = confusion_matrix(&[vec![3, 1], vec![0, 2]], &["a".into(), "b".into()]);
        figure.save(folder.path().join("matrix.SVG")).unwrap();
        figure.save(folder.path().join("matrix.png")).unwrap();
        assert!(
            figure.save(folder.path().join("matrix.pdf")).unwrap_err().to_string().contains(".png or .svg")
        );
        assert!(figure.save(folder.path().join("no such folder/matrix.png")).is_err());
        let png = image::open(folder.path().join("matrix.png")).unwrap().into_rgb8();
        let text = figure.svg().split_once("width=\"").unwrap().1.split_once('"').unwrap().0;
        assert_eq!(f64::from(png.width()), 2.0 * text.parse::<f64>().unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn text_is_drawn_with_the_fonts_of_the_program() {
        let ink = |name: &str| {
            let figure = confusion_matrix(&[vec![1]], &[name.into()]);
            let pixels = image::load_from_memory(&figure.png().unwrap()).unwrap().into_luma8();
            pixels.iter().filter(|&&x| x < 100).count()
        };
        assert!(ink("daisy") > ink("") + 50);
    }
}
