//! Finds processes of a run whose agent is dead, by their session or by the execution in their environment.

use std::fs;
use std::path::Path;

use runvoy_core::id::ExecutionId;
use runvoy_wire::agent::EXECUTION_VARIABLE;
use runvoy_wire::process_place::{ProcessPlace, start_in_stat};
use rustix::process::{Pid, Signal, kill_process};

/// What marks a process as one of a run.
#[derive(Debug)]
pub(crate) struct Marks<'a> {
    /// The execution, in the environment.
    pub(crate) execution: &'a ExecutionId,
    /// The agent, whose number is that of the run's session.
    pub(crate) agent: Option<ProcessPlace>,
}

/// Kills every process with a mark. Answers how many there were.
pub(crate) fn kill_all(marks: &Marks<'_>) -> usize {
    let found = find(marks);
    for pid in &found {
        // It may have ended meanwhile; then there is nothing to do.
        let _gone = kill_process(*pid, Signal::KILL);
    }
    found.len()
}

/// Kills the agent itself, if it is still the process that was noted.
pub(crate) fn kill_agent(place: &ProcessPlace) {
    let pid = i32::try_from(place.pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid.filter(|_| is_alive(place)) {
        let _gone = kill_process(pid, Signal::KILL);
    }
}

/// Whether the process of this number is the one that is meant, and not a later one.
fn is_alive(place: &ProcessPlace) -> bool {
    is_of_this_boot(place)
        && fs::read_to_string(format!("/proc/{}/stat", place.pid))
            .is_ok_and(|stat| start_in_stat(&stat) == Some(place.start))
}

fn is_of_this_boot(place: &ProcessPlace) -> bool {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .is_ok_and(|boot| boot.trim() == place.boot)
}

fn find(marks: &Marks<'_>) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let marker = format!("{EXECUTION_VARIABLE}={}", marks.execution);
    let session = marks
        .agent
        .as_ref()
        .filter(|agent| !is_reused(agent))
        .map(|agent| agent.pid);
    let own = std::process::id();
    let numbers =
        processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let ours = numbers.filter(|pid| *pid != own && has_mark(*pid, session, &marker));
    ours.filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
        .collect()
}

/// A session keeps its number while it has members. If another process has that number now, the session was empty
/// once, and whoever is in a session of that number is none of ours.
fn is_reused(agent: &ProcessPlace) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", agent.pid));
    !is_of_this_boot(agent) || stat.is_ok_and(|stat| start_in_stat(&stat) != Some(agent.start))
}

fn has_mark(pid: u32, session: Option<u32>, marker: &str) -> bool {
    let directory = format!("/proc/{pid}");
    let directory = Path::new(&directory);
    let Ok(stat) = fs::read_to_string(directory.join("stat")) else {
        return false;
    };
    let Some((state, its_session)) = state_and_session(&stat) else {
        return false;
    };
    if state == "Z" || state == "X" {
        return false;
    }
    let in_session = session.is_some_and(|session| its_session == session);
    in_session
        || fs::read(directory.join("environ")).is_ok_and(|environ| {
            environ
                .split(|byte| *byte == 0)
                .any(|one| one == marker.as_bytes())
        })
}

/// Fields 3 and 6 of `/proc/PID/stat` (proc(5)), behind a name that may hold anything.
fn state_and_session(stat: &str) -> Option<(&str, u32)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    Some((state, fields.nth(2)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_found_behind_any_name() {
        assert_eq!(
            state_and_session("12 (a) b) S 1 12 77 0 -1"),
            Some(("S", 77))
        );
        assert_eq!(state_and_session("12"), None);
    }

    #[test]
    fn an_agent_of_another_boot_marks_nobody() {
        let agent = ProcessPlace {
            pid: std::process::id(),
            start: 0,
            boot: "another".to_owned(),
        };
        assert!(is_reused(&agent) && !is_alive(&agent));
    }
}
