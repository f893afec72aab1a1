//! What is deployed, made of programs of this machine: the local AWS runs them as they are.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Where an ELF program names its processor, and the number of 64-bit ARM.
const MACHINE: usize = 18;
const AARCH64: u8 = 183;

/// Programs that were built for this machine.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The orchestrator.
    pub orchestrator: PathBuf,
    /// The event processor.
    pub event_processor: PathBuf,
    /// The agent.
    pub agent: PathBuf,
}

impl Programs {
    /// Those that cargo has put into one directory.
    pub fn built_in(directory: &Path) -> anyhow::Result<Self> {
        let find = |name: &str| {
            let path = directory.join(name);
            let hint = "cargo build -p runvoy-lambda -p runvoy-agent";
            ensure!(
                path.is_file(),
                "{} is not there; type: {hint}",
                path.display()
            );
            Ok(path)
        };
        Ok(Self {
            orchestrator: find("orchestrator")?,
            event_processor: find("event-processor")?,
            agent: find("runvoy-agent")?,
        })
    }

    /// Writes the files that `runvoy infra apply --artifacts DIRECTORY` takes.
    pub fn write_artifacts(&self, directory: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(directory)?;
        let programs = [
            ("orchestrator.zip", &self.orchestrator),
            ("event-processor.zip", &self.event_processor),
        ];
        for (name, program) in programs {
            let program = stripped(program, directory)?;
            write_zip(&program, &directory.join(name))?;
        }
        let mut agent = stripped(&self.agent, directory)?;
        fs::write(directory.join("runvoy-agent-x86_64"), &agent)?;
        // Nothing here starts the image's agent: the simulator has its own. It only has to look the part.
        let machine = agent.get_mut(MACHINE).context("the agent is no program")?;
        *machine = AARCH64;
        fs::write(directory.join("runvoy-agent-aarch64"), &agent)?;
        Ok(())
    }
}

/// The program without what only a debugger reads: in a debug build that is nearly all of it.
fn stripped(program: &Path, directory: &Path) -> anyhow::Result<Vec<u8>> {
    let lean = directory.join("stripped");
    let mut strip = Command::new("strip");
    strip.arg("--strip-debug").arg("-o").arg(&lean).arg(program);
    let is_stripped = strip.status().is_ok_and(|status| status.success());
    let bytes = fs::read(if is_stripped { &lean } else { program })?;
    let _unless_there = fs::remove_file(lean);
    Ok(bytes)
}

/// One file called `bootstrap`, as Lambda wants it. Not compressed: it never travels.
fn write_zip(program: &[u8], zip: &Path) -> anyhow::Result<()> {
    let mut writer = ZipWriter::new(File::create(zip)?);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .unix_permissions(0o755);
    writer.start_file("bootstrap", options)?;
    writer.write_all(program)?;
    writer.finish()?;
    Ok(())
}
