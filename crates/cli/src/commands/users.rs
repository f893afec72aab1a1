//! `runvoy users`: people, their roles and keys.

mod create;
mod rotate;

use clap::{Args, Subcommand};
use runvoy_client::api::Api;
use runvoy_core::role::Role;
use runvoy_core::user::UserEmail;
use runvoy_wire::user::{RevokeRequest, RevokeResponse, RoleRequest, UserView};

use super::show;
use crate::escape;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;
use crate::table::Table;

const LIST_EXAMPLES: &str = "Examples:\n  runvoy users list\n  runvoy users list -o json";
const REVOKE_EXAMPLES: &str = "\
Takes effect on the next request. Queued runs are cancelled; running ones are listed, and stopped with --kill.

Examples:
  runvoy users revoke alice@example.com
  runvoy users revoke alice@example.com --kill";
const ROLE_EXAMPLES: &str = "Examples:\n  runvoy users role alice@example.com operator";

/// What to do with people.
#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Invite somebody: prints the line to send them
    Create(create::CreateArguments),
    /// Show everybody
    #[command(after_help = LIST_EXAMPLES)]
    List,
    /// Take all of somebody's keys away
    Revoke(RevokeArguments),
    /// Change what somebody may do
    Role(RoleArguments),
    /// Replace a key
    Rotate(rotate::RotateArguments),
}

/// Whose keys.
#[derive(Debug, Args)]
#[command(after_help = REVOKE_EXAMPLES)]
pub(crate) struct RevokeArguments {
    /// The address
    #[arg(value_parser = UserEmail::from_typed)]
    email: UserEmail,
    /// Stop what they are running
    #[arg(long)]
    kill: bool,
}

/// Whose role, and which.
#[derive(Debug, Args)]
#[command(after_help = ROLE_EXAMPLES)]
pub(crate) struct RoleArguments {
    /// The address
    #[arg(value_parser = UserEmail::from_typed)]
    email: UserEmail,
    /// viewer, developer, operator or admin
    role: Role,
}

/// Does it.
pub(crate) async fn run(
    command: UsersCommand,
    app: &App<'_>,
    api: &Api,
) -> Result<ExitStatus, Failure> {
    match command {
        UsersCommand::Create(arguments) => create::run(arguments, app, api).await,
        UsersCommand::Rotate(arguments) => rotate::run(arguments, app, api).await,
        UsersCommand::List => {
            let users = api.users().await?;
            show(app, &users, || table(app, &users))
        }
        UsersCommand::Revoke(arguments) => {
            let request = RevokeRequest {
                email: arguments.email.into(),
                kill: arguments.kill,
            };
            let answer = api.revoke_user(&request).await?;
            show(app, &answer, || revoked(&answer, arguments.kill))
        }
        UsersCommand::Role(arguments) => {
            let request = RoleRequest {
                email: arguments.email.into(),
                role: arguments.role.to_string(),
            };
            let user = api.set_role(&request).await?;
            show(app, &user, || table(app, std::slice::from_ref(&user)))
        }
    }
}

fn table(app: &App<'_>, users: &[UserView]) -> String {
    let clock = app.settings.clock;
    let mut table = Table::new([
        "E-mail",
        "Role",
        "Status",
        &clock.head("Created"),
        &clock.head("Last used"),
    ]);
    for user in users {
        table.row(&[
            user.email.clone(),
            user.role.clone(),
            if user.revoked { "revoked" } else { "active" }.to_owned(),
            clock.show(user.created_at),
            user.last_used
                .map_or_else(|| "never".to_owned(), |at| clock.show(at)),
        ]);
    }
    table.render(app.printer.style().out_draws)
}

fn revoked(answer: &RevokeResponse, was_killed: bool) -> String {
    let mut lines = vec![escape::field(&answer.message).into_owned()];
    let mut say = |what: &str, ids: &[String]| {
        lines.extend(
            ids.iter()
                .map(|id| format!("{what}  {}", escape::field(id))),
        );
    };
    say("cancelled", &answer.cancelled);
    let running = if was_killed { "stopping " } else { "running  " };
    say(running, &answer.running);
    if !was_killed && !answer.running.is_empty() {
        let ids: Vec<_> = answer.running.iter().map(|id| escape::field(id)).collect();
        lines.push(format!("to stop them:  runvoy kill {}", ids.join(" ")));
    }
    lines.push(String::new());
    lines.join("\n")
}
