//! Formats of pictures that are not read, and what makes readable ones of them.

/// A format of pictures.
pub(super) struct ForeignFormat {
    pub name: &'static str,
    /// The endings of its files, in lower case.
    endings: &'static [&'static str],
    /// What is typed to convert one.
    convert: &'static str,
}

const HEIC: ForeignFormat = ForeignFormat {
    name: "HEIC",
    endings: &[".heic", ".heif", ".hif"],
    convert: "heif-convert photo.heic photo.jpg",
};
const AVIF: ForeignFormat =
    ForeignFormat { name: "AVIF", endings: &[".avif", ".avifs"], convert: "avifdec photo.avif photo.png" };
const JPEG_XL: ForeignFormat =
    ForeignFormat { name: "JPEG XL", endings: &[".jxl"], convert: "djxl photo.jxl photo.png" };
const TIFF: ForeignFormat =
    ForeignFormat { name: "TIFF", endings: &[".tif", ".tiff"], convert: "magick photo.tif photo.png" };
const JPEG_2000: ForeignFormat =
    ForeignFormat { name: "JPEG 2000", endings: &[".jp2", ".j2k"], convert: "magick photo.jp2 photo.png" };
const RAW: ForeignFormat = ForeignFormat {
    name: "a camera's raw format",
    endings: &[".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".rw2"],
    convert: "darktable-cli photo.dng photo.jpg",
};
const SVG: ForeignFormat =
    ForeignFormat { name: "SVG", endings: &[".svg", ".svgz"], convert: "magick photo.svg photo.png" };

impl ForeignFormat {
    /// That of files with this ending, in lower case.
    pub fn by_ending(ending: &str) -> Option<&'static ForeignFormat> {
        [&HEIC, &AVIF, &JPEG_XL, &TIFF, &JPEG_2000, &RAW, &SVG]
            .into_iter()
            .find(|format| format.endings.contains(&ending))
    }

    /// That of a file that begins so.
    pub fn by_content(bytes: &[u8]) -> Option<&'static ForeignFormat> {
        match bytes {
            [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => Some(&AVIF),
            [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', ..] => Some(&HEIC),
            [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => Some(&JPEG_XL),
            [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] => Some(&JPEG_2000),
            [b'I', b'I', b'*', 0, ..] | [b'M', b'M', 0, b'*', ..] => Some(&TIFF),
            _ => None,
        }
    }

    /// That it is not read, and what to do.
    pub fn advice(&self) -> String {
        format!("{} is not read; make JPEGs or PNGs of them, for example with `{}`", self.name, self.convert)
    }
}
