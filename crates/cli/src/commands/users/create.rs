//! `runvoy users create`: invites somebody.

use std::time::Duration;

use clap::Args;
use runvoy_client::api::Api;
use runvoy_core::duration;
use runvoy_core::role::Role;
use runvoy_core::user::UserEmail;
use runvoy_wire::user::{CreateUserRequest, CreateUserResponse};

use crate::commands::show;
use crate::escape;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;
use crate::time::whole_seconds;

const EXAMPLES: &str = "\
Prints the whole line for the new person to type. It works once, and not for long.

Examples:
  runvoy users create alice@example.com
  runvoy users create bob@example.com --role operator --claim-ttl 24h
  runvoy users create ci@example.com --show-key";

/// Whom to invite.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CreateArguments {
    /// The address
    #[arg(value_parser = UserEmail::from_typed)]
    email: UserEmail,
    /// viewer, developer, operator or admin [default: developer]
    #[arg(long)]
    role: Option<Role>,
    /// How long the line works [default: 15m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    claim_ttl: Option<Duration>,
    /// Print a key now, once, instead of a line to claim one
    #[arg(long, conflicts_with = "claim_ttl")]
    show_key: bool,
}

/// Invites.
pub(super) async fn run(
    arguments: CreateArguments,
    app: &App<'_>,
    api: &Api,
) -> Result<ExitStatus, Failure> {
    let request = CreateUserRequest {
        email: arguments.email.into(),
        role: arguments.role.map(|role| role.to_string()),
        api_key: None,
        claim_ttl: arguments.claim_ttl.map(whole_seconds),
        show_key: arguments.show_key,
    };
    let answer = api.create_user(&request).await?;
    if !app.settings.is_machine_output() {
        explain(&answer, app);
    }
    show(app, &answer, || line(&answer, app))
}

/// What to send: the data of this command.
fn line(answer: &CreateUserResponse, app: &App<'_>) -> String {
    let endpoint = app.settings.endpoint.as_deref().unwrap_or("URL");
    let secret = match (&answer.api_key, &answer.claim_token) {
        (Some(key), _) => key.expose().to_owned(),
        (None, Some(token)) => format!("runvoy claim {} --endpoint {endpoint}", token.expose()),
        (None, None) => return String::new(),
    };
    format!("{}\n", escape::field(&secret))
}

/// What to do with it.
fn explain(answer: &CreateUserResponse, app: &App<'_>) {
    let email = escape::field(&answer.user.email);
    let role = escape::field(&answer.user.role);
    app.printer.done(&format!("{email} is a {role} now"));
    if answer.api_key.is_some() {
        app.printer.error_data("The key, shown this once:\n");
    } else if let Some(until) = answer.claim_expires_at {
        let clock = app.settings.clock;
        let until = format!("{} {}", clock.show(until), clock.name());
        app.printer.error_data(&format!(
            "Send them this line; it works once, until {until}:\n"
        ));
    }
}
