//! What the execution prints, when the measuring program wants it to.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::fs::{CWD, FileType, Mode, mknodat};

/// The text of a line. It is as long as all others, and whole ones fill a pipe: none is cut in two on its way.
pub(crate) fn line(number: u64) -> String {
    format!("line {number:08} {}", ".".repeat(49))
}

/// A named pipe that one command reads from.
#[derive(Debug)]
pub(crate) struct Pipe {
    path: PathBuf,
    file: File,
    written: u64,
}

impl Pipe {
    /// Makes it. It is opened for reading too, so that nobody waits for its reader.
    pub(crate) fn new(path: &Path) -> Result<Self> {
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        Ok(Self {
            path: path.to_owned(),
            file: OpenOptions::new().read(true).write(true).open(path)?,
            written: 0,
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the next lines at once, and answers the number of the last.
    pub(crate) async fn write(&mut self, lines: usize) -> Result<u64> {
        let first = self.written + 1;
        self.written += lines as u64;
        let text: String = (first..=self.written)
            .map(|number| line(number) + "\n")
            .collect();
        let mut file = self.file.try_clone()?;
        // It may have to wait for the reader.
        tokio::task::spawn_blocking(move || file.write_all(text.as_bytes())).await??;
        Ok(self.written)
    }

    /// Ends it, and answers how many lines there were.
    pub(crate) fn close(self) -> u64 {
        self.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_fill_a_pipe() {
        assert_eq!(line(1).len() + 1, 64);
        assert_eq!(line(99_999_999).len() + 1, 64);
    }
}
