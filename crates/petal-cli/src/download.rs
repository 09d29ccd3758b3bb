//! `petal download`.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use petal::download::{GetFile, Progress, flower_photos, get_file};

use crate::args::Download;
use crate::photo_folder::FLOWER_PHOTOS;
use crate::{Outcome, SUCCESS};

pub fn run(args: &Download) -> Outcome {
    let mut display = Display::new(&args.what, args.quiet);
    let mut options = GetFile::new().progress(|progress| display.show(progress));
    if let Some(hash) = &args.hash {
        options = options.hash(hash);
    }
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        options = options.cache_dir(folder).cache_subdir("");
    }
    let path = if args.what == FLOWER_PHOTOS {
        if let Some(name) = &args.name {
            return Err(format!("the folder's name is {FLOWER_PHOTOS}, not {name}; leave out --name").into());
        }
        flower_photos(options)?
    } else if args.what.starts_with("http://") || args.what.starts_with("https://") {
        if let Some(name) = &args.name {
            options = options.file_name(name);
        }
        get_file(&args.what, options.extract(args.extract))?
    } else {
        return Err(format!(
            "cannot download '{}'; expected {FLOWER_PHOTOS}, or an address that begins with https://",
            args.what
        )
        .into());
    };
    println!("{}", path.display());
    Ok(SUCCESS)
}

/// How far a download is: a bar on a terminal, a line every ten percent elsewhere.
pub struct Display {
    what: String,
    style: Style,
    begin: Instant,
    /// When the bar was drawn, and how much had come by then in tenths.
    last: Option<(Duration, u64)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Silent,
    Bar,
    Lines,
}

impl Display {
    /// Of the download of `what`.
    pub fn new(what: &str, quiet: bool) -> Self {
        let style = match std::io::stderr().is_terminal() {
            _ if quiet => Style::Silent,
            true => Style::Bar,
            false => Style::Lines,
        };
        Display { what: what.to_owned(), style, begin: Instant::now(), last: None }
    }

    /// Called as the download goes on.
    pub fn show(&mut self, progress: Progress) {
        let mut stderr = std::io::stderr().lock();
        // A closed stderr is no reason to end the download.
        let _ = stderr.write_all(self.text(self.begin.elapsed(), progress).as_bytes());
        let _ = stderr.flush();
    }

    fn text(&mut self, now: Duration, Progress { received, total }: Progress) -> String {
        let mut text = String::new();
        if self.style == Style::Silent {
            return text;
        }
        if self.last.is_none() {
            text += &format!("Downloading {}\n", self.what);
        }
        let done = total.is_some_and(|total| received >= total);
        let tenths = match total {
            Some(total) => 10 * received / total.max(1),
            None => received / 10_000_000,
        };
        let due = match (self.style, self.last) {
            (_, None) => true,
            (Style::Bar, Some((last, _))) => done || now - last >= Duration::from_millis(100),
            (_, Some((_, last))) => tenths > last,
        };
        if !due {
            return text;
        }
        let first = self.last.is_none();
        self.last = Some((now, tenths));
        let size = match total {
            Some(total) => format!("{} of {}", megabytes(received), megabytes(total)),
            None => megabytes(received),
        };
        match self.style {
            Style::Bar => {
                let bar = total.map_or_else(String::new, |total| {
                    let cells = (20 * received / total.max(1)).min(20) as usize;
                    format!("{}{} ", "━".repeat(cells), "─".repeat(20 - cells))
                });
                let speed = match now.as_secs_f64() {
                    seconds if seconds > 0.5 => {
                        format!(", {}/s", megabytes((received as f64 / seconds) as u64))
                    }
                    _ => String::new(),
                };
                let end = if done { "\n" } else { "" };
                text += &format!("\r\x1b[K{bar}{size}{speed}{end}");
            }
            _ if first => {}
            _ => text += &format!("{size}\n"),
        }
        text
    }
}

fn megabytes(bytes: u64) -> String {
    match bytes {
        0..100_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        100_000..10_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.0} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn display(style: Style) -> Display {
        Display { what: "photos.zip".into(), style, begin: Instant::now(), last: None }
    }

    fn at(display: &mut Display, milliseconds: u64, received: u64) -> String {
        let progress = Progress { received, total: Some(2_000_000) };
        display.text(Duration::from_millis(milliseconds), progress)
    }

    #[test]
    fn a_log_gets_a_line_every_ten_percent() {
        let mut lines = display(Style::Lines);
        assert_eq!(at(&mut lines, 0, 0), "Downloading photos.zip\n");
        assert_eq!(at(&mut lines, 900, 199_999), "");
        assert_eq!(at(&mut lines, 1000, 250_000), "0.2 MB of 2.0 MB\n");
        assert_eq!(at(&mut lines, 2000, 2_000_000), "2.0 MB of 2.0 MB\n");
    }

    #[test]
    fn a_terminal_gets_a_bar_that_ends_its_line() {
        let mut bar = display(Style::Bar);
        at(&mut bar, 0, 0);
        assert_eq!(at(&mut bar, 50, 100), "");
        let middle = at(&mut bar, 1000, 1_000_000);
        assert!(middle.contains("━━━━━━━━━━──────────") && middle.contains("1.0 MB/s"), "{middle}");
        assert!(at(&mut bar, 1001, 2_000_000).ends_with('\n'));
        assert_eq!(at(&mut display(Style::Silent), 0, 0), "");
    }
}
