//! The agent's own process: what it is, and how it protects itself.

use runvoy_wire::process_place::ProcessPlace;

/// Keeps others of the same user from reading this process's memory and environment (where there is such a switch),
/// and makes it the head of a session of its own.
pub(crate) fn protect() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_child_subreaper, set_dumpable_behavior};
        // Refused only by kernels that do not know them; then there is nothing to be done.
        let _refused = set_dumpable_behavior(DumpableBehavior::NotDumpable);
        let _refused = set_child_subreaper(Some(rustix::process::getpid()));
    }
    // Refused where it is the head of a group already.
    let _refused = rustix::process::setsid();
}

/// Where this process runs.
pub(crate) fn place() -> ProcessPlace {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let boot = boot.trim();
    ProcessPlace {
        pid: std::process::id(),
        start: runvoy_wire::process_place::start_in_stat(&stat).unwrap_or(0),
        boot: if boot.is_empty() { "-" } else { boot }.to_owned(),
    }
}
