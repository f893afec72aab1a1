//! The directory of one attempt.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use runvoy_core::id::AttemptId;
use runvoy_wire::process_place::ProcessPlace;
use rustix::fs::{FlockOperation, flock};

/// Longest complaint of an agent that is shown, in bytes.
const MAX_COMPLAINT: usize = 500;

/// `runs/{attempt}`.
#[derive(Debug, Clone)]
pub(crate) struct RunDir(PathBuf);

/// Whether the agent lives, by the lock that only its death frees.
#[derive(Debug)]
pub(crate) enum AgentLock {
    /// Its agent holds the lock.
    Held,
    /// It is free, and ours as long as the file is open.
    Free(File),
    /// There is no such directory: nothing was ever placed, or it was cleaned up.
    Absent,
}

impl RunDir {
    pub(crate) fn new(runs: &Path, attempt: &AttemptId) -> Self {
        Self(runs.join(attempt.to_string()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.0.join("work")
    }

    pub(crate) fn copy(&self) -> PathBuf {
        self.0.join("agent.log")
    }

    /// Makes the directory, for its owner only. There already: nothing happens.
    pub(crate) fn create(&self) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(self.work())
    }

    /// Opens a file of the directory for appending, for its owner only.
    pub(crate) fn append(&self, name: &str) -> io::Result<File> {
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(self.0.join(name))
    }

    /// Tries the lock.
    pub(crate) fn lock(&self) -> io::Result<AgentLock> {
        let file = match OpenOptions::new()
            .read(true)
            .write(true)
            .open(self.0.join("lock"))
        {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(AgentLock::Absent),
            Err(error) => return Err(error),
        };
        try_lock(file)
    }

    /// Makes the lock file where there is none, and tries the lock.
    pub(crate) fn create_lock(&self) -> io::Result<AgentLock> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o600);
        try_lock(options.open(self.0.join("lock"))?)
    }

    /// Notes which process was placed, so that it can be stopped before it has named itself.
    pub(crate) fn note_agent(&self, place: &ProcessPlace) -> io::Result<()> {
        fs::write(self.0.join("agent"), place.to_string())
    }

    /// The process that was placed, as far as that was noted.
    pub(crate) fn noted_agent(&self) -> Option<ProcessPlace> {
        fs::read_to_string(self.0.join("agent")).ok()?.parse().ok()
    }

    /// The last thing that the agent complained of.
    pub(crate) fn complaint(&self) -> Option<String> {
        let text = fs::read(self.0.join("agent.err")).ok()?;
        let tail =
            String::from_utf8_lossy(&text[text.len().saturating_sub(MAX_COMPLAINT)..]).into_owned();
        tail.lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty())
            .map(str::to_owned)
    }

    /// Removes the directory and everything in it. Not there: nothing happens.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            answer => answer,
        }
    }
}

fn try_lock(file: File) -> io::Result<AgentLock> {
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(AgentLock::Free(file)),
        Err(error) if error == rustix::io::Errno::WOULDBLOCK => Ok(AgentLock::Held),
        Err(error) => Err(error.into()),
    }
}
