//! The command line: asks a control plane to run commands and shows what comes of it.

mod arguments;
mod commands;
mod config_file;
mod connection;
mod entry_printer;
mod environment;
mod escape;
mod execution_ids;
mod exit;
mod failure;
mod follow;
mod key_end;
mod line_joiner;
mod local;
mod printer;
#[cfg(all(unix, feature = "local"))]
mod server_data;
mod settings;
#[cfg(test)]
mod shapes;
mod signals;
mod table;
mod time;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use crate::environment::Environment;
use crate::printer::{Printer, Style};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // The agent is the same executable started again; it must not pay for anything of the command line.
    if let Some(code) = local::agent(&arguments) {
        return code;
    }
    let environment = Environment::of_this_process();
    let printer = Arc::new(Printer::new(Style::of(&environment)));
    let status = match arguments::parse(arguments) {
        Ok(parsed) => commands::dispatch(parsed, &environment, &printer)
            .unwrap_or_else(|failure| printer.failure(&failure)),
        Err(refusal) => printer.refusal(&refusal),
    };
    printer.settle(status).into()
}
