//! Processes as `/proc` shows them.

use std::fs;
use std::path::{Path, PathBuf};

use runvoy_wire::agent::EXECUTION_VARIABLE;
use runvoy_wire::process_place::{ProcessPlace, start_in_stat};
use rustix::process::{Pid, Signal, kill_process};

/// Processes that have the execution in their environment: commands and what they started, not the agent.
pub(crate) fn of_execution(id: &str) -> Vec<u32> {
    let marker = format!("{EXECUTION_VARIABLE}={id}");
    numbers()
        .filter(|pid| {
            let environment = fs::read(proc_file(*pid, "environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == marker.as_bytes())
        })
        .collect()
}

/// The agent of an execution's first attempt, as its launcher noted it; none before the launch and after the close.
pub(crate) fn agent_of(data_dir: &Path, id: &str) -> Option<u32> {
    let note = data_dir.join("runs").join(format!("{id}-1")).join("agent");
    living_agent(&note)
}

/// Whether the process is there and no zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(proc_file(pid, "stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, fields)| &fields[..1]);
    matches!(state, Some(state) if state != "Z" && state != "X")
}

/// The most memory that the process ever had, in KiB.
pub(crate) fn peak_memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(proc_file(pid, "status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

pub(crate) fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Kills whatever belongs to a directory: has it in its arguments or environment, or is an agent noted in it.
pub(crate) fn sweep(directory: &Path) {
    let needle = directory.as_os_str().as_encoded_bytes();
    let belongs = |pid: u32| {
        ["cmdline", "environ"].iter().any(|name| {
            let text = fs::read(proc_file(pid, name)).unwrap_or_default();
            text.windows(needle.len()).any(|part| part == needle)
        })
    };
    loop {
        let others = numbers().filter(|pid| *pid != std::process::id());
        let mut found: Vec<u32> = others
            .filter(|pid| is_alive(*pid) && belongs(*pid))
            .collect();
        found.extend(
            agent_notes(directory)
                .iter()
                .filter_map(|note| living_agent(note)),
        );
        if found.is_empty() {
            return;
        }
        for pid in found {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                // It may have ended meanwhile.
                let _gone = kill_process(pid, Signal::KILL);
            }
        }
        std::thread::yield_now();
    }
}

/// `runs/{attempt}/agent` of every data directory below.
fn agent_notes(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut notes = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.ends_with("agent") {
            notes.push(path);
        } else if path.is_dir() && !path.is_symlink() {
            notes.extend(agent_notes(&path));
        }
    }
    notes
}

fn living_agent(note: &Path) -> Option<u32> {
    let place: ProcessPlace = fs::read_to_string(note).ok()?.parse().ok()?;
    let stat = fs::read_to_string(proc_file(place.pid, "stat")).ok()?;
    (start_in_stat(&stat) == Some(place.start) && is_alive(place.pid)).then_some(place.pid)
}

fn numbers() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn proc_file(pid: u32, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{name}"))
}
