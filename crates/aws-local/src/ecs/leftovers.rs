//! The processes of a container: what a kernel would know by its namespace, found by descent, environment and directory.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal};

/// How often to look for processes that were forked while others were killed.
const ROUNDS: usize = 20;

/// Kills every process that descends from `root`, has a variable that begins with the mark, or works below the directory.
pub(super) fn kill(root: Option<i32>, mark: &str, dir: Option<&Path>) {
    for _ in 0..ROUNDS {
        let members = members(root, mark, dir);
        if members.is_empty() {
            return;
        }
        // A container dies as a whole: nobody in it sees another's end.
        for signal in [Signal::STOP, Signal::KILL] {
            for pid in members.iter().copied().filter_map(Pid::from_raw) {
                if let Err(error) = rustix::process::kill_process(pid, signal) {
                    tracing::debug!(%error, "no such process");
                }
            }
        }
    }
}

fn members(root: Option<i32>, mark: &str, dir: Option<&Path>) -> Vec<i32> {
    let processes = alive();
    let is_member = |pid: i32| {
        let proc = Path::new("/proc").join(pid.to_string());
        let has_mark = fs::read(proc.join("environ")).is_ok_and(|environment| {
            environment
                .split(|byte| *byte == 0)
                .any(|one| one.starts_with(mark.as_bytes()))
        });
        let is_below =
            |dir: &Path| fs::read_link(proc.join("cwd")).is_ok_and(|cwd| cwd.starts_with(dir));
        has_mark || dir.is_some_and(is_below)
    };
    let descends = |pid: i32| {
        let line = std::iter::successors(Some(pid), |pid| {
            processes.get(pid).copied().filter(|parent| *parent > 1)
        });
        root.is_some_and(|root| line.into_iter().any(|ancestor| ancestor == root))
    };
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    processes
        .keys()
        .copied()
        .filter(|pid| *pid != own && (descends(*pid) || is_member(*pid)))
        .collect()
}

/// Every process that is no zombie, with its parent.
fn alive() -> HashMap<i32, i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return HashMap::new();
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in parentheses, may have spaces.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        (!["Z", "X"].contains(&state)).then_some((pid, parent))
    })
    .collect()
}
