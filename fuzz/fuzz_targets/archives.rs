//! Archives of all kinds: unpacked whole, or nothing is left.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use petal::download::extract_archive;

fuzz_target!(init: petal_fuzz::watch_panics(), |data: &[u8]| {
    let folder = petal_fuzz::folder();
    let (archive, unpacked) = (folder.path().join("archive"), folder.path().join("unpacked"));
    fs::write(&archive, data).expect("the file can be written");
    let left = match extract_archive(&archive, &unpacked) {
        Ok(()) => 2,
        Err(_) => 1,
    };
    let entries = fs::read_dir(folder.path()).expect("the folder is there").count();
    assert_eq!(entries, left, "the archive, and a folder only if it is whole");
});
