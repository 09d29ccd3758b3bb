//! Archives: what is in them, and what somebody did to them.

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::EntryType;

use super::*;

/// A tar archive of entries of these kinds, names and contents (for links: targets); names are written as they are.
pub fn tar(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (kind, name, content) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(*kind);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        let content = match kind {
            EntryType::Symlink | EntryType::Link => {
                header.set_link_name_literal(content).unwrap();
                ""
            }
            _ => content,
        };
        header.set_size(content.len() as u64);
        header.set_cksum();
        archive.append(&header, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

pub const PHOTOS: [(EntryType, &str, &str); 4] = [
    (EntryType::Directory, "photos/", ""),
    (EntryType::Directory, "./photos/daisy", ""),
    (EntryType::Regular, "photos/daisy/1.jpg", "one"),
    (EntryType::Regular, "photos/rose/2.jpg", "two"),
];

#[test]
fn archives_are_unpacked() {
    for archive in [
        tar(&PHOTOS),
        gzip(&tar(&PHOTOS)),
        zip(&[("photos/daisy/1.jpg", "one"), ("photos/rose/2.jpg", "two")]),
    ] {
        let cache = TempDir::new().unwrap();
        let server = Server::of(archive);
        let url = format!("{}/photos.tgz", server.url);
        let folder = get_file(&url, options(&cache).file_name("photos").extract(true)).unwrap();
        assert_eq!(folder, cache.path().join("datasets/photos"));
        assert_eq!(fs::read(folder.join("photos/daisy/1.jpg")).unwrap(), b"one");
        assert_eq!(fs::read(folder.join("photos/rose/2.jpg")).unwrap(), b"two");
        assert_eq!(names(&cache.path().join("datasets")), ["photos", "photos_archive"]);
        // The folder is used as it is; without it, the archive.
        get_file(&url, options(&cache).file_name("photos").extract(true)).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        get_file(&url, options(&cache).file_name("photos").extract(true)).unwrap();
        assert!(folder.join("photos/rose/2.jpg").is_file());
        assert_eq!(server.requests().len(), 1);
        // The other names of Keras.
        let folder = get_file(&url, options(&cache).extract(true)).unwrap();
        assert_eq!(folder, cache.path().join("datasets/photos.tgz"));
        let folder = get_file(&url, options(&cache).file_name("flowers.tar.gz").extract(true)).unwrap();
        assert_eq!(folder, cache.path().join("datasets/flowers_extracted"));
        assert!(cache.path().join("datasets/flowers.tar.gz").is_file());
    }
}

#[test]
fn long_names_are_kept() {
    let long = format!("{}/{}.jpg", "a".repeat(90), "b".repeat(200));
    let mut gnu = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(3);
    gnu.append_data(&mut header, &long, &b"one"[..]).unwrap();
    let mut pax = tar::Builder::new(Vec::new());
    pax.append_pax_extensions([("path", long.as_bytes())]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_path("short").unwrap();
    header.set_size(3);
    header.set_cksum();
    pax.append(&header, &b"one"[..]).unwrap();
    for archive in [gnu.into_inner().unwrap(), pax.into_inner().unwrap()] {
        let cache = TempDir::new().unwrap();
        let (path, folder) = (cache.path().join("a.tar"), cache.path().join("a"));
        fs::write(&path, archive).unwrap();
        extract_archive(&path, &folder).unwrap();
        assert_eq!(fs::read(folder.join(&long)).unwrap(), b"one");
    }
}

#[test]
fn no_entry_leaves_the_folder_and_half_a_folder_is_none() {
    let photo = (EntryType::Regular, "photos/1.jpg", "one");
    for (archive, problem) in [
        (
            tar(&[photo, (EntryType::Regular, "../out", "out")]),
            "an entry '../out' that would lie outside of the folder",
        ),
        (tar(&[photo, (EntryType::Regular, "photos/../../out", "out")]), "would lie outside"),
        (tar(&[photo, (EntryType::Directory, "../out", "")]), "would lie outside"),
        (tar(&[photo, (EntryType::Regular, "/tmp/out", "out")]), "'/tmp/out' that would lie outside"),
        (
            tar(&[photo, (EntryType::Symlink, "photos/link", "../..")]),
            "an entry 'photos/link' that is a link",
        ),
        (tar(&[photo, (EntryType::Link, "photos/link", "/etc/passwd")]), "'photos/link' that is a link"),
        (tar(&[photo, (EntryType::Fifo, "photos/pipe", "")]), "that is neither a file nor a folder"),
        (zip(&[("1.jpg", "one"), ("../out", "out")]), "'../out' that would lie outside"),
        (zip(&[("1.jpg", "one"), ("..\\out", "out")]), "would lie outside"),
        (zip(&[("1.jpg", "one"), ("/tmp/out", "out")]), "would lie outside"),
        (tar(&[(EntryType::Directory, "photos/", "")]), "holds no files"),
        (tar(&[photo, (EntryType::Regular, "photos", "file")]), "'photos' that is a file in one place"),
        (tar(&[(EntryType::Regular, &"a/".repeat(40), "")]), "more than 32 folders in each other"),
    ] {
        let cache = TempDir::new().unwrap();
        let server = Server::of(archive);
        let options = options(&cache).file_name("photos").extract(true);
        let error = get_file(&format!("{}/photos.zip", server.url), options).unwrap_err().to_string();
        assert!(error.contains(problem) && error.contains("photos_archive"), "{error}");
        assert_eq!(names(&cache.path().join("datasets")), ["photos_archive"]);
        assert_eq!(names(cache.path()), ["datasets"]);
    }
}

#[test]
fn an_archive_that_would_fill_the_disk_is_not_unpacked() {
    let cache = TempDir::new().unwrap();
    let (path, folder) = (cache.path().join("bomb.tgz"), cache.path().join("bomb"));
    let mut encoder = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
    let mut header = tar::Header::new_ustar();
    header.set_path("zeros").unwrap();
    header.set_size(300 << 20);
    header.set_cksum();
    encoder.write_all(header.as_bytes()).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(300 << 20), &mut encoder).unwrap();
    encoder.finish().unwrap();
    let error = extract_archive(&path, &folder).unwrap_err().to_string();
    assert!(error.contains("holds more than 100 times its own size"), "{error}");
    assert_eq!(names(cache.path()), ["bomb.tgz"]);
}

#[test]
fn folders_without_number_are_not_made() {
    let folder = |i: usize| {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(EntryType::Directory);
        header.set_path(format!("{i}")).unwrap();
        header.set_size(0);
        header.set_cksum();
        header
    };
    // As many entries, and as many folders that are only implied.
    let listed = (0..4_000).flat_map(|i| folder(i).as_bytes().to_vec()).chain([0; 1024]).collect();
    let deep = |i: usize| format!("{i}/{}1.jpg", "a/".repeat(25));
    let names: Vec<String> = (0..100).map(deep).collect();
    let implied = tar(&names.iter().map(|name| (EntryType::Regular, &name[..], "")).collect::<Vec<_>>());
    for archive in [listed, implied] {
        let cache = TempDir::new().unwrap();
        let (path, folder) = (cache.path().join("a.tgz"), cache.path().join("a"));
        fs::write(&path, gzip(&archive)).unwrap();
        let error = extract_archive(&path, &folder).unwrap_err().to_string();
        assert!(error.contains("entries for its size"), "{error}");
        assert_eq!(super::names(cache.path()), ["a.tgz"]);
    }
}

/// What is unpacked from these bytes, as names and contents.
fn unpacked(archive: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let cache = TempDir::new().unwrap();
    let (path, folder) = (cache.path().join("archive"), cache.path().join("folder"));
    fs::write(&path, archive).unwrap();
    let result = extract_archive(&path, &folder);
    assert_eq!(names(cache.path()), if result.is_ok() { &["archive", "folder"][..] } else { &["archive"] });
    result?;
    let (mut files, mut folders) = (Vec::new(), vec![folder.clone()]);
    while let Some(at) = folders.pop() {
        for entry in at.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false => {
                    let name = entry.strip_prefix(&folder).unwrap().display().to_string();
                    files.push((name, fs::read(&entry).unwrap()));
                }
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Three photos of some length that cannot be compressed, as tar and as zip.
fn photos() -> (Vec<u8>, Vec<u8>) {
    let noise = |seed: usize| -> String {
        (0..700).map(|i| char::from(33 + ((i * i * 31 + seed * i + i / 7) % 90) as u8)).collect()
    };
    let [one, two, three] = [5, 11, 17].map(noise);
    let photos = [("daisy/1.jpg", &one[..]), ("rose/2.jpg", &two), ("rose/3.jpg", &three)];
    (tar(&photos.map(|(name, content)| (EntryType::Regular, name, content))), zip(&photos))
}

#[test]
fn an_archive_that_is_cut_off_anywhere_is_refused() {
    let (tar, zip) = photos();
    let whole = unpacked(&tar).unwrap();
    assert_eq!(unpacked(&zip).unwrap(), whole);
    // A tar ends with zeros, the first block of which tells that nothing more comes.
    let end = tar.len() - 1024 + 512;
    for (archive, end) in [(&tar, end), (&gzip(&tar), gzip(&tar).len()), (&zip, zip.len())] {
        for cut in (0..end).step_by(97).chain([512, 1024, 2048, end - 512, end - 1, end - 8]) {
            let error = unpacked(&archive[..cut.min(end - 1)]).unwrap_err().to_string();
            assert!(cut < 512 || error.contains("is cut off"), "{cut} of {end}: {error}");
        }
        assert_eq!(unpacked(&archive[..end]).unwrap(), whole);
    }
}

#[test]
fn a_flipped_bit_is_found() {
    let (tar, zip) = photos();
    let whole = unpacked(&tar).unwrap();
    for archive in [gzip(&tar), zip] {
        let (mut tried, mut refused) = (0, 0);
        // Some of all, and each at the end.
        let bits = (0..archive.len() * 8).filter(|bit| bit % 47 == 0 || *bit > (archive.len() - 22) * 8);
        for bit in bits {
            let mut archive = archive.clone();
            archive[bit / 8] ^= 1 << (bit % 8);
            tried += 1;
            match unpacked(&archive) {
                // It was in what says nothing about names and contents, like the time.
                Ok(files) => assert_eq!(files, whole, "{bit}"),
                Err(_) => refused += 1,
            }
        }
        assert!(refused > tried / 2, "{refused} of {tried}");
    }
}

#[test]
fn gzip_ends_as_gnu_tar_takes_it() {
    let (tar, _) = photos();
    let whole = unpacked(&tar).unwrap();
    let (first, second) = tar.split_at(1000);
    let members = [gzip(first), gzip(second)].concat();
    assert_eq!(unpacked(&members).unwrap(), whole);
    assert_eq!(unpacked(&[&members[..], &[0; 700]].concat()).unwrap(), whole);
    // What is behind a tar's end, in the same stream, is left unread by tar, but not by gzip.
    let padded = [&tar[..], &[0; 9000], b"something"].concat();
    assert_eq!(unpacked(&padded).unwrap(), whole);
    assert_eq!(unpacked(&gzip(&padded)).unwrap(), whole);
    let error = unpacked(&[&members[..], b"something"].concat()).unwrap_err().to_string();
    assert!(error.contains("something else behind its end"), "{error}");
    let mut damaged = gzip(&padded);
    let end = damaged.len();
    damaged[end - 6] ^= 1;
    let error = unpacked(&damaged).unwrap_err().to_string();
    assert!(error.contains("checksum"), "{error}");
}

#[test]
fn an_interrupted_folder_is_replaced_and_a_damaged_archive_downloaded_again() {
    let cache = TempDir::new().unwrap();
    let datasets = cache.path().join("datasets");
    let archive = gzip(&tar(&PHOTOS));
    fs::create_dir_all(datasets.join("photos.unpacking/photos/tulip")).unwrap();
    fs::write(datasets.join("photos.unpacking/photos/tulip/3.jpg"), "half").unwrap();
    fs::write(datasets.join("photos_archive"), &archive[..archive.len() - 9]).unwrap();
    let server = Server::of(archive);
    let options = || options(&cache).file_name("photos").extract(true);
    let folder = get_file(&format!("{}/photos.tgz", server.url), options()).unwrap();
    assert_eq!(names(&datasets), ["photos", "photos_archive"]);
    assert_eq!(names(&folder.join("photos")), ["daisy", "rose"]);

    // A damaged one from the server gets no name.
    fs::remove_dir_all(&folder).unwrap();
    fs::remove_file(datasets.join("photos_archive")).unwrap();
    let server = Server::of(tar(&PHOTOS)[..2000].to_vec());
    let error = get_file(&format!("{}/photos.tgz", server.url), options()).unwrap_err().to_string();
    assert!(error.contains("what came is not the file that it should be: it is cut off"), "{error}");
    assert_eq!(names(&datasets), [""; 0]);
}

#[test]
fn what_is_no_archive_is_not_kept() {
    let cache = TempDir::new().unwrap();
    let server = Server::of(b"<html>Please log in</html>".to_vec());
    let error =
        get_file(&format!("{}/a.zip", server.url), options(&cache).extract(true)).unwrap_err().to_string();
    assert!(error.contains("it is no .tar, .tar.gz, .tgz or .zip archive"), "{error}");
    assert_eq!(names(&cache.path().join("datasets")), [""; 0]);
}
