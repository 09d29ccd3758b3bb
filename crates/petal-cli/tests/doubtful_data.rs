//! What is doubtful about photos is said in the terminal and in the report, and refused on request.

mod binary;

use std::fs;
use std::path::Path;
use std::process::Output;

use binary::{assert_success, command, petal, stderr, stdout, with_photos};

const QUICK: [&str; 8] = ["--image-size", "32", "--batch-size", "8", "--epochs", "1", "--threads", "1"];

fn train(at: &Path, arguments: &[&str]) -> Output {
    petal(at, &[&["train"], arguments, &QUICK].concat())
}

#[track_caller]
fn assert_refused(output: &Output, said: &str) {
    assert_eq!(output.status.code(), Some(1), "{}", stderr(output));
    assert!(stderr(output).contains(said), "{}", stderr(output));
}

#[test]
fn doubts_are_in_the_terminal_and_in_the_report_and_strict_refuses_them() {
    let folder = with_photos(4);
    let at = folder.path();
    fs::create_dir(at.join("photos/orchids")).unwrap();
    fs::create_dir_all(at.join("photos/__MACOSX/daisy")).unwrap();
    fs::write(at.join("photos/__MACOSX/daisy/._daisy_001.jpg"), b"\0\x05\x16\x07").unwrap();
    for (from, to) in [
        ("daisy/daisy_001.jpg", "daisy/a.jfif"),
        ("roses/roses_001.jpg", "roses/a.webp"),
        ("tulips/tulips_001.jpg", "tulips/a.heic"),
    ] {
        fs::rename(at.join("photos").join(from), at.join("photos").join(to)).unwrap();
    }
    fs::copy(at.join("photos/daisy/daisy_002.jpg"), at.join("photos/tulips/copy.jpg")).unwrap();

    let refused = train(at, &["photos", "--strict", "-o", "strict"]);
    assert_refused(&refused, "class 'orchids' has no photos: photos/orchids is empty");
    assert!(!at.join("strict").exists());

    // Warnings are no progress: they are there when quiet, too.
    let output = train(at, &["photos", "-q", "-o", "run"]);
    assert_success(&output);
    let said = stderr(&output);
    for line in [
        "warning: class 'orchids' has no photos: photos/orchids is empty",
        "warning: 1 .heic file was not looked at: HEIC is not read; make JPEGs or PNGs of them, for example with \
         `heif-convert photo.heic photo.jpg` (in photos: tulips/a.heic)",
        "1 picture is 2 times there",
        "as daisy and tulips: ",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("MACOSX"), "{said}");
    let report = fs::read_to_string(at.join("run/report.html")).unwrap();
    assert!(
        report.contains("class &#39;orchids&#39; has no photos")
            || report.contains("class 'orchids' has no photos")
    );
    assert!(report.contains("as daisy and tulips") && report.contains("(in photos: tulips/a.heic)"));

    let output = train(at, &["photos", "-o", "loud"]);
    assert_success(&output);
    let classes = "20 photos of 6 classes (daisy, dandelion, orchids, roses, sunflowers, tulips)";
    assert!(stderr(&output).contains(classes), "{}", stderr(&output));

    // The same files for prediction, with the same word about the rest.
    let output = petal(at, &["predict", "run", "photos"]);
    assert_success(&output);
    assert_eq!(stdout(&output).lines().count(), 20);
    assert!(stderr(&output).contains("1 .heic file was not looked at"), "{}", stderr(&output));
    assert_refused(&petal(at, &["predict", "run", "photos", "--strict"]), "1 .heic file");
}

#[test]
fn a_thousand_copies_are_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let gif = b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
    for class in ["a", "b"] {
        fs::create_dir_all(at.join("ph").join(class)).unwrap();
        (0..500).for_each(|i| fs::write(at.join(format!("ph/{class}/{i}.gif")), gif).unwrap());
    }
    let output = train(at, &["ph", "-q", "-o", "run"]);
    assert_success(&output);
    let said = stderr(&output);
    assert!(
        said.contains("1 picture is 1000 times there, 800 times in training and 200 times in validation"),
        "{said}"
    );
    assert!(said.lines().count() <= 3 && said.len() < 1000, "{said}");
}

#[test]
fn photos_without_end_or_measure_are_left_out_with_a_word() {
    let folder = with_photos(4);
    let at = folder.path();
    assert_success(&train(at, &["photos", "-q", "-o", "run"]));
    fs::File::create(at.join("photos/daisy/huge.jpg")).unwrap().set_len(100 << 30).unwrap();
    let pipe = at.join("photos/daisy/pipe.jpg");
    if !std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
        println!("skipped: there is no mkfifo");
        return;
    }
    let output = petal(at, &["predict", "run", "photos"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output).lines().count(), 20);
    for said in ["huge.jpg: the file has more than 500 MB", "pipe.jpg: is a pipe, a socket or a device"] {
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
    assert_refused(&petal(at, &["show", "photos/daisy/pipe.jpg"]), "is a pipe, a socket or a device");
    assert_refused(&petal(at, &["show", "photos/daisy/huge.jpg"]), "more than 500 MB");
    let output = train(at, &["photos", "-q", "-o", "second"]);
    assert_success(&output);
    assert!(
        stderr(&output).contains("Left out 2 files that cannot be read as photos:"),
        "{}",
        stderr(&output)
    );
}

#[cfg(unix)]
#[test]
fn every_command_takes_paths_that_are_not_utf_8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let folder = with_photos(4);
    let at = folder.path();
    let name = |bytes: &'static [u8]| OsStr::from_bytes(bytes);
    let photos = name(b"fl\xf6wers");
    fs::rename(at.join("photos"), at.join(photos)).unwrap();
    let photo = Path::new(photos).join("daisy").join(name(b"\xe9.jpg"));
    fs::rename(at.join(photos).join("daisy/daisy_001.jpg"), at.join(&photo)).unwrap();
    let run = name(b"r\xfcn");
    let petal = |arguments: &[&OsStr]| command(at, &[]).args(arguments).output().unwrap();
    fn text(argument: &str) -> &OsStr {
        OsStr::new(argument)
    }

    let quick: Vec<&OsStr> = QUICK.into_iter().map(text).collect();
    let output = petal(&[&[text("train"), photos, text("-o"), run], &quick[..]].concat());
    assert_success(&output);
    assert!(stderr(&output).contains(r"fl\xf6wers: 20 photos of 5 classes"), "{}", stderr(&output));
    let output = petal(&[text("train"), text("--resume"), run, text("--epochs"), text("2"), text("-q")]);
    assert_success(&output);
    assert_eq!(fs::read_to_string(at.join(run).join("history.csv")).unwrap().lines().count(), 3);
    let output = petal(&[text("evaluate"), run, photos]);
    assert_success(&output);
    let output = petal(&[text("predict"), run, photos, text("--json")]);
    assert_success(&output);
    let lines = stdout(&output);
    assert_eq!(lines.lines().count(), 20);
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["photo"] == r"fl\xf6wers/daisy/\xe9.jpg"), "{lines:?}");
    let output = petal(&[text("predict"), run, photo.as_os_str(), text("--csv")]);
    assert_success(&output);
    assert!(
        stdout(&output).lines().nth(1).unwrap().starts_with(r"fl\xf6wers/daisy/\xe9.jpg,"),
        "{}",
        stdout(&output)
    );
    let picture = name(b"why\xff.png");
    let output = petal(&[text("explain"), run, photo.as_os_str(), text("-o"), picture]);
    assert_success(&output);
    assert!(at.join(picture).exists());
    let output = petal(&[text("show"), photo.as_os_str(), text("-o"), name(b"sh\xf6w")]);
    assert_success(&output);
    assert!(stderr(&output).contains(r"\xe9.jpg: JPEG"), "{}", stderr(&output));

    // A class is a name: it is text or is refused before anything is written.
    fs::rename(at.join(photos).join("roses"), at.join(photos).join(name(b"ros\xe9"))).unwrap();
    let output = petal(&[&[text("train"), photos, text("-o"), text("second")], &quick[..]].concat());
    assert_refused(&output, r"fl\xf6wers/ros\xe9 has a name that is not UTF-8");
    assert!(!at.join("second").exists());
}
