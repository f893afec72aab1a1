//! `runvoy infra`: deploys the control plane to AWS, looks after it, takes it away.

#[cfg(feature = "infra")]
mod admin;
#[cfg(feature = "infra")]
mod apply;
#[cfg(feature = "infra")]
mod ask;
#[cfg(feature = "infra")]
mod destroy;
#[cfg(feature = "infra")]
mod show;
#[cfg(feature = "infra")]
mod status;
#[cfg(any(feature = "infra", test))]
pub(crate) mod view;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use runvoy_core::user::UserEmail;

use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::settings::App;

const APPLY_EXAMPLES: &str = "\
Uses your own AWS credentials, as every AWS tool finds them. May be repeated at any time: what is as it should be stays.
Parameters of an earlier deployment are kept unless they are given anew.

Examples:
  runvoy infra apply --admin-email EMAIL
  runvoy infra apply --dry-run --details
  runvoy infra apply --yes --profile admin --region eu-central-1 --project staging
  runvoy infra apply --parameter SubnetIds=subnet-1,subnet-2 --parameter AssignPublicIp=DISABLED
  runvoy infra apply --new-admin-key";
const STATUS_EXAMPLES: &str =
    "Examples:\n  runvoy infra status\n  runvoy infra status --project staging -o json";
const DESTROY_EXAMPLES: &str = "\
Stops what runs and deletes the stack. Records, logs, the bucket, the repository and the stack key stay, and the next
`infra apply` takes them over; with --delete-data nothing stays.

Examples:
  runvoy infra destroy
  runvoy infra destroy --delete-data
  runvoy infra destroy --yes --delete-data --confirm staging --project staging";

/// What to do with a deployment.
#[derive(Debug, Subcommand)]
pub(crate) enum InfraCommand {
    /// Deploy, or bring the deployment up to date
    Apply(ApplyArguments),
    /// Show how the deployment is
    #[command(after_help = STATUS_EXAMPLES)]
    Status(Target),
    /// Take the deployment away
    Destroy(DestroyArguments),
}

/// Which deployment, in which account.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The name of the deployment: lower-case letters and digits
    #[arg(long, value_name = "NAME", default_value = "runvoy")]
    project: String,
    /// The AWS region [default: as the AWS configuration says]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The profile of the AWS configuration
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

/// What to deploy, and how.
#[derive(Debug, Args)]
#[command(after_help = APPLY_EXAMPLES)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub(crate) struct ApplyArguments {
    #[command(flatten)]
    target: Target,
    /// Take the Lambda zips and agents of this directory [default: the build around here, else the release of this version]
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
    /// Set a parameter of the template; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// The first administrator [default: `RUNVOY_ADMIN_EMAIL`]
    #[arg(long, value_name = "EMAIL", value_parser = UserEmail::from_typed)]
    admin_email: Option<UserEmail>,
    /// Make a new key for an administrator who lost theirs; the old keys end
    #[arg(long)]
    new_admin_key: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Show every resource
    #[arg(long)]
    details: bool,
}

/// What to take away.
#[derive(Debug, Args)]
#[command(after_help = DESTROY_EXAMPLES)]
pub(crate) struct DestroyArguments {
    #[command(flatten)]
    target: Target,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Delete records, logs, code and the stack key too: nothing is left, and there is no way back
    #[arg(long)]
    delete_data: bool,
    /// The project's name, typed once more, where there is no terminal to type it at
    #[arg(long, value_name = "NAME", requires = "delete_data")]
    confirm: Option<String>,
}

/// Does it.
#[cfg(feature = "infra")]
pub(crate) async fn run(command: InfraCommand, app: &App<'_>) -> Result<ExitStatus, Failure> {
    if app.settings.is_local {
        return Err(Failure::usage("--local needs no deployment")
            .hint("type the same command without --local"));
    }
    // Calls of AWS's clients are large; on the heap they burden no other command.
    match command {
        InfraCommand::Apply(arguments) => Box::pin(apply::run(arguments, app)).await,
        InfraCommand::Status(target) => Box::pin(status::run(&target, app)).await,
        InfraCommand::Destroy(arguments) => Box::pin(destroy::run(arguments, app)).await,
    }
}

/// This build leaves it out.
#[cfg(not(feature = "infra"))]
#[expect(clippy::unused_async, reason = "with the feature it waits for AWS")]
pub(crate) async fn run(_command: InfraCommand, _app: &App<'_>) -> Result<ExitStatus, Failure> {
    Err(Failure::new("this build cannot deploy to AWS")
        .because_of("it was built without the feature `infra`")
        .hint("in the sources of runvoy:  cargo install --path crates/cli --features infra")
        .hint("or take the program of a release, which has it"))
}
