//! `runvoy-agent install DIR`: puts the agent where another container finds it.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The agent's name in the directory.
const AGENT: &str = "agent";
/// The agent while it is being copied.
const UNFINISHED: &str = "agent.new";
/// The directory in which commands run.
const WORK: &str = "work";
/// For everybody to run.
const PROGRAM: u32 = 0o755;
/// For everybody to write to, each their own.
const SHARED: u32 = 0o1777;

/// What could not be put in place.
#[derive(Debug, Error)]
#[error("cannot {what} {}: {why}", path.display())]
pub struct InstallError {
    what: &'static str,
    path: PathBuf,
    why: io::Error,
}

/// Copies this program to `dir/agent` and makes `dir/work`. Done twice, it is as done once.
pub fn install(dir: &Path) -> Result<(), InstallError> {
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |why| InstallError { what, path, why }
    };
    DirBuilder::new()
        .recursive(true)
        .mode(PROGRAM)
        .create(dir)
        .map_err(failed("make", dir))?;
    let (agent, unfinished) = (dir.join(AGENT), dir.join(UNFINISHED));
    copy_self(&unfinished).map_err(failed("write", &unfinished))?;
    fs::rename(&unfinished, &agent).map_err(failed("write", &agent))?;
    let work = dir.join(WORK);
    make_shared(&work).map_err(failed("make", &work))
}

fn copy_self(to: &Path) -> io::Result<()> {
    let mut program = File::open(std::env::current_exe()?)?;
    let mut copy = File::create(to)?;
    io::copy(&mut program, &mut copy)?;
    copy.set_permissions(Permissions::from_mode(PROGRAM))
}

fn make_shared(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {}
        made => made?,
    }
    // The mode at creation is cut by the process's mask.
    fs::set_permissions(dir, Permissions::from_mode(SHARED))
}
