//! Keeps a control plane to one server: one a directory, and one a machine however often the directory is copied.
//!
//! A copy has the original's `stack.key`, and with it the names of its network, its firewall and its containers: two
//! servers would remove each other's.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::{Context as _, bail};
use rustix::fs::{FlockOperation, flock};

use crate::data_dir::DataDir;

/// What keeps other servers off.
#[derive(Debug)]
#[expect(dead_code, reason = "they are held, and never looked at")]
pub(crate) struct Claim {
    directory: File,
    machine: Held,
}

impl Claim {
    /// Keeps other servers off this directory and its copies as long as it lives.
    pub(crate) fn new(data: &DataDir) -> anyhow::Result<Self> {
        let directory = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(data.path().join("server.lock"))?;
        if flock(&directory, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!(
                "another runvoy server uses {}; stop it, or give this one a --data-dir of its own",
                data.path().display()
            );
        }
        let name = data.stack_name("runvoy lock of a server v1")?;
        let machine = hold(data, &name).context("this machine cannot be claimed")?;
        let Some(machine) = machine else {
            bail!(
                "another runvoy server of this machine has the stack.key of {0}: one directory is a copy of the other, \
                 and they would end each other's runs. Stop that server. A copy that is to run beside it needs a \
                 stack.key of its own, and no runs that are not over: remove the copy's stack.key",
                data.path().display()
            );
        };
        Ok(Self { directory, machine })
    }
}

/// A name that nobody else on this machine holds. It is free again when the process ends, however it ends.
#[cfg(target_os = "linux")]
type Held = std::os::unix::net::UnixListener;
#[cfg(not(target_os = "linux"))]
type Held = File;

/// Takes the name, unless it is taken. Linux has names of sockets that are no files, and are the same for all users.
#[cfg(target_os = "linux")]
fn hold(_data: &DataDir, name: &str) -> std::io::Result<Option<Held>> {
    use std::os::linux::net::SocketAddrExt as _;

    let address = std::os::unix::net::SocketAddr::from_abstract_name(format!("runvoy-{name}"))?;
    match Held::bind_addr(&address) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes the name, unless it is taken by this user.
#[cfg(not(target_os = "linux"))]
fn hold(_data: &DataDir, name: &str) -> anyhow::Result<Option<Held>> {
    let path = crate::data_dir::runtime()?.join(format!("{name}.lock"));
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    let is_ours = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
    Ok(is_ours.then_some(file))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn private() -> (tempfile::TempDir, DataDir) {
        let dir = tempfile::Builder::new()
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        (dir, data)
    }

    #[test]
    fn one_server_a_directory() {
        let (_dir, data) = private();
        let first = Claim::new(&data).unwrap();
        let error = Claim::new(&data).unwrap_err();
        assert!(error.to_string().contains("--data-dir of its own"));
        drop(first);
        assert!(Claim::new(&data).is_ok());
    }

    #[test]
    fn a_copy_of_a_directory_waits_for_the_originals_server_to_end() {
        let ((_original_dir, original), (_copy_dir, copy)) = (private(), private());
        let first = Claim::new(&original).unwrap();
        let key = |data: &DataDir| data.path().join("stack.key");
        fs::copy(key(&original), key(&copy)).unwrap();
        let error = Claim::new(&copy).unwrap_err();
        assert!(error.to_string().contains("is a copy of"), "{error}");
        drop(first);
        let second = Claim::new(&copy).unwrap();
        assert!(Claim::new(&original).is_err());
        fs::remove_file(key(&original)).unwrap();
        let _third = Claim::new(&original).unwrap();
        drop(second);
    }
}
