//! A network of their own for programs of tests: engines that two of them start at once would take each other's
//! firewall rules away, and the bridge `docker0` of an engine that runs on the machine.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use crate::process::works;

/// Starts a program in a network with a loopback, and an interface with an address for what must not be the loopback:
/// one of those that are for documentation (RFC 5737).
const INSIDE: &str = r#"
ip link set lo up
ip link add eth0 type bridge
ip addr add 198.51.100.1/24 dev eth0
ip link set eth0 up
exec "$@"
"#;

/// Whether this machine lets us have one: it takes Linux and root.
static IS_THERE: LazyLock<bool> = LazyLock::new(|| {
    let is_there = works("unshare", &["--net", "sh", "-ec", INSIDE, "sh", "true"]);
    if !is_there {
        println!("tests share this machine's network: only root has others to give them, on Linux");
    }
    is_there
});

/// The same command in a network of its own; as it is where there is none to be had.
pub(super) fn apart(command: Command, directory: &Path) -> Command {
    if !*IS_THERE {
        return command;
    }
    let mut wrapped = Command::new("unshare");
    wrapped.args(["--net", "sh", "-ec", INSIDE, "sh"]);
    wrapped.arg(command.get_program()).args(command.get_args());
    wrapped.current_dir(directory);
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_sees_its_own_network_and_ends_with_its_own_code() {
        let mut command = Command::new("sh");
        command.args(["-c", "ip -o -4 addr; exit 7"]);
        let output = apart(command, Path::new("/")).output().unwrap();
        let addresses = String::from_utf8_lossy(&output.stdout);
        if *IS_THERE {
            assert_eq!(output.status.code(), Some(7), "{output:?}");
            assert_eq!(addresses.matches(" inet ").count(), 2, "{addresses}");
            assert!(addresses.contains("198.51.100.1/24"), "{addresses}");
        }
    }
}
