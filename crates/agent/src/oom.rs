//! Whether the kernel killed a process of this control group for want of memory.

use runvoy_core::outcome::{EndedBy, ProcessEnd, Report};

/// KILL, and how a shell exits whose child died of it.
const KILL: i32 = 9;
const KILL_BY_SHELL: i32 = 128 + KILL;

/// How often that has happened, as far as can be known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OomCounter(Option<u64>);

impl OomCounter {
    /// Reads the counter of this process's own group.
    pub(crate) fn read() -> Self {
        Self(own_events().as_deref().and_then(kills_in))
    }

    /// Whether it went up since, and the command ended as one does by it.
    pub(crate) fn explains(self, report: Report) -> bool {
        let was_killed = matches!(
            report.end,
            ProcessEnd::Signaled(KILL) | ProcessEnd::Exited(KILL_BY_SHELL)
        );
        report.ended_by == EndedBy::Itself
            && was_killed
            && matches!((self.0, Self::read().0), (Some(before), Some(now)) if now > before)
    }
}

fn own_events() -> Option<String> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let files = files(&groups).into_iter();
    files
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .find(|events| kills_in(events).is_some())
}

/// Where the counter may be: under cgroup v1, where it has a hierarchy of its own, or v2. In a container the group's
/// path is the host's while its own group is all that is mounted.
fn files(groups: &str) -> Vec<String> {
    let is_memory = |controllers: &str| controllers.split(',').any(|one| one == "memory");
    let first = groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        is_memory(controllers).then_some(path)
    });
    let second = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let own = |root: &str, path: &str, file: &str| {
        let path = path.trim_end_matches('/');
        [format!("{root}{path}/{file}"), format!("{root}/{file}")]
    };
    let first = first.map(|path| own("/sys/fs/cgroup/memory", path, "memory.oom_control"));
    let second = second.map(|path| own("/sys/fs/cgroup", path, "memory.events"));
    first.into_iter().chain(second).flatten().collect()
}

fn kills_in(events: &str) -> Option<u64> {
    let count = events
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill "))?;
    count.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_is_found_among_the_events() {
        assert_eq!(
            kills_in("low 0\noom 3\noom_kill 2\noom_group_kill 0\n"),
            Some(2)
        );
        assert_eq!(kills_in("low 0\n"), None);
    }

    #[test]
    fn the_older_control_groups_count_too() {
        assert_eq!(
            kills_in("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"),
            Some(4)
        );
        let groups = "5:freezer:/docker/ab\n4:memory:/docker/ab\n0::/docker/ab\n";
        assert_eq!(
            files(groups),
            [
                "/sys/fs/cgroup/memory/docker/ab/memory.oom_control",
                "/sys/fs/cgroup/memory/memory.oom_control",
                "/sys/fs/cgroup/docker/ab/memory.events",
                "/sys/fs/cgroup/memory.events",
            ]
        );
        assert_eq!(
            files("0::/\n"),
            [
                "/sys/fs/cgroup/memory.events",
                "/sys/fs/cgroup/memory.events"
            ]
        );
    }

    #[test]
    fn an_end_of_another_kind_is_not_explained() {
        let report = |ended_by, end| Report { ended_by, end };
        let never = OomCounter(Some(u64::MAX));
        assert!(!never.explains(report(EndedBy::Itself, ProcessEnd::Signaled(9))));
        assert!(!OomCounter(Some(0)).explains(report(EndedBy::Cancel, ProcessEnd::Signaled(9))));
        assert!(!OomCounter(Some(0)).explains(report(EndedBy::Itself, ProcessEnd::Exited(0))));
    }
}
