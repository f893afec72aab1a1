//! `runvoy context`: which server is meant.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::show;
use crate::config_file::{ConfigFile, DEFAULT_CONTEXT, check_context_name};
use crate::escape;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;
use crate::table::Table;

const LIST_EXAMPLES: &str = "Examples:\n  runvoy context list\n  runvoy context list -o json";
const USE_EXAMPLES: &str = "Examples:\n  runvoy context use prod\n  runvoy context use default";
const REMOVE_EXAMPLES: &str = "Examples:\n  runvoy context remove prod";

/// What to do with contexts.
#[derive(Debug, Subcommand)]
pub(crate) enum ContextCommand {
    /// Show all contexts
    #[command(after_help = LIST_EXAMPLES)]
    List,
    /// Use this one from now on
    #[command(after_help = USE_EXAMPLES)]
    Use(NameArguments),
    /// Forget this one, its key too
    #[command(after_help = REMOVE_EXAMPLES)]
    Remove(NameArguments),
}

/// Which context.
#[derive(Debug, Args)]
pub(crate) struct NameArguments {
    /// The context's name
    name: String,
}

/// A context, without its key.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ContextView {
    /// Its name.
    name: String,
    /// Whether it is the one in use.
    current: bool,
    /// The server's address.
    endpoint: Option<String>,
    /// Whether a key is saved.
    has_key: bool,
}

/// Does it.
pub(crate) fn run(command: ContextCommand, app: &App<'_>) -> Result<ExitStatus, Failure> {
    let config = app.settings.config()?;
    match command {
        ContextCommand::List => list(config, app),
        ContextCommand::Use(arguments) => {
            let mut config = existing(config, &arguments.name)?;
            config.set_current(&arguments.name);
            config.writable()?.write(&config)?;
            let name = escape::field(&arguments.name);
            app.printer.done(&format!("Using {name} from now on"));
            Ok(ExitStatus::SUCCESS)
        }
        ContextCommand::Remove(arguments) => remove(config, &arguments.name, app),
    }
}

fn list(config: &ConfigFile, app: &App<'_>) -> Result<ExitStatus, Failure> {
    let contexts = config.context_names().into_iter().filter_map(|name| {
        let context = config.context(&name)?;
        Some(ContextView {
            current: name == app.settings.context,
            name,
            endpoint: context.endpoint,
            has_key: context.api_key.is_some(),
        })
    });
    let contexts: Vec<ContextView> = contexts.collect();
    show(app, &contexts, || {
        let mut table = Table::new(["Current", "Name", "Endpoint", "Key"]);
        for context in &contexts {
            table.row(&[
                if context.current { "*" } else { "" }.to_owned(),
                context.name.clone(),
                context.endpoint.clone().unwrap_or_default(),
                if context.has_key { "yes" } else { "no" }.to_owned(),
            ]);
        }
        table.render(app.printer.style().out_draws)
    })
}

fn remove(config: &ConfigFile, name: &str, app: &App<'_>) -> Result<ExitStatus, Failure> {
    let mut config = existing(config, name)?;
    if config.current() == Some(name) {
        return Err(Failure::usage(format!("{name} is the current context"))
            .hint("choose another first:  runvoy context use NAME"));
    }
    config.remove_context(name);
    config.writable()?.write(&config)?;
    app.printer.done(&format!("Forgot {}", escape::field(name)));
    Ok(ExitStatus::SUCCESS)
}

/// A copy of the configuration, if it has this context. The default may always be used and removed.
fn existing(config: &ConfigFile, name: &str) -> Result<ConfigFile, Failure> {
    check_context_name(name)?;
    if name == DEFAULT_CONTEXT || config.context(name).is_some() {
        return Ok(config.clone());
    }
    Err(Failure::usage(format!("there is no context {name}"))
        .hint("see which there are:  runvoy context list"))
}
