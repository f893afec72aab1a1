//! `runvoy users rotate`: replaces a key. One's own is made here, so that it never crosses the network.

use std::time::Duration;

use clap::Args;
use runvoy_client::api::Api;
use runvoy_core::duration;
use runvoy_core::key::ApiKey;
use runvoy_core::user::UserEmail;
use runvoy_wire::secret::Secret;
use runvoy_wire::user::{RotateRequest, RotateResponse};

use crate::commands::claim::{new_key, save_or_show};
use crate::commands::show;
use crate::config_file::{ConfigFile, Writable};
use crate::environment::API_KEY;
use crate::escape;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;
use crate::time::whole_seconds;

const EXAMPLES: &str = "\
Without an address, replaces your own key and saves the new one.

Examples:
  runvoy users rotate
  runvoy users rotate --overlap 1h
  runvoy users rotate ci@example.com --overlap 24h";

/// Whose key.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RotateArguments {
    /// The address; yours where left out
    #[arg(value_parser = UserEmail::from_typed)]
    email: Option<UserEmail>,
    /// How long the old keys go on working [default: not at all]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    overlap: Option<Duration>,
}

/// Replaces it.
pub(super) async fn run(
    arguments: RotateArguments,
    app: &App<'_>,
    api: &Api,
) -> Result<ExitStatus, Failure> {
    let overlap = arguments.overlap.map(whole_seconds);
    if let Some(email) = arguments.email {
        let request = RotateRequest {
            email: Some(email.into()),
            api_key_sha256: None,
            overlap,
        };
        let answer = api.rotate_key(&request).await?;
        say_when_old_ends(&answer, app);
        return show(app, &answer, || shown_once(&answer));
    }
    own(overlap, app, api).await
}

async fn own(overlap: Option<u64>, app: &App<'_>, api: &Api) -> Result<ExitStatus, Failure> {
    let place = place_for_own_key(app)?;
    let key = new_key()?;
    let request = RotateRequest {
        email: None,
        api_key_sha256: Some(key.hash().to_string()),
        overlap,
    };
    let answer = api.rotate_key(&request).await?;
    say_when_old_ends(&answer, app);
    if let Some((config, writable)) = place {
        save(&key, config, writable, app)?;
        return show(app, &answer, String::new);
    }
    app.printer.warning(&format!(
        "the key in {API_KEY} is the old one; this is the new one, shown this once:"
    ));
    let answer = RotateResponse {
        api_key: Some(Secret::new(key.expose())),
        ..answer
    };
    show(app, &answer, || shown_once(&answer))
}

/// The configuration file, proved writable; none where the key comes from the environment.
fn place_for_own_key(app: &App<'_>) -> Result<Option<(ConfigFile, Writable)>, Failure> {
    if app.settings.is_local || app.environment.get(API_KEY).is_some() {
        return Ok(None);
    }
    let config = app.settings.config()?.clone();
    let writable = config.writable()?;
    Ok(Some((config, writable)))
}

fn save(
    key: &ApiKey,
    mut config: ConfigFile,
    writable: Writable,
    app: &App<'_>,
) -> Result<(), Failure> {
    let name = &app.settings.context;
    let endpoint = config.context(name).and_then(|context| context.endpoint);
    let endpoint = endpoint.or_else(|| app.settings.endpoint.clone());
    config.set_context(name, &endpoint.unwrap_or_default(), key.expose());
    save_or_show(&config, writable, key, app)?;
    app.printer.done(&format!(
        "The new key is saved in {}",
        config.path().display()
    ));
    Ok(())
}

fn say_when_old_ends(answer: &RotateResponse, app: &App<'_>) {
    let clock = app.settings.clock;
    let until = format!("{} {}", clock.show(answer.old_keys_end_at), clock.name());
    app.printer
        .person(&format!("The old keys work until {until}"));
}

fn shown_once(answer: &RotateResponse) -> String {
    let key = answer
        .api_key
        .as_ref()
        .map(|key| escape::field(key.expose()).into_owned());
    key.map(|key| key + "\n").unwrap_or_default()
}
