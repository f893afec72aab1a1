//! The program that is put into containers: the static agent of the engine's architecture.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::bail;
use runvoy_core::container::Architecture;

use crate::hinted::Hinted;

/// The agents that this program was built with.
mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded_agents.rs"));
}

/// A platform as container tools name it, and how its programs begin.
struct Platform {
    folder: &'static str,
    xtask_name: &'static str,
    /// `e_machine` of its ELF programs.
    machine: u16,
    embedded: Option<&'static [u8]>,
}

fn platform(architecture: Architecture) -> Platform {
    match architecture {
        Architecture::X86 => Platform {
            folder: "linux-amd64",
            xtask_name: "x86_64",
            machine: 62,
            embedded: embedded::AMD64,
        },
        Architecture::Arm64 => Platform {
            folder: "linux-arm64",
            xtask_name: "aarch64",
            machine: 183,
            embedded: embedded::ARM64,
        },
    }
}

/// The agent for containers of this architecture: built in, else beside the executable, else in the data directory.
pub(crate) fn find(
    architecture: Architecture,
    executable: &Path,
    data_dir: &Path,
) -> anyhow::Result<Cow<'static, [u8]>> {
    let platform = platform(architecture);
    match platform.embedded {
        Some(agent) => Ok(Cow::Borrowed(agent)),
        None => read(&platform, executable, data_dir).map(Cow::Owned),
    }
}

fn read(platform: &Platform, executable: &Path, data_dir: &Path) -> anyhow::Result<Vec<u8>> {
    let places = places(platform, executable, data_dir);
    for path in &places {
        match fs::read(path) {
            Ok(program) if machine(&program) == Some(platform.machine) => {
                return Ok(program);
            }
            Ok(_) => bail!(
                "{} is no program for {}; make it with: cargo xtask agents --arch {}",
                path.display(),
                platform.folder,
                platform.xtask_name
            ),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => bail!("{} cannot be read: {error}", path.display()),
        }
    }
    Err(missing(platform, data_dir))
}

/// Where it is looked for, in this order.
fn places(platform: &Platform, executable: &Path, data_dir: &Path) -> Vec<PathBuf> {
    let in_folder = |agents: PathBuf| agents.join(platform.folder).join("runvoy-agent");
    let mut places = Vec::new();
    // An executable that is a link was put elsewhere together with its agents.
    let real = fs::canonicalize(executable).unwrap_or_else(|_| executable.to_owned());
    if let Some(beside) = real.parent() {
        places.push(beside.join(format!("runvoy-agent-{}", platform.folder)));
        places.push(in_folder(beside.join("agents")));
        if let Some(above) = beside.parent() {
            places.push(in_folder(above.join("agents")));
        }
    }
    places.push(in_folder(data_dir.join("agents")));
    places
}

fn missing(platform: &Platform, data_dir: &Path) -> anyhow::Error {
    let kept = data_dir.join("agents").join(platform.folder);
    Hinted::new(format!(
        "there is no agent for containers: runvoy-agent for {}",
        platform.folder
    ))
    .hint(format!(
        "make it:   cargo xtask agents --arch {}     (in the source; it is then in target/agents/{})",
        platform.xtask_name, platform.folder
    ))
    .hint(format!(
        "put it:    {}     (or beside the program, as runvoy-agent-{})",
        kept.join("runvoy-agent").display(),
        platform.folder
    ))
    .into()
}

/// `e_machine` of a 64-bit little-endian ELF program.
fn machine(program: &[u8]) -> Option<u16> {
    let is_elf = program.get(..6)? == b"\x7fELF\x02\x01";
    let machine = program.get(18..20)?.try_into().ok()?;
    is_elf.then(|| u16::from_le_bytes(machine))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, machine: u16) -> Vec<u8> {
        let mut program = vec![0; 64];
        program[..6].copy_from_slice(b"\x7fELF\x02\x01");
        program[18..20].copy_from_slice(&machine.to_le_bytes());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &program).unwrap();
        program
    }

    /// A program in `bin`, a data directory, and nothing else.
    fn layout() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let executable = dir.path().join("top/bin/runvoy");
        fs::create_dir_all(executable.parent().unwrap()).unwrap();
        fs::write(&executable, "").unwrap();
        let data = dir.path().join("data");
        (dir, executable, data)
    }

    #[test]
    fn it_is_found_beside_the_program_first_and_in_the_data_directory_last() {
        let (_dir, executable, data) = layout();
        let places = places(&platform(Architecture::Arm64), &executable, &data);
        assert!(places[0].ends_with("top/bin/runvoy-agent-linux-arm64"));
        assert!(places[1].ends_with("top/bin/agents/linux-arm64/runvoy-agent"));
        assert!(places[2].ends_with("top/agents/linux-arm64/runvoy-agent"));
        assert!(places[3].ends_with("data/agents/linux-arm64/runvoy-agent"));
        for path in places.iter().rev() {
            put(path, 183);
            let program = read(&platform(Architecture::Arm64), &executable, &data);
            assert_eq!(machine(&program.unwrap()), Some(183));
            fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_program_for_another_processor_is_not_taken() {
        let (_dir, executable, data) = layout();
        let place = places(&platform(Architecture::Arm64), &executable, &data).remove(0);
        put(&place, 62);
        let error = read(&platform(Architecture::Arm64), &executable, &data).unwrap_err();
        assert!(error.to_string().contains("is no program for linux-arm64"));
    }

    #[test]
    fn where_there_is_none_the_command_that_makes_it_is_named() {
        let (_dir, executable, data) = layout();
        let error = read(&platform(Architecture::X86), &executable, &data).unwrap_err();
        let hinted: &Hinted = error.downcast_ref().unwrap();
        let hints = hinted.hints().join("\n");
        assert!(
            hints.contains("cargo xtask agents --arch x86_64"),
            "{hints}"
        );
        assert!(hints.contains("agents/linux-amd64/runvoy-agent"), "{hints}");
    }
}
