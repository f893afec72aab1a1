//! A Docker Engine for the examples that need one.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::process::{output, works};

/// The image that examples use.
const IMAGE: &str = "busybox";
/// Debian's statically linked busybox.
const BUSYBOX: &str = "/bin/busybox";
/// What runvoy makes in an engine and keeps beyond a run, and the label by which it is found.
const KEPT: [(&str, &str); 2] = [
    ("network", "label=runvoy.stack"),
    ("volume", "label=runvoy.agent"),
];
/// Where an engine of the system's own listens.
const SYSTEM: &str = "unix:///var/run/docker.sock";

/// An engine that has the image; what was started or imported for it goes when this is dropped.
#[derive(Debug)]
pub(super) struct Engine {
    address: String,
    daemon: Option<(Child, TempDir)>,
    has_imported: bool,
    /// What runvoy had made here before.
    known: Vec<String>,
}

impl Engine {
    /// The system's engine, or one of its own where there is none and the caller is root. The error says what is missing.
    pub(super) fn find() -> Result<Self> {
        ensure!(works("docker", &["--version"]), "there is no docker here");
        ensure!(Path::new(BUSYBOX).exists(), "there is no {BUSYBOX} here");
        let mut engine = Self {
            address: SYSTEM.to_owned(),
            daemon: None,
            has_imported: false,
            known: Vec::new(),
        };
        if !engine.answers() {
            engine.start()?;
        }
        if !engine.works(&["image", "inspect", IMAGE]) {
            engine.import()?;
        }
        engine.known = engine.kept().into_iter().map(|(_, id)| id).collect();
        Ok(engine)
    }

    /// What runvoy has made in this engine and keeps: kind and id.
    fn kept(&self) -> Vec<(&'static str, String)> {
        let list = |(kind, filter): (&'static str, &str)| {
            let arguments = [
                "--host",
                &self.address,
                kind,
                "ls",
                "--quiet",
                "--filter",
                filter,
            ];
            let ids = output(Command::new("docker").args(arguments)).unwrap_or_default();
            let ids: Vec<_> = ids.lines().map(|id| (kind, id.to_owned())).collect();
            ids
        };
        KEPT.into_iter().flat_map(list).collect()
    }

    /// What `DOCKER_HOST` is to be.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    fn answers(&self) -> bool {
        self.works(&["version"])
    }

    fn works(&self, arguments: &[&str]) -> bool {
        let host = ["--host", &self.address];
        works("docker", &[&host, arguments].concat())
    }

    fn start(&mut self) -> Result<()> {
        let is_root = output(Command::new("id").arg("-u"))?.trim() == "0";
        ensure!(
            is_root,
            "no Docker Engine answers, and only root can start one"
        );
        ensure!(works("dockerd", &["--version"]), "there is no dockerd here");
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name).display().to_string();
        self.address = format!("unix://{}", at("docker.sock"));
        let child = Command::new("dockerd")
            .args(["--host", &self.address, "--bridge", "none"])
            .args(["--data-root", &at("data"), "--exec-root", &at("exec")])
            .args(["--pidfile", &at("pid")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("log"))?)
            .spawn()
            .context("cannot start dockerd")?;
        let log = folder.path().join("log");
        self.daemon = Some((child, folder));
        let wait =
            "for i in $(seq 300); do docker --host \"$0\" version && exit; sleep 0.1; done; exit 1";
        if !works("bash", &["-c", wait, &self.address]) {
            let said = fs::read_to_string(log).unwrap_or_default();
            let last: Vec<&str> = said.lines().rev().take(3).collect();
            anyhow::bail!("dockerd does not start: {}", last.join("; "));
        }
        Ok(())
    }

    /// Makes the image of the busybox that is installed, for no registry can be counted on.
    fn import(&mut self) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let tree = folder.path();
        fs::create_dir(tree.join("bin"))?;
        fs::create_dir(tree.join("etc"))?;
        fs::create_dir(tree.join("tmp"))?;
        fs::set_permissions(tree.join("tmp"), fs::Permissions::from_mode(0o1777))?;
        fs::set_permissions(tree, fs::Permissions::from_mode(0o755))?;
        fs::write(tree.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
        fs::copy(BUSYBOX, tree.join("bin/busybox"))?;
        let applets = output(Command::new(BUSYBOX).arg("--list"))?;
        for applet in applets.lines().filter(|applet| *applet != "busybox") {
            symlink("busybox", tree.join("bin").join(applet))?;
        }
        let import = "tar -C \"$1\" -c . | docker --host \"$0\" import - \"$2\"";
        let place = tree.display().to_string();
        let is_there = works(
            "bash",
            &["-o", "pipefail", "-c", import, &self.address, &place, IMAGE],
        );
        ensure!(is_there, "the image {IMAGE} cannot be imported");
        self.has_imported = true;
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for (kind, id) in self.kept() {
            if !self.known.contains(&id) {
                self.works(&[kind, "rm", &id]);
            }
        }
        if self.has_imported && self.daemon.is_none() {
            self.works(&["image", "rm", IMAGE]);
        }
        if let Some((child, folder)) = &mut self.daemon {
            works("kill", &[&child.id().to_string()]);
            child.wait().ok();
            // What a daemon leaves mounted would keep its folder from being removed.
            let unmount = "findmnt -rno TARGET | grep -F \"$0/\" | sort -r | xargs -r umount";
            works(
                "bash",
                &["-c", unmount, &folder.path().display().to_string()],
            );
        }
    }
}
