//! Archives that are the same bytes for the same files: sorted, owned by nobody in particular, all of one time.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use flate2::{Compression, GzBuilder};
use zip::write::SimpleFileOptions;

/// A file for an archive.
struct Member {
    path: PathBuf,
    /// Its name in the archive, with slashes; begins with the folder's own name.
    name: String,
    mode: u32,
}

/// Packs a folder into a `.tar.gz`.
pub(super) fn tar_gz(folder: &Path, archive: &Path, time: u64) -> Result<()> {
    let gzip = GzBuilder::new().write(File::create(archive)?, Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for member in members(folder)? {
        let bytes = fs::read(&member.path)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len().try_into()?);
        header.set_mode(member.mode);
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        tar.append_data(&mut header, &member.name, bytes.as_slice())?;
    }
    tar.into_inner()?.finish()?.sync_all()?;
    Ok(())
}

/// Packs a folder into a `.zip`.
pub(super) fn zip(folder: &Path, archive: &Path) -> Result<()> {
    let mut zip = zip::ZipWriter::new(File::create(archive)?);
    for member in members(folder)? {
        let options = SimpleFileOptions::default()
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(member.mode);
        zip.start_file(member.name, options)?;
        zip.write_all(&fs::read(&member.path)?)?;
    }
    zip.finish()?.sync_all()?;
    Ok(())
}

/// Every file below a folder, by name. The programs at its top may be executed.
fn members(folder: &Path) -> Result<Vec<Member>> {
    let top = folder.file_name().context("an archive has a folder")?;
    let mut members = Vec::new();
    collect(folder, &top.to_string_lossy(), &mut members)?;
    members.sort_by(|one, two| one.name.cmp(&two.name));
    Ok(members)
}

fn collect(folder: &Path, prefix: &str, members: &mut Vec<Member>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file = entry.file_name().to_string_lossy().into_owned();
        let name = format!("{prefix}/{file}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &name, members)?;
        } else {
            let is_program = file == "runvoy" || file == "runvoy.exe";
            members.push(Member {
                path: entry.path(),
                name,
                mode: if is_program { 0o755 } else { 0o644 },
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (tempfile::TempDir, PathBuf) {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("runvoy-1");
        fs::create_dir_all(folder.join("man")).unwrap();
        fs::write(folder.join("runvoy"), "program").unwrap();
        fs::write(folder.join("man/runvoy.1"), "page").unwrap();
        (parent, folder)
    }

    #[test]
    fn the_same_files_make_the_same_archive() {
        let (parent, folder) = sample();
        let (one, two) = (parent.path().join("one"), parent.path().join("two"));
        tar_gz(&folder, &one, 7).unwrap();
        tar_gz(&folder, &two, 7).unwrap();
        assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
        tar_gz(&folder, &two, 8).unwrap();
        assert_ne!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
    }

    #[test]
    fn a_tar_has_one_folder_and_an_executable_program() {
        let (parent, folder) = sample();
        let archive = parent.path().join("a.tar.gz");
        tar_gz(&folder, &archive, 7).unwrap();
        let gzip = flate2::read::GzDecoder::new(File::open(archive).unwrap());
        let mut tar = tar::Archive::new(gzip);
        let found: Vec<(String, u32)> = tar
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let path = entry.path().unwrap().display().to_string();
                (path, entry.header().mode().unwrap())
            })
            .collect();
        let expected = [
            ("runvoy-1/man/runvoy.1".to_owned(), 0o644),
            ("runvoy-1/runvoy".to_owned(), 0o755),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_zip_holds_the_same_files() {
        let (parent, folder) = sample();
        let archive = parent.path().join("a.zip");
        zip(&folder, &archive).unwrap();
        let read = zip::ZipArchive::new(File::open(archive).unwrap()).unwrap();
        let names: Vec<_> = read.file_names().map(Result::unwrap).collect();
        assert_eq!(names, ["runvoy-1/man/runvoy.1", "runvoy-1/runvoy"]);
    }
}
