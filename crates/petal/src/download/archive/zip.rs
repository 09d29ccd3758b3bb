//! Zip archives.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use zip::ZipArchive;
use zip::result::ZipError;

use super::Problem;
use super::target::Target;

/// Unpacks all entries; the checksum of each is compared when its end is read.
pub(super) fn unpack(archive: impl Read + Seek, target: &mut Target) -> Result<(), Problem> {
    let mut archive = open(archive)?;
    for i in 0..archive.len() {
        target.count()?;
        let mut entry = archive.by_index(i)?;
        let name = PathBuf::from(entry.name()?.replace('\\', "/"));
        if entry.is_symlink() {
            return Err(target.refused(&name, "is a link"));
        }
        if entry.is_dir() || name.as_os_str().as_encoded_bytes().ends_with(b"/") {
            target.folder(&name)?;
        } else {
            let length = entry.size();
            target.file(&name, length, &mut entry)?;
        }
    }
    Ok(())
}

/// Opens an archive whose list of files is right. No checksum covers it, but each name is there twice, in the list at the
/// archive's end and before the entry's contents, and so is the list's length.
fn open<R: Read + Seek>(archive: R) -> Result<ZipArchive<R>, Problem> {
    let mut archive = ZipArchive::new(archive).map_err(|problem| match problem {
        ZipError::InvalidArchive(_) => {
            Problem::Damaged("is cut off or damaged: its list of files, at its end, is missing".into())
        }
        problem => problem.into(),
    })?;
    let mut heads = Vec::with_capacity(archive.len());
    for i in 0..archive.len() {
        let entry = archive.by_index_raw(i)?;
        heads.push((entry.central_header_start(), entry.header_start()));
    }
    let mut file = archive.into_inner();
    let mut end = None;
    for (listed, before) in heads {
        let name = name_at(&mut file, listed + 28, listed + 46)?;
        if name != name_at(&mut file, before + 26, before + 30)? {
            let name = String::from_utf8_lossy(&name).escape_debug().to_string();
            return Err(Problem::Damaged(format!("is damaged: its entry '{name}' has two names")));
        }
        let [extra, comment] = [listed + 30, listed + 32].map(|at| u16_at(&mut file, at));
        end = end.max(Some(listed + 46 + name.len() as u64 + u64::from(extra?) + u64::from(comment?)));
    }
    if let Some(end) = end {
        let mut mark = [0; 4];
        file.seek(SeekFrom::Start(end))?;
        file.read_exact(&mut mark)?;
        if mark == *b"PK\x01\x02" {
            return Err(Problem::Damaged("is damaged: it lists more files than it counts".into()));
        }
    }
    Ok(ZipArchive::new(file)?)
}

fn name_at(file: &mut (impl Read + Seek), length_at: u64, at: u64) -> io::Result<Vec<u8>> {
    let mut name = vec![0; u16_at(file, length_at)?.into()];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut name)?;
    Ok(name)
}

fn u16_at(file: &mut (impl Read + Seek), at: u64) -> io::Result<u16> {
    let mut bytes = [0; 2];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    Ok(u16::from_le_bytes(bytes))
}

impl From<ZipError> for Problem {
    fn from(problem: ZipError) -> Problem {
        match problem {
            ZipError::Io(problem) => problem.into(),
            ZipError::InvalidArchive(problem) => Problem::Damaged(format!("is damaged ({problem})")),
            problem => Problem::Refused(format!("is of a kind that is not read here ({problem})")),
        }
    }
}
