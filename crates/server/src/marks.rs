//! Which attempts were given to a container engine, and to which one: a file each.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use runvoy_core::id::{AttemptId, OwnerId};

/// A container engine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EngineName {
    /// Its identity, by its own word.
    pub(crate) id: String,
    /// Where it was found.
    pub(crate) address: String,
}

/// What is noted of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Whose it is, where several share the directory.
    pub(crate) owner: Option<OwnerId>,
    /// Which engine has it.
    pub(crate) engine: EngineName,
}

/// The marks of one data directory.
#[derive(Debug)]
pub(crate) struct Marks {
    directory: PathBuf,
    /// Whose are those that are set here.
    owner: Option<OwnerId>,
}

impl Marks {
    pub(crate) fn new(directory: PathBuf, owner: Option<OwnerId>) -> Self {
        Self { directory, owner }
    }

    /// What is noted of the attempt; none where it was given to no engine.
    pub(crate) fn find(&self, attempt: &AttemptId) -> io::Result<Option<Mark>> {
        let text = match fs::read_to_string(self.path(attempt)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut lines = text.lines();
        let mut line = || lines.next().unwrap_or_default().to_owned();
        Ok(Some(Mark {
            owner: line().parse().ok(),
            engine: EngineName {
                id: line(),
                address: line(),
            },
        }))
    }

    /// Every attempt that is marked.
    pub(crate) fn list(&self) -> io::Result<Vec<AttemptId>> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| name.parse().ok()).collect())
    }

    /// Marks the attempt, whole or not at all; one that is marked stays as it is.
    pub(crate) fn set(&self, attempt: &AttemptId, engine: &EngineName) -> io::Result<()> {
        if self.find(attempt)?.is_some() {
            return Ok(());
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)?;
        let owner = self.owner.as_ref().map_or("", OwnerId::as_str);
        let draft = self.directory.join(format!("{attempt}.new"));
        fs::write(
            &draft,
            format!("{owner}\n{}\n{}\n", engine.id, engine.address),
        )?;
        fs::rename(draft, self.path(attempt))
    }

    pub(crate) fn clear(&self, attempt: &AttemptId) -> io::Result<()> {
        match fs::remove_file(self.path(attempt)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn path(&self, attempt: &AttemptId) -> PathBuf {
        self.directory.join(attempt.to_string())
    }
}
