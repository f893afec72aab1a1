//! For which processor a program was made, by the first bytes of its file.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use runvoy_core::container::Architecture;

/// So much of the file tells (ELF: identification, type, machine).
const HEADER: usize = 20;
/// Where the identification says which end of a number comes first, and how it says that it is the low one.
const DATA: usize = 5;
const LOW_FIRST: u8 = 1;

/// The architecture of the program at `path`, if it is a whole ELF file.
pub(crate) fn architecture(path: &Path) -> Option<Cow<'static, str>> {
    let mut header = [0; HEADER];
    File::open(path).ok()?.read_exact(&mut header).ok()?;
    machine(&header).map(named)
}

fn machine(header: &[u8; HEADER]) -> Option<u16> {
    let machine = [header[18], header[19]];
    header.starts_with(b"\x7fELF").then(|| match header[DATA] {
        LOW_FIRST => u16::from_le_bytes(machine),
        _ => u16::from_be_bytes(machine),
    })
}

/// In the spelling of runvoy and, for what it does not know, in that of the processor's makers.
fn named(machine: u16) -> Cow<'static, str> {
    match machine {
        3 => "32-bit x86".into(),
        21 => "POWER".into(),
        22 => "S390".into(),
        40 => "32-bit ARM".into(),
        62 => Architecture::X86.as_str().into(),
        183 => Architecture::Arm64.as_str().into(),
        243 => "RISC-V".into(),
        other => format!("the processor of number {other}").into(),
    }
}

/// The architecture of this program.
pub(crate) fn own() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => Architecture::X86.as_str(),
        "aarch64" => Architecture::Arm64.as_str(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_tells_its_processor() {
        let own_file = std::env::current_exe().unwrap();
        if cfg!(target_os = "linux") {
            assert_eq!(architecture(&own_file).as_deref(), Some(own()));
        }
        let mut header = [0; HEADER];
        header[..6].copy_from_slice(b"\x7fELF\x02\x01");
        header[18] = 183;
        assert_eq!(machine(&header).map(named).as_deref(), Some("ARM64"));
        header[DATA] = 2;
        header[18..].copy_from_slice(&[0, 22]);
        assert_eq!(machine(&header).map(named).as_deref(), Some("S390"));
    }

    #[test]
    fn what_is_no_program_tells_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        for text in ["", "#!/bin/sh\nsleep 1000000000\n", "\x7fELF"] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(architecture(&path), None, "{text:?}");
        }
        assert_eq!(architecture(&dir.path().join("absent")), None);
    }
}
