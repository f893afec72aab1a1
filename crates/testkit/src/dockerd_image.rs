//! Images for a test's Docker Engine, made without a registry.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// The files of an image, all root's, and its settings.
#[derive(Debug)]
pub struct Image {
    files: TempDir,
    changes: Vec<String>,
}

impl Image {
    /// An image without anything.
    pub fn scratch() -> Self {
        let files = tempfile::tempdir().unwrap();
        fs::set_permissions(files.path(), Permissions::from_mode(0o755)).unwrap();
        Self {
            files,
            changes: Vec::new(),
        }
    }

    /// A small system: a shell and its tools, root and the user `nobody`, `/tmp`.
    pub fn busybox() -> Self {
        let image = Self::scratch()
            .file("/bin/busybox", &busybox(), 0o755)
            .file(
                "/etc/passwd",
                b"root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
                0o644,
            )
            .file("/etc/group", b"root:x:0:\nnobody:x:65534:\n", 0o644)
            .directory("/tmp", 0o1777);
        let tools = Command::new("busybox").arg("--list").output().unwrap();
        for tool in String::from_utf8(tools.stdout).unwrap().lines() {
            let link = image.path(&format!("/bin/{tool}"));
            if tool != "busybox" {
                symlink("busybox", link).unwrap();
            }
        }
        image.change("ENV PATH=/bin")
    }

    /// With this file.
    #[must_use]
    pub fn file(self, path: &str, bytes: &[u8], mode: u32) -> Self {
        let place = self.path(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, bytes).unwrap();
        fs::set_permissions(place, Permissions::from_mode(mode)).unwrap();
        self
    }

    /// With this directory.
    #[must_use]
    pub fn directory(self, path: &str, mode: u32) -> Self {
        let place = self.path(path);
        fs::create_dir_all(&place).unwrap();
        fs::set_permissions(place, Permissions::from_mode(mode)).unwrap();
        self
    }

    /// With this setting, as a line of a Dockerfile: `USER nobody`, `ENTRYPOINT ["/x"]`.
    #[must_use]
    pub fn change(mut self, line: &str) -> Self {
        self.changes.push(line.to_owned());
        self
    }

    pub(crate) fn changes(&self) -> &[String] {
        &self.changes
    }

    /// Its files, as an archive.
    pub fn archive(&self) -> Vec<u8> {
        let mut tar = Command::new("tar");
        tar.args(["--create", "--owner=0", "--group=0", "--directory"]);
        let output = tar.arg(self.files.path()).arg(".").output().unwrap();
        assert!(output.status.success(), "tar failed");
        output.stdout
    }

    fn path(&self, path: &str) -> PathBuf {
        self.files.path().join(path.trim_start_matches('/'))
    }
}

/// A program that needs nothing else and does what its name says: as `/echo` it echoes.
pub fn busybox() -> Vec<u8> {
    let paths = ["/bin/busybox", "/usr/bin/busybox"];
    let found = paths.iter().find_map(|path| fs::read(path).ok());
    found.unwrap_or_else(|| panic!("there is no busybox; as root: apt-get install busybox-static"))
}
