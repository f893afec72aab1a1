//! `cargo xtask man`: the manual pages, written and read by the formatters that readers have.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::process::{root, run};
use crate::test;

/// Writes the pages into `target/man` and checks them.
pub(crate) fn command() -> Result<()> {
    let folder = root().join("target/man");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    run(Command::new(test::program()?).arg("man").arg(&folder))?;
    let pages = pages(&folder)?;
    ensure!(!pages.is_empty(), "no page was written");
    for page in &pages {
        check(page)?;
    }
    println!("{} manual pages are readable", pages.len());
    Ok(())
}

fn pages(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        pages.push(entry?.path());
    }
    pages.sort();
    Ok(pages)
}

/// Formats a page for a terminal; a warning is an error.
fn check(page: &Path) -> Result<()> {
    let output = Command::new("groff")
        .args(["-man", "-Tutf8", "-ww", "-z"])
        .arg(page)
        .output()
        .context("cannot start groff\nhint: sudo apt-get install groff-base")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && said.is_empty(),
        "groff says of {}:\n{said}",
        page.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_groff_warns_of_does_not_hold() {
        let folder = tempfile::tempdir().unwrap();
        let page = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let good = page("good.1", ".TH GOOD 1\n.SH NAME\ngood \\- fine\n");
        let bad = page("bad.1", ".TH BAD 1\n.SH NAME\nbad \\- \\[nosuch]\n");
        check(&good).unwrap();
        assert!(check(&bad).is_err());
        assert_eq!(pages(folder.path()).unwrap(), [bad, good]);
    }
}
