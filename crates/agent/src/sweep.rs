//! Kills what is left of a command, whatever group or session it went to.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::reaper::Reaped;

/// How long to wait before looking for processes that were started meanwhile.
const ROUND: Duration = Duration::from_millis(20);

/// Sends KILL to all descendants until none is left, for at most `patience`; `false`: some would not die.
pub(crate) async fn kill_all(mut reaped: watch::Receiver<Reaped>, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        let state = *reaped.borrow_and_update();
        if state.is_empty {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        // Once the main process is waited for, the group's number may be another's; elsewhere than on Linux there is
        // no better way.
        if let Some(group) = state.started
            && (state.main.is_none() || cfg!(not(target_os = "linux")))
        {
            signal_group(group, Signal::KILL);
        }
        for pid in descendants() {
            // It may have ended meanwhile, or may not be ours to kill; the next round will tell.
            let _gone = kill_process(pid, Signal::KILL);
        }
        // Woken by every change; the round is for processes that were started after the look.
        drop(timeout(ROUND, reaped.changed()).await);
    }
}

/// Signals the whole group of a process that is not waited for yet.
pub(crate) fn signal_group(group: Pid, signal: Signal) {
    // Nobody in it is left: nothing to do.
    let _gone = kill_process_group(group, signal);
}

/// The processes below this one, by `/proc`; none where there is no such thing.
fn descendants() -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for pid in names.filter_map(|name| name.parse::<i32>().ok()) {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if let Some(parent) = parent_in_stat(&stat) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut parents = vec![rustix::process::getpid().as_raw_nonzero().get()];
    while let Some(parent) = parents.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            parents.push(child);
            found.extend(Pid::from_raw(child));
        }
    }
    found
}

fn parent_in_stat(stat: &str) -> Option<i32> {
    // The name before may hold parentheses and blanks.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent_in_stat("12 (a) S 9 (b c) R 7 12 12"), Some(7));
        assert_eq!(parent_in_stat(""), None);
    }
}
