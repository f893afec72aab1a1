//! A directory of a test's own, in which everything that it starts keeps its files.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::cli::Cli;
use super::processes;

/// Whatever was started in it dies with it.
#[derive(Debug)]
pub(crate) struct World {
    directory: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::Builder::new().prefix("e2e-").tempdir().unwrap(),
        }
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A path in it, to be written into a command.
    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).into_os_string().into_string().unwrap()
    }

    /// The command line with a home of this name.
    pub(crate) fn home(&self, name: &str) -> Cli {
        let home = self.path(name);
        fs::create_dir_all(&home).unwrap();
        Cli::at_home(home)
    }

    /// The command line without a server.
    pub(crate) fn local(&self) -> Cli {
        self.home("home").before("--local")
    }

    /// Where `--local` keeps its data.
    pub(crate) fn local_data(&self) -> PathBuf {
        self.path("home").join(".runvoy").join("local")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        processes::sweep(self.directory.path());
    }
}

/// The lines of a file; none where there is no file.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
