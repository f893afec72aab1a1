//! A function's zip, unpacked.

use std::fs::{self, File};
use std::io::{self, Cursor};
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use zip::ZipArchive;

/// Unpacks a zip into a directory of its own, which must hold an executable `bootstrap`.
pub(crate) fn unpack(zip: &[u8]) -> Result<TempDir> {
    let mut archive =
        ZipArchive::new(Cursor::new(zip)).context("the function's code is not a zip file")?;
    let directory = tempfile::Builder::new().prefix("lambda-").tempdir()?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = entry
            .enclosed_name()
            .context("the zip names a path outside itself")?;
        let path = directory.path().join(name);
        if entry.is_dir() {
            fs::create_dir_all(&path)?;
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mode = entry.unix_mode().unwrap_or(0o644);
        io::copy(&mut entry, &mut File::create(&path)?)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode & 0o777))?;
    }
    let bootstrap =
        fs::metadata(directory.path().join("bootstrap")).context("the zip holds no `bootstrap`")?;
    ensure!(
        bootstrap.permissions().mode() & 0o111 != 0,
        "`bootstrap` in the zip is not executable"
    );
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn zip_of(name: &str, mode: u32) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer
            .start_file(name, SimpleFileOptions::default().unix_permissions(mode))
            .unwrap();
        writer.write_all(b"#!/bin/sh\n").unwrap();
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn a_zip_needs_an_executable_bootstrap() {
        let directory = unpack(&zip_of("bootstrap", 0o755)).unwrap();
        assert_eq!(
            fs::read(directory.path().join("bootstrap")).unwrap(),
            b"#!/bin/sh\n"
        );
        assert!(unpack(&zip_of("bootstrap", 0o644)).is_err());
        assert!(unpack(&zip_of("main", 0o755)).is_err());
        assert!(unpack(b"not a zip").is_err());
    }

    #[test]
    fn a_zip_cannot_write_outside_its_directory() {
        assert!(unpack(&zip_of("../bootstrap", 0o755)).is_err());
    }
}
