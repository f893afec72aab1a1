//! The program `nft`.

use std::io::{self, Write as _};
use std::process::{Child, Command, Stdio};

use super::FirewallError;

/// What it is called: where programs of the system are not in PATH, it lies there all the same.
const PROGRAMS: &[&str] = &["nft", "/usr/sbin/nft", "/sbin/nft"];

/// Has it apply the text, whole or not at all.
pub(super) fn apply(text: &str) -> Result<(), FirewallError> {
    run(PROGRAMS, &["-f", "-"], text).map(drop)
}

/// The table in its words. They stay the same as long as nobody touches the table.
pub(super) fn list(table: &str) -> Result<String, FirewallError> {
    run(PROGRAMS, &["list", "table", "inet", table], "")
}

/// What the first of the programs that is there answers.
fn run(programs: &[&str], arguments: &[&str], input: &str) -> Result<String, FirewallError> {
    let mut child = start(programs, arguments)?;
    if let Some(mut pipe) = child.stdin.take() {
        // What it does not read it complains about.
        let _broken = pipe.write_all(input.as_bytes());
    }
    let output = child
        .wait_with_output()
        .map_err(FirewallError::Unstartable)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let first = complaint.lines().next().unwrap_or("it gave no reason");
    Err(FirewallError::Refused(first.to_owned()))
}

fn start(programs: &[&str], arguments: &[&str]) -> Result<Child, FirewallError> {
    for program in programs {
        let started = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        match started {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            started => return started.map_err(FirewallError::Unstartable),
        }
    }
    Err(FirewallError::NoProgram)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn what_nft_refuses_is_said_in_its_words() {
        let error = apply("nonsense\n").unwrap_err();
        assert!(error.to_string().contains("syntax error"), "{error}");
    }

    #[test]
    fn it_is_found_where_path_does_not_lead() {
        let hidden = ["no-such-nft", "/nowhere/nft", "/usr/sbin/nft", "/sbin/nft"];
        let version = run(&hidden, &["--version"], "").unwrap();
        assert!(version.starts_with("nftables"), "{version}");
        let error = run(&hidden[..2], &["--version"], "").unwrap_err();
        assert!(error.to_string().contains("not installed"), "{error}");
    }
}
