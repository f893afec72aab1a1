//! Watches the process that the agent belongs to: it holds a file locked while it lives.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::orders::Orders;

/// Starts a thread that waits for the lock on `path`; getting it means that the owner is dead. So does a file that is gone.
pub(crate) fn watch(path: &Path, orders: &Orders) -> io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            orders.owner_gone.cancel();
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let orders = orders.clone();
    let builder = std::thread::Builder::new().name("owner".to_owned());
    builder.spawn(move || {
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => return orders.owner_gone.cancel(),
                Err(Errno::INTR) => {}
                // Where there are no such locks, nobody holds one and nobody can be missed.
                Err(_) => return,
            }
        }
    })?;
    Ok(())
}
