//! Docker as people use it by hand: what runvoy's containers are measured beside.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::bench::Bench;
use crate::program::{command, printed, timed};

/// The image of all containers here, for runvoy and for Docker alike.
pub(crate) const IMAGE: &str = "runvoy-measure:busybox";
/// The network of containers that have one of their own.
pub(crate) const NETWORK: &str = "runvoy-measure";
/// The one static program that the image is made of, and its names.
const BUSYBOX: &str = "/bin/busybox";
const NAMES: [&str; 5] = ["sh", "true", "echo", "awk", "cat"];
/// What of a control plane may be left in the engine, with the word that lists it.
const KINDS: [&str; 2] = ["network", "volume"];

/// Docker's own command line and an engine that answers it, with an image to run. What is made here is removed again.
#[derive(Debug)]
pub(crate) struct Docker {
    home: PathBuf,
    before: BTreeSet<(&'static str, String)>,
}

impl Docker {
    /// Finds it and runs a first container; the error is why there is none.
    pub(crate) fn find(bench: &Bench) -> Result<Self> {
        let home = bench.folder.join("docker");
        fs::create_dir_all(&home)?;
        let version = ["docker", "version", "--format", "{{.Server.Version}}"];
        printed(&mut command(&home, &version)).context("no Docker Engine answers")?;
        let mut docker = Self {
            home,
            before: BTreeSet::new(),
        };
        docker.before = docker.of_control_planes()?;
        docker.make_image()?;
        // One that was cut off has left it.
        let _removed = docker.ask(&["network", "rm", NETWORK]);
        docker.ask(&["network", "create", NETWORK])?;
        docker
            .ask(&["run", "--rm", IMAGE, "true"])
            .context("the image made of busybox does not run")?;
        Ok(docker)
    }

    /// One of its commands.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut docker = command(&self.home, &["docker"]);
        docker.args(arguments);
        docker
    }

    /// What one of its commands prints.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<String> {
        printed(&mut self.command(arguments))
    }

    /// An image with one static program under a few names.
    fn make_image(&self) -> Result<()> {
        let root = self.home.join("root");
        let programs = root.join("bin");
        fs::create_dir_all(&programs)?;
        fs::copy(BUSYBOX, programs.join("busybox"))
            .context("busybox is missing (sudo apt-get install busybox-static)")?;
        for name in NAMES {
            let link = programs.join(name);
            if !link.exists() {
                symlink("busybox", link)?;
            }
        }
        self.import(&root)
    }

    fn import(&self, root: &Path) -> Result<()> {
        let mut tar = Command::new("tar")
            .args(["--owner=0", "--group=0", "-c", "-C"])
            .arg(root)
            .arg(".")
            .stdout(Stdio::piped())
            .spawn()?;
        let archive = tar.stdout.take().context("tar has no output")?;
        let mut import = self.command(&["import", "-", IMAGE]);
        timed(import.stdin(archive))?;
        ensure!(tar.wait()?.success(), "tar failed");
        Ok(())
    }

    /// What control planes keep in the engine between runs: their networks, and the agent's volumes.
    fn of_control_planes(&self) -> Result<BTreeSet<(&'static str, String)>> {
        let mut all = BTreeSet::new();
        for kind in KINDS {
            let names = self.ask(&[
                kind,
                "ls",
                "--filter",
                "name=runvoy-",
                "--format",
                "{{.Name}}",
            ])?;
            all.extend(names.lines().map(|name| (kind, name.to_owned())));
        }
        Ok(all)
    }

    fn clean_up(&self) -> Result<()> {
        let now = self.of_control_planes()?;
        for (kind, name) in now.difference(&self.before) {
            self.ask(&[kind, "rm", name])?;
        }
        self.ask(&["rmi", IMAGE])?;
        Ok(())
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // What cannot be removed is in the way of nothing that is measured.
        let _removed = self.clean_up();
    }
}
