//! Who owns which executions, where several commands share a data directory: each holds a file locked while it lives.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use runvoy_core::id::OwnerId;
use rustix::fs::{FlockOperation, flock};

/// This process's lock file; the lock ends with the process, however it ends.
#[derive(Debug)]
pub(crate) struct Owner {
    id: OwnerId,
    path: PathBuf,
    _lock: File,
}

impl Owner {
    /// Takes the lock of `id` in `directory`.
    pub(crate) fn new(directory: &Path, id: OwnerId) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let path = directory.join(id.as_str());
        let lock = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self {
            id,
            path,
            _lock: lock,
        })
    }

    pub(crate) fn id(&self) -> &OwnerId {
        &self.id
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // What cannot be removed is found unlocked, and that is as good.
        let _removed = fs::remove_file(&self.path);
    }
}

/// Whether the process of this name lives: its file is there and locked.
pub(crate) fn is_alive(directory: &Path, id: &OwnerId) -> bool {
    let Ok(file) = File::open(directory.join(id.as_str())) else {
        return false;
    };
    flock(&file, FlockOperation::NonBlockingLockShared).is_err()
}

/// Removes the files of owners that are dead, and their sockets.
pub(crate) fn sweep(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    for id in names.filter_map(|name| name.parse::<OwnerId>().ok()) {
        if !is_alive(directory, &id) {
            // Somebody else may sweep at the same time.
            let _removed = fs::remove_file(directory.join(id.as_str()));
            let _removed = fs::remove_file(directory.join(format!("{id}.sock")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_lives_as_long_as_its_lock() {
        let dir = tempfile::tempdir().unwrap();
        let id: OwnerId = "a".repeat(32).parse().unwrap();
        assert!(!is_alive(dir.path(), &id));
        let owner = Owner::new(dir.path(), id.clone()).unwrap();
        assert!(is_alive(dir.path(), owner.id()));
        drop(owner);
        assert!(!is_alive(dir.path(), &id));
    }

    #[test]
    fn only_the_dead_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let owner = Owner::new(dir.path(), "a".repeat(32).parse().unwrap()).unwrap();
        let dead = dir.path().join("b".repeat(32));
        let socket = dir.path().join(format!("{}.sock", "b".repeat(32)));
        fs::write(&dead, "").unwrap();
        fs::write(&socket, "").unwrap();
        sweep(dir.path());
        assert!(owner.path().exists() && !dead.exists() && !socket.exists());
    }
}
