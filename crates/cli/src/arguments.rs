//! The command line's shape.

use std::ffi::OsString;
use std::time::Duration;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use runvoy_core::duration;

use crate::commands::{
    audit, claim, completion, configure, context, infra, kill, list, locks, logs, man, run, server,
    status, users, wait,
};
use crate::time::Clock;
use crate::words::{self, Words};

const EXAMPLES: &str = "\
Examples:
  runvoy --local run \"echo hello world\"              try it here, without a server
  runvoy claim TOKEN --endpoint https://runvoy.example.com
  runvoy run --lock prod \"terraform apply -auto-approve\"
  runvoy logs -f last
  runvoy list";

/// Runs commands where the credentials are, and shows what comes of them.
#[derive(Debug, Parser)]
#[command(name = "runvoy", version, about, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options before or after the subcommand.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub(crate) struct Globals {
    /// On `run` the limit of the running time; elsewhere how long to wait for the server [default: 10m]
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) timeout: Option<Duration>,
    /// Show request ids, phases and durations
    #[arg(long, global = true)]
    pub(crate) verbose: bool,
    /// Show the HTTP exchange, secrets left out
    #[arg(long, global = true)]
    pub(crate) debug: bool,
    /// Use this context of the configuration file
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Work on this machine, without a server
    #[arg(long, global = true)]
    pub(crate) local: bool,
    /// Send the key over http to a host that is not this machine
    #[arg(long, global = true)]
    pub(crate) insecure: bool,
    /// How to print data
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub(crate) output: Format,
    /// By which clock to show times
    #[arg(long, global = true, value_name = "CLOCK", default_value = "utc")]
    pub(crate) time: Clock,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for people
    Table,
    /// More columns
    Wide,
    /// JSON
    Json,
    /// YAML
    Yaml,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a command, stream its output, exit with its code
    Run(run::RunArguments),
    /// Show what an execution wrote
    Logs(logs::LogsArguments),
    /// List executions, newest first
    #[command(visible_alias = "executions")]
    List(list::ListArguments),
    /// Show one execution
    Status(status::StatusArguments),
    /// Stop executions
    Kill(kill::KillArguments),
    /// Wait for executions to end, and exit as they did
    Wait(wait::WaitArguments),
    /// See and release locks
    #[command(subcommand)]
    Locks(locks::LocksCommand),
    /// Manage people
    #[command(subcommand)]
    Users(users::UsersCommand),
    /// Exchange a claim token for a key of your own
    Claim(claim::ClaimArguments),
    /// Save a server's address and an API key
    Configure(configure::ConfigureArguments),
    /// Show who you are to the server
    #[command(after_help = "Examples:\n  runvoy whoami\n  runvoy whoami -o json")]
    Whoami,
    /// Choose among several servers
    #[command(subcommand)]
    Context(context::ContextCommand),
    /// Read the audit trail
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Deploy runvoy to AWS, look after it, take it away
    #[command(subcommand)]
    Infra(infra::InfraCommand),
    /// Be the server of a team
    Server(server::ServerArguments),
    /// Ask whether the server is well
    #[command(after_help = "Examples:\n  runvoy health\n  runvoy --context prod health")]
    Health,
    /// Print what makes a shell complete commands and options
    Completion(completion::CompletionArguments),
    /// Write the manual pages
    #[command(hide = true)]
    Man(man::ManArguments),
    /// Show the versions of this program and of the server
    #[command(after_help = "Examples:\n  runvoy version\n  runvoy version -o json")]
    Version,
}

/// The command line, understood.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// Options and subcommand.
    pub(crate) arguments: Arguments,
    /// The command of `run`.
    pub(crate) words: Option<Words>,
}

/// Reads the process's arguments, its own name first.
pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Parsed, Box<clap::Error>> {
    let mut root = Arguments::command();
    root.build();
    let split = words::split(&root, arguments);
    let matches = root.try_get_matches_from_mut(split.head)?;
    let arguments = Arguments::from_arg_matches(&matches)?;
    Ok(Parsed {
        arguments,
        words: split.words,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_holds_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn global_options_stand_on_either_side() {
        for line in [
            ["runvoy", "--timeout", "5s", "-o", "json", "list"].as_slice(),
            &["runvoy", "list", "--timeout", "5s", "-o", "json"],
        ] {
            let parsed = parse(line.iter().map(OsString::from).collect()).unwrap();
            let globals = parsed.arguments.globals;
            assert_eq!(globals.timeout, Some(Duration::from_secs(5)));
            assert_eq!(globals.output, Format::Json);
        }
    }
}
