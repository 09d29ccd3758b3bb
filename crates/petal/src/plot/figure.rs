use std::path::Path;
use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, fontdb};

use crate::saving::write_atomically;
use crate::{Error, Result};

/// A finished picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    svg: String,
    width: f64,
    height: f64,
    /// Where, in the document, its content begins.
    content: usize,
}

impl Figure {
    /// A figure with this markup on its paper.
    pub(super) fn new(markup: &str, width: f64, height: f64) -> Self {
        let head = format!(
            "<svg {NAMESPACES} width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"Inter, 'Helvetica Neue', Arial, sans-serif\">\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
        );
        Figure { svg: format!("{head}{markup}</svg>\n"), width, height, content: head.len() }
    }

    /// The figure as a part of a page: without paper and most of its margins. The style can read its natural width as
    /// `--width`.
    #[cfg(feature = "report")]
    pub(crate) fn inline(&self, class: &str) -> String {
        let [left, top, right, bottom] = [20.0, 20.0, 12.0, 4.0];
        let (width, height) = (self.width - left - right, self.height - top - bottom);
        let content = &self.svg[self.content..];
        format!(
            "<svg {NAMESPACES} class=\"{class}\" viewBox=\"{left} {top} {width} {height}\" \
             style=\"--width: {width}px\" font-family=\"Inter, sans-serif\">\n{content}"
        )
    }

    /// The figure as an SVG document. It needs no other file, but for its font it trusts in the reader's system.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The figure as a PNG file with two pixels for each of the SVG's units, or fewer where a side would have more than
    /// 3,000 pixels.
    ///
    /// # Errors
    /// If the figure is no SVG that can be drawn.
    pub fn png(&self) -> Result<Vec<u8>> {
        const SCALE: f32 = 2.0;
        const LONGEST: f32 = 3000.0;
        let options = usvg::Options {
            font_family: "Inter".to_owned(),
            fontdb: Arc::clone(&FONTS),
            ..usvg::Options::default()
        };
        let failed =
            |problem: String| Error::argument("figure", problem, "one that can be drawn; save it as .svg");
        let tree = usvg::Tree::from_str(&self.svg, &options).map_err(|error| failed(error.to_string()))?;
        let size = tree.size();
        let scale = SCALE.min(LONGEST / size.width().max(size.height()));
        let (width, height) = (size.width() * scale, size.height() * scale);
        let mut pixmap = Pixmap::new(width.ceil() as u32, height.ceil() as u32)
            .ok_or_else(|| failed(format!("{width}x{height} pixels large")))?;
        resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
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

const NAMESPACES: &str = "xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\"";

/// Writes these bytes, whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    write_atomically(path, |file| file.write_all(bytes))
}

static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(include_bytes!("../../assets/fonts/Inter-Regular.otf").to_vec());
    fonts.load_font_data(include_bytes!("../../assets/fonts/Inter-SemiBold.otf").to_vec());
    Arc::new(fonts)
});

#[cfg(test)]
mod tests {
    use crate::plot::{Confusion, GridImage, confusion_matrix, grid};

    #[test]
    fn the_ending_chooses_the_format_and_no_temporary_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let figure = confusion_matrix(&Confusion::count(&[0, 0, 1], &[0, 1, 1]), &["a".into(), "b".into()]);
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
            let figure = confusion_matrix(&Confusion::count(&[0], &[0]), &[name.into()]);
            let pixels = image::load_from_memory(&figure.png().unwrap()).unwrap().into_luma8();
            pixels.iter().filter(|&&x| x < 100).count()
        };
        assert!(ink("daisy") > ink("") + 50);
    }

    #[test]
    fn a_figure_of_any_size_is_a_picture_of_at_most_3000_pixels() {
        let photo = GridImage { rgb: &[90; 12], width: 2, height: 2, title: "a" };
        for columns in [100, 1] {
            let figure = grid(&vec![photo; 300], columns).unwrap();
            let picture = image::load_from_memory(&figure.png().unwrap()).unwrap();
            assert_eq!(picture.width().max(picture.height()), 3000);
        }
    }
}
