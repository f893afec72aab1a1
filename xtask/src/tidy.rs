//! `cargo xtask tidy`: promises about the tree itself. Each is a test too, so that `cargo test` holds them.

mod edges;
mod files;
mod links;
mod names;
mod release;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::process::root;

/// A file of the repository that people write.
#[derive(Debug)]
struct TextFile {
    /// Path from the repository's top, with slashes.
    path: String,
    text: String,
}

impl TextFile {
    fn has_end(&self, end: &str) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|extension| extension == end)
    }
}

/// Runs every check and lists what does not hold.
pub(crate) fn command() -> Result<()> {
    let files = text_files()?;
    let mut problems = edges::problems(&edges::workspace()?);
    problems.extend(files::problems(&files));
    problems.extend(links::problems(root(), &files));
    problems.extend(names::problems(&files));
    problems.extend(release::problems(&files));
    if problems.is_empty() {
        return Ok(());
    }
    bail!("the tree is not tidy:\n  {}", problems.join("\n  "));
}

/// Every text file outside of what git and cargo make.
fn text_files() -> Result<Vec<TextFile>> {
    let mut paths = Vec::new();
    collect(root(), &mut paths)?;
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        // What is not UTF-8 is no text and has no lines to check.
        let Ok(text) = String::from_utf8(fs::read(&path)?) else {
            continue;
        };
        let path = path.strip_prefix(root())?.display().to_string();
        files.push(TextFile { path, text });
    }
    Ok(files)
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let kind = entry.file_type()?;
        if kind.is_dir() && name != ".git" && !name.starts_with("target") {
            collect(&entry.path(), paths)?;
        } else if kind.is_file() {
            paths.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_point_inwards() {
        let none: [String; 0] = [];
        assert_eq!(edges::problems(&edges::workspace().unwrap()), none);
    }

    #[test]
    fn files_are_small_and_where_they_belong() {
        let none: [String; 0] = [];
        assert_eq!(files::problems(&text_files().unwrap()), none);
    }

    #[test]
    fn links_between_documents_lead_somewhere() {
        let none: [String; 0] = [];
        assert_eq!(links::problems(root(), &text_files().unwrap()), none);
    }

    #[test]
    fn every_name_in_the_architecture_exists() {
        let none: [String; 0] = [];
        assert_eq!(names::problems(&text_files().unwrap()), none);
    }

    #[test]
    fn what_publishes_a_release_and_what_fetches_it_agree_on_its_names() {
        let none: [String; 0] = [];
        assert_eq!(release::problems(&text_files().unwrap()), none);
    }
}
