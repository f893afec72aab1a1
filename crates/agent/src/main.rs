//! `runvoy-agent`: the agent on its own, for places without the rest of runvoy.

use std::io;
use std::path::Path;
use std::process::ExitCode;

/// The exit code for arguments that make no sense.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let arguments: Vec<_> = arguments
        .iter()
        .filter_map(|argument| argument.to_str())
        .collect();
    match arguments[..] {
        ["exec"] => runvoy_agent::exec(),
        ["install", dir] => match runvoy_agent::install(Path::new(dir)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say(io::stderr(), &format!("runvoy-agent: {error}"));
                ExitCode::FAILURE
            }
        },
        ["--version" | "-V"] => {
            say(
                io::stdout(),
                concat!("runvoy-agent ", env!("CARGO_PKG_VERSION")),
            );
            ExitCode::SUCCESS
        }
        _ => {
            say(
                io::stderr(),
                "usage: runvoy-agent exec | install DIR | --version\nAgents are started by runvoy itself.",
            );
            ExitCode::from(USAGE)
        }
    }
}

fn say(mut out: impl io::Write, text: &str) {
    // Where nobody listens there is nobody to tell.
    drop(writeln!(out, "{text}"));
}
