//! How many files and connections this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As many as are asked for: enough for everybody's connections, and no surprise for commands that run as processes of
/// this machine, which inherit the limit.
const WANTED: u64 = 16_384;

/// Raises this process's limit as far as it may and is of use; answers what it is then.
pub(crate) fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let now = limit.current.unwrap_or(u64::MAX);
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(WANTED);
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    if now >= wanted || setrlimit(Resource::Nofile, raised).is_err() {
        return now;
    }
    wanted
}

/// What the limit is now.
pub(crate) fn allowed() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    limit.current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_becomes_what_is_wanted_or_what_is_allowed() {
        let allowed = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        let raised = raise();
        assert!(raised >= allowed.min(WANTED), "{raised} of {allowed}");
        let now = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert_eq!(now, raised);
    }
}
