//! `runvoy claim`: exchanges a claim token for a key, which is made here and never crosses the network.

use clap::Args;
use runvoy_core::key::{ApiKey, ClaimToken, RANDOM_BYTES};
use runvoy_wire::user::{ClaimRequest, ClaimResponse};

use crate::config_file::{ConfigFile, DEFAULT_CONTEXT, Writable};
use crate::connection::{check_is_private, remote};
use crate::escape;
use crate::exit::ExitStatus;
use crate::failure::{Failure, no_server};
use crate::settings::App;

const EXAMPLES: &str = "\
Examples:
  runvoy claim TOKEN --endpoint https://runvoy.example.com
  runvoy --context prod claim TOKEN --endpoint https://prod.example.com";

/// What to exchange, and where.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ClaimArguments {
    /// The token that your admin sent
    token: String,
    /// The server's address
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
}

/// Exchanges it. The token works once, so everything that can fail here is tried first.
pub(crate) async fn run(arguments: ClaimArguments, app: &App<'_>) -> Result<ExitStatus, Failure> {
    let token = ClaimToken::from_typed(&arguments.token).map_err(|error| {
        Failure::from(error).hint("copy the whole line that your admin sent, or ask for a new one")
    })?;
    let given = arguments.endpoint.or_else(|| app.settings.endpoint.clone());
    let endpoint = given.ok_or_else(no_server)?;
    let endpoint = endpoint.trim_end_matches('/');
    let config = app.settings.config()?;
    check_is_free(config, endpoint, app)?;
    check_is_private(app, endpoint)?;
    let api = remote(app, endpoint, None)?;
    let writable = config.writable()?;
    let key = new_key()?;
    let request = ClaimRequest {
        api_key_sha256: Some(key.hash().to_string()),
    };
    let answer = api.claim(token.expose(), &request).await?;
    // A server may make the key itself although it was given a hash.
    let key = match &answer.api_key {
        Some(made) => ApiKey::from_typed(made.expose())?,
        None => key,
    };
    let config = with_context(config, endpoint, &key, app);
    save_or_show(&config, writable, &key, app)?;
    welcome(&answer, &config, app);
    Ok(ExitStatus::SUCCESS)
}

/// A key of 160 random bits.
pub(crate) fn new_key() -> Result<ApiKey, Failure> {
    let mut random = [0_u8; RANDOM_BYTES];
    getrandom::fill(&mut random).map_err(|error| {
        Failure::new("the system gives no random numbers").because_of(error.to_string())
    })?;
    Ok(ApiKey::from_random(random))
}

/// Saves; if that fails after all, shows the key, for there is no other copy.
pub(crate) fn save_or_show(
    config: &ConfigFile,
    writable: Writable,
    key: &ApiKey,
    app: &App<'_>,
) -> Result<(), Failure> {
    let Err(failure) = writable.write(config) else {
        return Ok(());
    };
    app.printer.data_line(key.expose());
    Err(failure
        .because_of("the key above is valid, and this is its only copy")
        .hint("keep it, and save it later:  runvoy configure"))
}

/// Refuses to put the key of one server in the place of another's.
pub(crate) fn check_is_free(
    config: &ConfigFile,
    endpoint: &str,
    app: &App<'_>,
) -> Result<(), Failure> {
    let name = &app.settings.context;
    let Some(there) = config.context(name).and_then(|context| context.endpoint) else {
        return Ok(());
    };
    if there.trim_end_matches('/') == endpoint {
        return Ok(());
    }
    Err(
        Failure::usage(format!("the context {name} already belongs to {there}"))
            .hint("keep both:     the same command with --context NAME")
            .hint(format!("forget it:     runvoy context remove {name}")),
    )
}

/// The configuration with the new key. The current context changes only where there was none.
pub(crate) fn with_context(
    config: &ConfigFile,
    endpoint: &str,
    key: &ApiKey,
    app: &App<'_>,
) -> ConfigFile {
    let name = &app.settings.context;
    let is_first = config.context_names().is_empty();
    let mut config = config.clone();
    config.set_context(name, endpoint, key.expose());
    if is_first {
        config.set_current(name);
    }
    config
}

/// Says how to switch, where the new context is not the one in use.
pub(crate) fn say_how_to_switch(config: &ConfigFile, app: &App<'_>) {
    let name = &app.settings.context;
    if config.current().unwrap_or(DEFAULT_CONTEXT) != name {
        let name = escape::field(name);
        app.printer.error_data(&format!(
            "Use it:   runvoy --context {name} …     always: runvoy context use {name}\n"
        ));
    }
}

fn welcome(answer: &ClaimResponse, config: &ConfigFile, app: &App<'_>) {
    let email = escape::field(&answer.user_email);
    let role = match answer.role.as_str() {
        "" => String::new(),
        role => format!(" ({})", escape::field(role)),
    };
    app.printer.done(&format!("You are {email}{role}"));
    app.printer
        .error_data(&format!("Key saved in {}\n", config.path().display()));
    say_how_to_switch(config, app);
    app.printer
        .error_data("Try it:   runvoy run \"echo hello world\"\n");
}
