//! What a new Debian machine lacks, and its installation after asking.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::process::{output, run, works};
use crate::zig;

/// Something that must be on the machine.
#[derive(Debug)]
pub(crate) struct Need {
    what: &'static str,
    used_for: &'static str,
    package: &'static str,
    is_met: fn() -> bool,
}

/// What `cargo xtask test` needs beside Rust.
pub(crate) const OF_TESTS: &[Need] = &[
    Need {
        what: "a C compiler",
        used_for: "the parts of SQLite and of TLS that are written in C",
        package: "build-essential",
        is_met: has_c_compiler,
    },
    Need {
        what: "Java",
        used_for: "DynamoDB Local",
        package: "default-jre-headless",
        is_met: || works("java", &["-version"]),
    },
    Need {
        what: "Maven",
        used_for: "fetching DynamoDB Local",
        package: "maven",
        is_met: || works("mvn", &["--version"]),
    },
    Need {
        what: "Python with venv",
        used_for: "moto, which stands in for a part of AWS",
        package: "python3-venv",
        is_met: || works("python3", &["-c", "import venv, ensurepip"]),
    },
    Need {
        what: "Docker's engine",
        used_for: "containers, in engines that tests start themselves",
        package: "docker.io",
        is_met: || !cfg!(target_os = "linux") || works("dockerd", &["--version"]),
    },
    Need {
        what: "busybox",
        used_for: "the images of those containers",
        package: "busybox-static",
        is_met: || !cfg!(target_os = "linux") || works("busybox", &["true"]),
    },
    Need {
        what: "nft",
        used_for: "the firewall around containers",
        package: "nftables",
        is_met: || !cfg!(target_os = "linux") || works("nft", &["--version"]),
    },
    Need {
        what: "ip",
        used_for: "hosts of the firewall's tests, in network namespaces",
        package: "iproute2",
        is_met: || !cfg!(target_os = "linux") || works("ip", &["-V"]),
    },
    Need {
        what: "zsh",
        used_for: "asking it what it completes",
        package: "zsh",
        is_met: || works("zsh", &["--version"]),
    },
    Need {
        what: "fish",
        used_for: "asking it what it completes",
        package: "fish",
        is_met: || works("fish", &["--version"]),
    },
    Need {
        what: "groff",
        used_for: "reading the manual pages",
        package: "groff-base",
        is_met: || works("groff", &["--version"]),
    },
];

/// What `cargo xtask ci` needs beyond that.
pub(crate) const OF_CI: &[Need] = &[
    Need {
        what: "Python with venv",
        used_for: "zig, which links the static agents and stands in for other systems' C compilers",
        package: "python3-venv",
        is_met: || zig::is_installed() || works("python3", &["-c", "import venv, ensurepip"]),
    },
    Need {
        what: "an arm64 emulator",
        used_for: "starting the arm64 agent once",
        package: "qemu-user-static",
        is_met: || cfg!(target_arch = "aarch64") || works("qemu-aarch64-static", &["--version"]),
    },
    Need {
        what: "an arm64 C library",
        used_for: "starting the Lambda functions once",
        package: "libc6-arm64-cross",
        is_met: || {
            cfg!(target_arch = "aarch64") || Path::new("/usr/aarch64-linux-gnu/lib").is_dir()
        },
    },
];

/// Whether something may be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    /// `--yes` was given.
    Given,
    /// A person has to be asked.
    Ask,
}

impl Consent {
    /// Consent by the switch `--yes`.
    pub(crate) fn from_switch(yes: bool) -> Self {
        if yes { Self::Given } else { Self::Ask }
    }
}

/// Makes sure that all the needs are met: does nothing where they are, otherwise says what it will install and asks.
pub(crate) fn ensure(needs: &[&[Need]], consent: Consent) -> Result<()> {
    let missing: Vec<&Need> = needs
        .iter()
        .copied()
        .flatten()
        .filter(|need| !(need.is_met)())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("This machine lacks:");
    for need in &missing {
        println!(
            "  {} (Debian package {}) for {}",
            need.what, need.package, need.used_for
        );
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if !works("apt-get", &["--version"]) {
        bail!(
            "there is no apt-get here to install it with\nhint: install by hand what Debian calls {}",
            packages.join(", ")
        );
    }
    println!("It will be installed with apt-get. Nothing is started, nothing else is changed.");
    let answer = match consent {
        Consent::Given => Answer::Yes,
        Consent::Ask => ask()?,
    };
    settle(answer, &packages)?;
    install(&packages)?;
    match missing.iter().find(|need| !(need.is_met)()) {
        Some(need) => bail!("{} was installed but does not work", need.what),
        None => Ok(()),
    }
}

/// What a person said, if there was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    Nobody,
}

fn ask() -> Result<Answer> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Ok(Answer::Nobody);
    }
    print!("Install it? [y/N] ");
    std::io::stdout().flush()?;
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    let is_yes = matches!(line.trim().to_lowercase().as_str(), "y" | "yes");
    Ok(if is_yes { Answer::Yes } else { Answer::No })
}

fn settle(answer: Answer, packages: &[&str]) -> Result<()> {
    match answer {
        Answer::Yes => Ok(()),
        Answer::No => bail!("nothing was installed"),
        Answer::Nobody => bail!(
            "nobody can be asked here, so nothing was installed\n\
             hint: repeat the command with --yes, or type: sudo apt-get install {}",
            packages.join(" ")
        ),
    }
}

fn install(packages: &[&str]) -> Result<()> {
    run(apt_get()?.arg("update"))?;
    run(apt_get()?
        .args(["install", "-y", "--no-install-recommends"])
        .args(packages))
}

/// apt-get that asks nothing, through sudo for those who are not root.
fn apt_get() -> Result<Command> {
    let is_root = output(Command::new("id").arg("-u"))?.trim() == "0";
    let quiet = ["DEBIAN_FRONTEND=noninteractive", "apt-get"];
    let mut command = Command::new(if is_root { "env" } else { "sudo" });
    if !is_root {
        command.arg("env");
    }
    command.args(quiet);
    Ok(command)
}

/// Asks the compiler itself: a `cc` without the C library's headers is not enough.
fn has_c_compiler() -> bool {
    let child = Command::new("cc")
        .args(["-x", "c", "-fsyntax-only", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    let is_written = child
        .stdin
        .take()
        .is_some_and(|mut stdin| stdin.write_all(b"#include <stdlib.h>\n").is_ok());
    child.wait().is_ok_and(|status| status.success()) && is_written
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISSING: Need = Need {
        what: "a unicorn",
        used_for: "nothing",
        package: "unicorn",
        is_met: || false,
    };
    const MET: Need = Need {
        is_met: || true,
        ..MISSING
    };

    #[test]
    fn what_is_there_is_not_installed_again() {
        ensure(&[&[MET], &[MET]], Consent::Ask).unwrap();
    }

    #[test]
    fn without_a_terminal_it_refuses_and_says_what_to_type() {
        let error = settle(Answer::Nobody, &["unicorn"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("--yes") && error.contains("apt-get install unicorn"));
    }

    #[test]
    fn only_a_yes_installs() {
        assert!(settle(Answer::Yes, &["unicorn"]).is_ok());
        assert!(settle(Answer::No, &["unicorn"]).is_err());
    }

    #[test]
    fn this_very_build_needed_a_c_compiler() {
        assert!(has_c_compiler());
    }
}
