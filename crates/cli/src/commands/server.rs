//! `runvoy server`: the server of a team.

mod containers;
mod limits;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use runvoy_core::user::UserEmail;

use crate::environment::Environment;
use crate::exit::ExitStatus;
use crate::failure::Failure;
use crate::printer::Printer;

use containers::ContainerArguments;
use limits::LimitArguments;

const EXAMPLES: &str = "\
Commands run in containers of this machine's Docker Engine. Started as root with nftables installed, the server closes
the machine's own ports to them. The data directory is --data-dir, else RUNVOY_DATA_DIR, else /var/lib/runvoy for root
and ~/.runvoy/server.

Examples:
  runvoy server --default-image alpine:3.22
  runvoy server --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --memory 4GB
  runvoy server --unsafe-process-launcher
  runvoy server reset-admin";
const RESET_EXAMPLES: &str = "\
Makes a new key for an administrator, and ends their old ones. Works beside a running server.

Examples:
  runvoy server reset-admin
  runvoy server reset-admin --email alice@example.com --data-dir /var/lib/runvoy";

/// How to serve.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct ServerArguments {
    #[command(subcommand)]
    command: Option<ServerCommand>,
    /// The address to listen on; one that others can reach needs TLS or a proxy
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:56212")]
    listen: SocketAddr,
    /// The certificate chain, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// A proxy in front of it does TLS
    #[arg(long)]
    behind_proxy: bool,
    /// Where data is kept
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Run commands as plain processes of this machine, with the server's own rights, not in containers
    #[arg(long)]
    unsafe_process_launcher: bool,
    /// The first administrator's address, at the first start
    #[arg(long, value_name = "EMAIL", value_parser = UserEmail::from_typed)]
    admin_email: Option<UserEmail>,
    #[command(flatten)]
    containers: ContainerArguments,
    #[command(flatten)]
    limits: LimitArguments,
}

#[derive(Debug, Subcommand)]
enum ServerCommand {
    /// Make a new key for an administrator who lost theirs
    ResetAdmin(ResetArguments),
}

#[derive(Debug, Args)]
#[command(after_help = RESET_EXAMPLES)]
struct ResetArguments {
    /// Which administrator; the first one where left out
    #[arg(long, value_name = "EMAIL", value_parser = UserEmail::from_typed)]
    email: Option<UserEmail>,
    /// Where the server keeps its data
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Serves until it is told to end.
#[cfg(all(unix, feature = "local"))]
pub(crate) fn run(
    arguments: ServerArguments,
    environment: &Environment,
    printer: &Arc<Printer>,
) -> Result<ExitStatus, Failure> {
    use crate::environment::{ADMIN_EMAIL, LANG, PATH};
    use crate::server_data::{Plane, directory};

    if let Some(ServerCommand::ResetAdmin(reset)) = arguments.command {
        return reset_admin(reset, environment, printer);
    }
    let text = |name: &str| environment.text(name).map(ToOwned::to_owned);
    let admin_email = match arguments.admin_email {
        Some(email) => Some(String::from(email)),
        None => text(ADMIN_EMAIL),
    };
    let options = runvoy_server::ServerOptions {
        data_dir: directory(Plane::Server, arguments.data_dir, environment)?,
        listen: arguments.listen,
        tls: arguments.tls_cert.zip(arguments.tls_key),
        behind_proxy: arguments.behind_proxy,
        unsafe_process_launcher: arguments.unsafe_process_launcher,
        containers: arguments.containers.options(environment),
        executable: crate::local::executable()?,
        path: text(PATH).unwrap_or_default(),
        lang: text(LANG).unwrap_or_default(),
        admin_email,
        limits: arguments.limits.limits(),
    };
    runvoy_server::serve(options).map_err(crate::local::failure_of)?;
    Ok(ExitStatus::SUCCESS)
}

#[cfg(all(unix, feature = "local"))]
fn reset_admin(
    arguments: ResetArguments,
    environment: &Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    use secrecy::ExposeSecret as _;

    use crate::server_data::{Plane, directory};

    let data_dir = directory(Plane::Server, arguments.data_dir, environment)?;
    let email = arguments.email.as_ref().map(UserEmail::as_str);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("this process cannot start threads").because(&error))?;
    let reset = runtime.block_on(runvoy_server::reset_admin(&data_dir, email))?;
    printer.done(&format!(
        "New key for {}, shown this once:",
        crate::escape::field(&reset.email)
    ));
    printer.data_line(reset.api_key.expose_secret());
    Ok(ExitStatus::SUCCESS)
}

/// There is no server in this build.
#[cfg(not(all(unix, feature = "local")))]
pub(crate) fn run(
    _arguments: ServerArguments,
    _environment: &Environment,
    _printer: &Arc<Printer>,
) -> Result<ExitStatus, Failure> {
    Err(Failure::new("this build cannot be a server")
        .because_of("a server needs Linux or macOS, and the feature `local`"))
}
