//! What was measured on.

use std::fs;
use std::process::Command;

use anyhow::Result;

use super::rivals;
use crate::process::{output, root};

/// Names and values, in the order of the page.
pub(super) fn facts() -> Result<Vec<(&'static str, String)>> {
    let processor = field("/proc/cpuinfo", "model name")?;
    let memory = field("/proc/meminfo", "MemTotal")?.unwrap_or_default();
    let kibibytes: u64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg")?;
    let target = root().join("target");
    let disk = output(Command::new("df").arg("--output=fstype,source").arg(target))?;
    let mut facts = vec![
        ("date", ask("date", &["-u", "+%F"])?),
        (
            "processor",
            processor.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        ),
        ("cores", std::thread::available_parallelism()?.to_string()),
        ("memory", format!("{} MiB", kibibytes / 1024)),
        ("kernel", ask("uname", &["-srm"])?),
        ("disk", words(disk.lines().last().unwrap_or_default())),
        (
            "load before (1, 5, 15 min)",
            load.split(' ').take(3).collect::<Vec<_>>().join(" "),
        ),
        ("compiler", ask("rustc", &["--version"])?),
    ];
    facts.extend(rivals::versions());
    Ok(facts)
}

fn ask(program: &str, arguments: &[&str]) -> Result<String> {
    let answer = output(Command::new(program).args(arguments))?;
    Ok(answer.trim().to_owned())
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first `name: value` of a file.
fn field(file: &str, name: &str) -> Result<Option<String>> {
    let text = fs::read_to_string(file)?;
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    Ok(pairs
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned()))
}
