//! How the server's containers are made.

use clap::Args;
use runvoy_core::container::{Cpu, ImageRef, Memory};

/// Options of containers.
#[derive(Debug, Args)]
#[command(next_help_heading = "Containers")]
pub(super) struct ContainerArguments {
    /// The image where a run names none
    #[arg(long, value_name = "REF", conflicts_with = "unsafe_process_launcher")]
    default_image: Option<ImageRef>,
    /// Processors where a run asks for none, such as 0.5 [default: 1]
    #[arg(long, value_name = "UNITS", conflicts_with = "unsafe_process_launcher")]
    cpu: Option<Cpu>,
    /// Memory where a run asks for none, such as 512MB [default: 2GB]
    #[arg(long, value_name = "SIZE", conflicts_with = "unsafe_process_launcher")]
    memory: Option<Memory>,
    /// Processes and threads that one container may have [default: 1024]
    #[arg(long, value_name = "NUMBER", conflicts_with = "unsafe_process_launcher", value_parser = clap::value_parser!(u32).range(1..))]
    pids_limit: Option<u32>,
    /// Containers can write to their work directory and to /tmp alone
    #[arg(long, conflicts_with = "unsafe_process_launcher")]
    read_only_root: bool,
    /// Let containers ask the cloud for the credentials of this machine (169.254.0.0/16 and the like)
    #[arg(long, conflicts_with = "unsafe_process_launcher")]
    allow_metadata: bool,
    /// Where the Docker Engine of this machine listens [default: as Docker's own tools look for it]
    #[arg(long, value_name = "ADDRESS")]
    docker_host: Option<String>,
}

#[cfg(all(unix, feature = "local"))]
impl ContainerArguments {
    /// As the server takes them.
    pub(super) fn options(
        self,
        environment: &crate::environment::Environment,
    ) -> runvoy_server::ContainerOptions {
        let docker_host = environment.text(crate::environment::DOCKER_HOST);
        runvoy_server::ContainerOptions {
            docker_host: self
                .docker_host
                .or_else(|| docker_host.map(ToOwned::to_owned)),
            default_image: self.default_image,
            cpu: self.cpu,
            memory: self.memory,
            pids_limit: self.pids_limit,
            read_only_root: self.read_only_root,
            allow_metadata: self.allow_metadata,
        }
    }
}
