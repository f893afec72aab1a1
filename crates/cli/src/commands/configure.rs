//! `runvoy configure`: saves an address and a key.

use std::io::{BufRead as _, IsTerminal as _};

use clap::Args;
use runvoy_core::key::ApiKey;

use super::claim::{check_is_free, say_how_to_switch, with_context};
use crate::connection::remote;
use crate::environment::API_KEY;
use crate::escape;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;

const EXAMPLES: &str = "\
Asks for what is not given. Without a terminal the key is read from RUNVOY_API_KEY, or from a line on stdin.

Examples:
  runvoy configure
  runvoy configure --endpoint https://runvoy.example.com < key.txt
  runvoy --context prod configure --endpoint https://prod.example.com";

/// What to save.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ConfigureArguments {
    /// The server's address
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
}

/// Asks, checks, saves.
pub(crate) async fn run(
    arguments: ConfigureArguments,
    app: &App<'_>,
) -> Result<ExitStatus, Failure> {
    let config = app.settings.config()?;
    let endpoint = endpoint(arguments.endpoint, app)?;
    let endpoint = endpoint.trim_end_matches('/');
    check_is_free(config, endpoint, app)?;
    let key = key(app)?;
    // Made before the key is saved, so that an address that cannot be used is refused.
    let api = remote(app, endpoint, Some(key.expose().into()))?;
    let writable = config.writable()?;
    match tokio::time::timeout(crate::settings::DEFAULT_WAIT, api.whoami()).await {
        Ok(Ok(me)) => app.printer.done(&format!(
            "You are {} ({})",
            escape::field(&me.email),
            escape::field(&me.role)
        )),
        Ok(Err(error)) if error.status().is_none() => {
            app.printer.warning(&format!(
                "{endpoint} cannot be reached; saved without a check"
            ));
        }
        Ok(Err(error)) => return Err(Failure::from(error).because_of("nothing was saved")),
        Err(_) => app.printer.warning(&format!(
            "{endpoint} does not answer; saved without a check"
        )),
    }
    let config = with_context(config, endpoint, &key, app);
    writable.write(&config)?;
    app.printer
        .done(&format!("Saved in {}", config.path().display()));
    say_how_to_switch(&config, app);
    Ok(ExitStatus::SUCCESS)
}

fn endpoint(given: Option<String>, app: &App<'_>) -> Result<String, Failure> {
    let known = app.settings.endpoint.clone();
    if let Some(endpoint) = given {
        return Ok(endpoint);
    }
    if !std::io::stdin().is_terminal() {
        return known.ok_or_else(|| {
            Failure::usage("there is no terminal to ask for the server's address")
                .hint("runvoy configure --endpoint URL")
        });
    }
    let default = known.as_ref().map(|known| format!(" [{known}]"));
    app.printer
        .error_data(&format!("Endpoint URL{}: ", default.unwrap_or_default()));
    match (line()?, known) {
        (typed, Some(known)) if typed.is_empty() => Ok(known),
        (typed, _) if typed.is_empty() => Err(Failure::usage("the endpoint is empty")),
        (typed, _) => Ok(typed),
    }
}

fn key(app: &App<'_>) -> Result<ApiKey, Failure> {
    if let Some(key) = app.environment.text(API_KEY) {
        return Ok(ApiKey::from_typed(key)?);
    }
    let typed = if std::io::stdin().is_terminal() {
        app.printer.error_data("API key: ");
        let typed = rpassword::read_password();
        typed.map_err(|error| crate::failure::file("read", "the terminal", &error))?
    } else {
        line()?
    };
    Ok(ApiKey::from_typed(&typed)?)
}

fn line() -> Result<String, Failure> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| crate::failure::file("read", "stdin", &error))?;
    Ok(line.trim().to_owned())
}
