//! The file of a spool: made when it is first needed, without a name, readable by nobody else.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A file that does not exist before its first write.
#[derive(Debug)]
pub(super) struct SpoolFile {
    dir: PathBuf,
    limit: u64,
    file: Mutex<Option<Arc<File>>>,
}

impl SpoolFile {
    /// A file in `dir` of at most `limit` bytes.
    pub(super) fn new(dir: PathBuf, limit: u64) -> Self {
        Self {
            dir,
            limit,
            file: Mutex::new(None),
        }
    }

    /// Writes all of `bytes` at `offset`, or fails; a part may be written then.
    pub(super) fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if offset + bytes.len() as u64 > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.get_or_make()?.write_all_at(bytes, offset)
    }

    /// Fills `out` from `offset`.
    pub(super) fn read(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        self.get_or_make()?.read_exact_at(out, offset)
    }

    /// Gives the room back. Where that fails, the next writes overwrite what lies there.
    pub(super) fn empty(&self) {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*file {
            drop(file.set_len(0));
        }
    }

    fn get_or_make(&self) -> io::Result<Arc<File>> {
        let mut slot = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*slot {
            return Ok(file.clone());
        }
        let file = Arc::new(make_unlinked(&self.dir)?);
        Ok(slot.insert(file).clone())
    }
}

fn make_unlinked(dir: &Path) -> io::Result<File> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
    let path = dir.join(format!(".runvoy-spool-{:016x}", u64::from_ne_bytes(random)));
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
