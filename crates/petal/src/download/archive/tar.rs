//! Tar archives, with the long names of GNU tar and of POSIX (pax).

use std::io::{self, Read};
use std::path::PathBuf;

use tar::{Archive, EntryType, Header, PaxExtensions};

use super::Problem;
use super::target::Target;

/// The longest name of an entry.
const LONGEST_NAME: u64 = 1 << 16;

/// Whether a tar archive begins with these bytes: the mark of POSIX and GNU tar, or, as before there was one, a checksum
/// that is right.
pub(super) fn begins_with(head: &[u8]) -> bool {
    let Some(block) = head.get(..512) else { return false };
    let sum = |range: std::ops::Range<usize>| block[range].iter().map(|&byte| u32::from(byte)).sum::<u32>();
    let expected = sum(0..148) + 8 * u32::from(b' ') + sum(156..512);
    block[257..262] == *b"ustar"
        || block[0] != 0 && Header::from_byte_slice(block).cksum().is_ok_and(|found| found == expected)
}

/// Unpacks all entries and reads the stream to its end, where gzip has its checksum.
pub(super) fn unpack(archive: impl Read, target: &mut Target) -> Result<(), Problem> {
    let mut archive = Archive::new(Ending { stream: archive, reached: false });
    let result = unpack_entries(&mut archive, target);
    let mut rest = archive.into_inner();
    match result {
        // An archive ends with a block of zeros, so its stream never ends before one looks for the next entry.
        Ok(()) | Err(Problem::Damaged(_)) if rest.reached => Err(Problem::Damaged("is cut off".into())),
        Ok(()) => target.skip(&mut rest),
        problem => problem,
    }
}

/// A stream that notes that someone has tried to read past its end.
struct Ending<R> {
    stream: R,
    reached: bool,
}

impl<R: Read> Read for Ending<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.stream.read(buffer)?;
        self.reached |= n == 0 && !buffer.is_empty();
        Ok(n)
    }
}

fn unpack_entries(archive: &mut Archive<impl Read>, target: &mut Target) -> Result<(), Problem> {
    // A name that the entry's head has no room for comes as an entry of its own.
    let mut long_name: Option<PathBuf> = None;
    // Raw entries, because the crate would read names of any length into memory.
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        target.count()?;
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName => {
                let bytes = name_bytes(&mut entry)?;
                long_name = Some(name(bytes.split(|&byte| byte == 0).next().unwrap_or_default())?);
            }
            EntryType::XHeader => long_name = pax_name(&name_bytes(&mut entry)?)?.or(long_name),
            // Settings for all entries, none of them of use here; the rest of a link, which is refused when it comes.
            EntryType::XGlobalHeader | EntryType::GNULongLink => (),
            _ => {
                let name = match long_name.take() {
                    Some(name) => name,
                    None => name(&entry.path_bytes())?,
                };
                // Before there was a kind for folders, they had names that end so.
                let old_folder = name.as_os_str().as_encoded_bytes().ends_with(b"/");
                match kind {
                    EntryType::Directory => target.folder(&name)?,
                    EntryType::Regular if old_folder => target.folder(&name)?,
                    EntryType::Regular | EntryType::Continuous => {
                        let length = entry.header().entry_size()?;
                        target.file(&name, length, &mut entry)?;
                    }
                    EntryType::Symlink | EntryType::Link => return Err(target.refused(&name, "is a link")),
                    _ => return Err(target.refused(&name, "is neither a file nor a folder")),
                }
            }
        }
    }
    match long_name {
        Some(_) => Err(Problem::Damaged("ends with a name that nothing has".into())),
        None => Ok(()),
    }
}

/// The contents of an entry that is another one's name.
fn name_bytes(entry: &mut impl Read) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    entry.take(LONGEST_NAME + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > LONGEST_NAME {
        true => Err(Problem::Refused(format!("has a name of more than {LONGEST_NAME} bytes"))),
        false => Ok(bytes),
    }
}

/// The name in an entry of extended settings, if there is one.
fn pax_name(bytes: &[u8]) -> Result<Option<PathBuf>, Problem> {
    let mut found = None;
    for setting in PaxExtensions::new(bytes) {
        let setting = setting?;
        match setting.key_bytes() {
            b"path" => found = Some(name(setting.value_bytes())?),
            b"size" => return Err(Problem::Refused("has a file of more than 8 GB".into())),
            _ => (),
        }
    }
    Ok(found)
}

#[cfg(unix)]
fn name(bytes: &[u8]) -> Result<PathBuf, Problem> {
    Ok(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).into())
}

#[cfg(not(unix))]
fn name(bytes: &[u8]) -> Result<PathBuf, Problem> {
    let name = std::str::from_utf8(bytes);
    name.map(PathBuf::from).map_err(|_| Problem::Refused("has a name that is not UTF-8".into()))
}
