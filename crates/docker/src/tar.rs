//! Archives of a few entries, without a time or an owner of this machine.

use tar::{Builder, EntryType, Header};

/// An archive that is being made.
pub(crate) struct Archive(Builder<Vec<u8>>);

impl Archive {
    /// One without entries.
    pub(crate) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// With this file.
    pub(crate) fn file(self, name: &str, mode: u32, bytes: &[u8]) -> Self {
        self.entry(EntryType::Regular, name, mode, bytes)
    }

    /// With this directory.
    pub(crate) fn directory(self, name: &str, mode: u32) -> Self {
        self.entry(EntryType::Directory, name, mode, &[])
    }

    /// With another name of an earlier file.
    pub(crate) fn link(mut self, name: &str, file: &str) -> Self {
        let mut header = header(EntryType::Link, 0o755, 0);
        let appended = self.0.append_link(&mut header, name, file);
        in_memory(appended);
        self
    }

    /// Its bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        in_memory(self.0.into_inner())
    }

    fn entry(mut self, kind: EntryType, name: &str, mode: u32, bytes: &[u8]) -> Self {
        let mut header = header(kind, mode, bytes.len() as u64);
        let appended = self.0.append_data(&mut header, name, bytes);
        in_memory(appended);
        self
    }
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

#[expect(
    clippy::expect_used,
    reason = "memory can always be written to, and the names are short"
)]
fn in_memory<T>(written: std::io::Result<T>) -> T {
    written.expect("an archive in memory")
}
