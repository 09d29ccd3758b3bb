//! Photos that are made to do harm cost neither memory nor time, and never end a program.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use petal::data::{ImageFolder, Photo, Preprocessing};

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/data")).join(name)).unwrap()
}

/// Why these bytes are refused, which must be known at once.
fn refusal(bytes: &[u8]) -> String {
    let start = Instant::now();
    let error = Preprocessing::new(5, 5).load_bytes(bytes).unwrap_err().to_string();
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}: {error}", start.elapsed());
    error
}

/// The PNG with other sides.
fn png(name: &str, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = fixture(name);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let mut sum = flate2::Crc::new();
    sum.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    bytes
}

/// The JPEG with other sides.
fn jpeg(name: &str, width: u16, height: u16) -> Vec<u8> {
    let mut bytes = fixture(name);
    let frame = bytes.windows(2).position(|pair| matches!(pair, [0xff, 0xc0..=0xc2])).unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

#[test]
fn a_picture_is_refused_by_what_decoding_it_would_take() {
    for (bytes, expected) in [
        (png("bits_1.png", 500_000_000, 1), "500000000 x 1 pixels; expected at most 65535 a side"),
        (png("gray.png", 1, 70_000), "1 x 70000 pixels; expected at most 65535 a side"),
        // As gray half a gigabyte, but as RGB three times more.
        (
            png("gray.png", 22_000, 22_000),
            "22000 x 22000 pixels and takes 1.9 GB to decode; expected at most 1 GB;",
        ),
        (png("rgba.png", 16_000, 16_000), "takes 1.0 GB"),
        (png("bits_16.png", 60_000, 60_000), "60000 x 60000"),
        // The coefficients of a progressive JPEG are kept until its last scan.
        (jpeg("progressive.jpg", 12_000, 12_000), "takes 1.3 GB"),
        (jpeg("rgb.jpg", 65_500, 65_500), "65500 x 65500"),
        (jpeg("inks.jpg", 17_000, 17_000), "takes 1.2 GB"),
    ] {
        let error = refusal(&bytes);
        assert!(error.contains(expected), "{expected}: {error}");
    }
    // An ordinary large photo is none of this: the decoder is asked, and finds that pixels are missing.
    assert!(!refusal(&png("rgba.png", 4_000, 4_000)).contains("GB"));
}

#[test]
fn frames_and_chunks_are_not_believed() {
    // The picture of a GIF may be larger than its canvas.
    let mut gif = fixture("still.gif");
    let frame = gif.windows(9).position(|part| part[0] == b',' && part[5..] == [9, 0, 7, 0]).unwrap();
    gif[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    assert!(refusal(&gif).contains("65535 x 65535"), "{}", refusal(&gif));

    let chunk = |name: &[u8; 4], body: &[u8]| [name, &(body.len() as u32).to_le_bytes()[..], body].concat();
    let webp = |chunks: &[Vec<u8>]| {
        let body = [b"WEBP".to_vec(), chunks.concat()].concat();
        [b"RIFF".to_vec(), (body.len() as u32).to_le_bytes().to_vec(), body].concat()
    };
    // A canvas of one pixel, and a picture of 16383 x 16383.
    let canvas = chunk(b"VP8X", &[0; 10]);
    let huge = chunk(b"VP8 ", b"\0\0\0\x9d\x01\x2a\xff\x3f\xff\x3f");
    let refused = refusal(&webp(&[canvas.clone(), huge.clone()]));
    assert!(refused.contains("larger than its canvas"), "{refused}");
    let frame = chunk(b"ANMF", &[vec![0; 16], huge].concat());
    let refused = refusal(&webp(&[canvas.clone(), chunk(b"ANIM", &[0; 6]), frame]));
    assert!(refused.contains("larger than its canvas"), "{refused}");
    // Metadata of four gigabytes.
    let mut exif = chunk(b"EXIF", &[]);
    exif[4..8].fill(0xff);
    assert!(refusal(&webp(&[canvas, exif])).contains("cut off"));
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_never_opened() {
    use std::os::unix::net::UnixListener;

    let root = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        fs::create_dir(root.path().join(class)).unwrap();
        fs::write(root.path().join(class).join("1.png"), fixture("rgba.png")).unwrap();
    }
    let odd: Vec<PathBuf> = ["pipe.jpg", "socket.jpg", "sparse.jpg"]
        .iter()
        .map(|name| root.path().join("a").join(name))
        .collect();
    let made = std::process::Command::new("mkfifo").arg(&odd[0]).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: there is no mkfifo");
        return;
    }
    let _socket = UnixListener::bind(&odd[1]).unwrap();
    File::create(&odd[2]).unwrap().set_len(100 << 30).unwrap();
    fs::create_dir(root.path().join("a/folder.jpg")).unwrap();
    let photos = ImageFolder::new(root.path()).image_size(4, 4).shuffle(false).load().unwrap();
    assert_eq!(photos.file_paths().len(), 2);
    let reasons: Vec<_> = photos.skipped().iter().map(|file| file.reason.as_str()).collect();
    let pipe = "is a pipe, a socket or a device and not a plain file";
    let sparse = "the file has more than 500 MB; expected a photo of at most that; make it smaller";
    assert_eq!(reasons, [pipe, pipe, sparse]);
    for (path, reason) in odd.iter().zip(reasons) {
        assert!(Photo::open(path).unwrap_err().to_string().ends_with(reason));
        assert!(Preprocessing::new(4, 4).load(path).unwrap_err().to_string().ends_with(reason));
    }
    assert!(Photo::open(root.path()).unwrap_err().to_string().contains("is a folder and not a plain file"));
}

#[test]
fn what_a_damaged_photo_lacks_is_not_filled_from_the_photo_before() {
    let whole = fixture("rgb.jpg");
    let damaged = [&whole[..whole.len() * 3 / 4], &[0xff, 0xd9]].concat();
    let root = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        fs::create_dir(root.path().join(class)).unwrap();
        image::RgbImage::from_pixel(33, 24, image::Rgb([250, 1, 99]))
            .save(root.path().join(class).join("1.png"))
            .unwrap();
        fs::write(root.path().join(class).join("2.jpg"), &damaged).unwrap();
    }
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let load = || ImageFolder::new(root.path()).image_size(24, 33).shuffle(false).load().unwrap();
    let photos = one_thread.install(load);
    let alone = Preprocessing::new(24, 33).load_bytes(&damaged).unwrap();
    let found = photos.image(1).unwrap();
    assert!(found.iter().map(|&value| f32::from(value)).eq(alone));
}
