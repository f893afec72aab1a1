//! What the repository does to itself: checks, static agents, its own examples. `cargo xtask help` lists it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's tool: what it prints is all it has to say"
)]

mod agents;
mod aws;
mod bench;
mod ci;
mod cross_check;
mod dist;
#[cfg(unix)]
mod documents;
mod formula;
mod lambda;
mod man;
mod needs;
mod not_run;
mod openapi;
mod process;
mod release;
mod sbom;
mod templates;
mod test;
mod tidy;
mod zig;

/// The examples are for the shells of Unix.
#[cfg(not(unix))]
mod documents {
    /// Runs none.
    pub(crate) fn command() -> anyhow::Result<Vec<String>> {
        anyhow::bail!("the examples of the documents are run on Linux and macOS")
    }
}

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
usage: cargo xtask COMMAND

  test [--yes]                   installs what the tests need (asks first), runs them all, lists what was not run
  ci [--quick] [--yes]           what .ci/run calls: format, tidy, lint and tests; then agents, documents, platforms
  tidy                           checks the promises about the tree itself: crate edges, manifests, files, links
  documents                      runs the examples of README.md, docs/ and deployments/, lists those that are not run
  agents [--arch x86_64|aarch64] builds the static agents into target/agents and checks them
  aws install                    puts DynamoDB Local and moto below target, for the tests and the local AWS
  aws up                         starts the local AWS with runvoy deployed on it, until Ctrl-C
  package-lambda [--arch aarch64|x86_64]
                                 builds the Lambda functions' zips into target/lambda, weighs and starts them
  man                            writes the manual pages into target/man and checks them
  dist [--target TRIPLE] [--agents DIR]
                                 builds a platform's program with the agents inside, packs its archive into target/dist
  release [--tag vVERSION]       makes target/dist a whole release: agents, zips, bill of materials, formula, checksums
  openapi                        writes docs/openapi.json and docs/schemas, which tests hold to the code
  cross-check                    checks the command line and xtask for macOS and Windows
  bench [--functions]            measures the budgets of the design, writes docs/performance.md; or the Lambda functions alone
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[String]) -> Result<()> {
    let Some((command, rest)) = words.split_first() else {
        print!("{HELP}");
        return Ok(());
    };
    match command.as_str() {
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        "test" => {
            let [yes] = switches(rest, ["--yes"])?;
            test::command(needs::Consent::from_switch(yes))
        }
        "ci" => {
            let [quick, yes] = switches(rest, ["--quick", "--yes"])?;
            let scope = if quick {
                ci::Scope::Quick
            } else {
                ci::Scope::Full
            };
            ci::command(scope, needs::Consent::from_switch(yes))
        }
        "tidy" => {
            let [] = switches(rest, [])?;
            tidy::command()
        }
        "documents" => {
            let [] = switches(rest, [])?;
            not_run::print(&documents::command()?)
        }
        "agents" => agents::command(&agents::chosen(rest)?),
        "aws" => aws::command(rest),
        "package-lambda" => lambda::command(lambda::Arch::chosen(rest)?),
        "man" => {
            let [] = switches(rest, [])?;
            man::command()
        }
        "openapi" => {
            let [] = switches(rest, [])?;
            openapi::command()
        }
        "dist" => dist::command(rest),
        "release" => release::command(rest),
        "cross-check" => {
            let [] = switches(rest, [])?;
            cross_check::command()
        }
        "bench" => {
            let [functions] = switches(rest, ["--functions"])?;
            if functions {
                bench::functions()
            } else {
                bench::command()
            }
        }
        unknown => bail!("unknown command `{unknown}`\n\n{HELP}"),
    }
}

/// Which of the `known` switches are among the `words`; any other word is an error.
fn switches<const N: usize>(words: &[String], known: [&str; N]) -> Result<[bool; N]> {
    if let Some(unknown) = words.iter().find(|word| !known.contains(&word.as_str())) {
        bail!("unknown option `{unknown}`\n\n{HELP}");
    }
    Ok(known.map(|switch| words.iter().any(|word| word == switch)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn switches_come_in_any_order() {
        let known = ["--quick", "--yes"];
        assert_eq!(
            switches(&words("--yes --quick"), known).unwrap(),
            [true, true]
        );
        assert_eq!(switches(&words("--yes"), known).unwrap(), [false, true]);
        assert_eq!(switches(&[], known).unwrap(), [false, false]);
    }

    #[test]
    fn what_is_unknown_is_refused_with_the_usage() {
        for line in ["tset", "test --yse", "tidy now", "agents --arch mips"] {
            let error = dispatch(&words(line)).unwrap_err().to_string();
            assert!(
                error.contains("usage:") || error.contains("x86_64"),
                "{error}"
            );
        }
    }
}
