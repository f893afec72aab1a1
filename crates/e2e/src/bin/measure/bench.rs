//! What the parts share.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Result, bail};

/// Everything that can be measured, in this order.
pub(crate) const PARTS: [&str; 9] = [
    "local",
    "submit",
    "container",
    "follow",
    "followers",
    "pueue",
    "ingest",
    "authorization",
    "list",
];
/// How many times fewer repetitions there are where only a look is wanted.
const SHORTER: usize = 10;

/// What the parts share.
#[derive(Debug)]
pub(crate) struct Bench {
    /// The program that is measured.
    pub(crate) runvoy: PathBuf,
    /// Where everything is kept.
    pub(crate) folder: PathBuf,
    /// The job queue beside which the server is measured; its daemon lies beside it.
    pub(crate) pueue: PathBuf,
    is_short: bool,
}

impl Bench {
    /// Reads the command line: what to measure with, and which parts.
    pub(crate) fn from_words(words: &[OsString]) -> Result<(Self, Vec<&str>)> {
        let [runvoy, folder, rest @ ..] = words else {
            bail!("usage: measure RUNVOY FOLDER [--short] [--pueue=PROGRAM] [PART…]");
        };
        let mut bench = Self {
            runvoy: PathBuf::from(runvoy).canonicalize()?,
            folder: PathBuf::from(folder).canonicalize()?,
            pueue: PathBuf::from("pueue"),
            is_short: false,
        };
        let mut parts = Vec::new();
        for word in rest.iter().filter_map(|word| word.to_str()) {
            match word.strip_prefix("--pueue=") {
                Some(program) => bench.pueue = PathBuf::from(program),
                None if word == "--short" => bench.is_short = true,
                None => parts.push(word),
            }
        }
        if parts.is_empty() {
            parts = PARTS.to_vec();
        }
        Ok((bench, parts))
    }

    /// How often to repeat what is usually repeated so many times; odd, so that there is a middle.
    pub(crate) fn times(&self, usually: usize) -> usize {
        if self.is_short {
            (usually / SHORTER).max(3) | 1
        } else {
            usually
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<(Bench, Vec<String>)> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let (bench, parts) = Bench::from_words(&words)?;
        Ok((bench, parts.into_iter().map(str::to_owned).collect()))
    }

    #[test]
    fn without_a_part_everything_is_measured() {
        let (bench, parts) = read(". . --short --pueue=/opt/pueue").unwrap();
        assert_eq!(parts, PARTS);
        assert_eq!(bench.pueue, PathBuf::from("/opt/pueue"));
        assert_eq!(bench.times(41), 5);
        let (bench, parts) = read(". . local list").unwrap();
        assert_eq!(parts, ["local", "list"]);
        assert_eq!(bench.times(41), 41);
        assert!(read(".").is_err());
    }
}
