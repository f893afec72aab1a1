//! `--result-file`.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use crate::commands::result::RunResult;
use crate::exit::ExitStatus;
use crate::failure::{self, Failure};

/// A file for the result, proved writable before anything runs.
#[derive(Debug)]
pub(super) struct ResultFile {
    path: PathBuf,
}

impl ResultFile {
    /// Opens it once; an existing one keeps its content until there is a result.
    pub(super) fn prepare(path: &Path) -> Result<Self, Failure> {
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .map_err(|error| {
                failure::file("written", path.display(), &error).exits(ExitStatus::USAGE)
            })?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Replaces its content.
    pub(super) fn write(&self, result: &RunResult) -> Result<(), Failure> {
        let text = serde_json::to_string(result)
            .map_err(|error| Failure::new("the result cannot be written").because(&error))?;
        std::fs::write(&self.path, text + "\n")
            .map_err(|error| failure::file("written", self.path.display(), &error))
    }
}
