//! A control plane in this very process, for `--local` and `server`; and the agent that it starts.

use std::ffi::OsString;
use std::process::ExitCode;

#[cfg(all(unix, feature = "local"))]
pub(crate) use here::{LocalPlane, executable, failure_of};
#[cfg(not(all(unix, feature = "local")))]
pub(crate) use nowhere::LocalPlane;

/// Where a command under `--local` runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LocalPlace {
    /// As a process of this machine.
    Process,
    /// In a container of this machine's Docker Engine.
    Container,
}

/// Runs the agent where the arguments are `agent exec`.
pub(crate) fn agent(arguments: &[OsString]) -> Option<ExitCode> {
    let [_, verb, action] = arguments else {
        return None;
    };
    (verb == "agent" && action == "exec").then(exec)
}

#[cfg(all(unix, feature = "local"))]
fn exec() -> ExitCode {
    runvoy_agent::exec()
}

#[cfg(not(all(unix, feature = "local")))]
fn exec() -> ExitCode {
    crate::exit::ExitStatus::FAILED.into()
}

#[cfg(all(unix, feature = "local"))]
mod here {
    use std::ffi::OsString;
    use std::fmt;
    use std::path::PathBuf;

    use runvoy_client::transport::Transport;
    use runvoy_server::local::{Local, LocalOptions};
    use runvoy_server::{ContainerOptions, Hinted};

    use super::LocalPlace;
    use crate::environment::{DOCKER_HOST, PASSED_TO_LOCAL};
    use crate::failure::{self, Failure};
    use crate::server_data::{Plane, actor, directory};
    use crate::settings::App;

    /// The control plane of `--local`.
    pub(crate) struct LocalPlane(Local);

    impl LocalPlane {
        /// Starts it; what earlier ones left behind is settled.
        pub(crate) async fn start(app: &App<'_>, place: LocalPlace) -> Result<Self, Failure> {
            let environment = PASSED_TO_LOCAL.iter().filter_map(|name| {
                let value = app.environment.raw(name)?;
                Some((OsString::from(name), value.to_owned()))
            });
            let options = LocalOptions {
                data_dir: directory(Plane::Local, None, app.environment)?,
                executable: executable()?,
                actor: actor(app.environment),
                environment: environment.collect(),
                is_in_container: place == LocalPlace::Container,
                containers: ContainerOptions {
                    docker_host: app.environment.text(DOCKER_HOST).map(ToOwned::to_owned),
                    ..ContainerOptions::default()
                },
            };
            Ok(Self(Local::start(options).await.map_err(failure_of)?))
        }

        /// The way to its API.
        pub(crate) fn transport(&self) -> Transport {
            Transport::in_process(self.0.service())
        }

        /// Kills an execution at once.
        pub(crate) async fn kill_now(&self, id: &str) {
            self.0.kill_now(id).await;
        }

        /// Ends it, once everything that it started is settled.
        pub(crate) async fn shutdown(self) -> Result<(), Failure> {
            Ok(self.0.shutdown().await?)
        }
    }

    impl fmt::Debug for LocalPlane {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("LocalPlane")
        }
    }

    /// A failure of the control plane, with what it knows to do about it.
    pub(crate) fn failure_of(error: anyhow::Error) -> Failure {
        let hints = error.downcast_ref().map(Hinted::hints);
        let hints = hints.unwrap_or_default().to_vec();
        let mut failure = Failure::from(error);
        failure.hints.extend(hints);
        failure
    }

    /// This program, to start it again as an agent.
    pub(crate) fn executable() -> Result<PathBuf, Failure> {
        std::env::current_exe().map_err(|error| failure::file("found", "this program", &error))
    }
}

#[cfg(not(all(unix, feature = "local")))]
mod nowhere {
    use runvoy_client::transport::Transport;

    use super::LocalPlace;
    use crate::failure::Failure;
    use crate::settings::App;

    /// There is no control plane in this build.
    #[derive(Debug)]
    pub(crate) enum LocalPlane {}

    impl LocalPlane {
        /// Refuses.
        #[expect(
            clippy::unused_async,
            reason = "the build that has a control plane waits here"
        )]
        pub(crate) async fn start(_: &App<'_>, _: LocalPlace) -> Result<Self, Failure> {
            Err(Failure::new("this build cannot run commands on this machine")
                .because_of("--local needs Linux or macOS, and the feature `local`")
                .hint("use a server:  runvoy claim TOKEN --endpoint URL     (ask your admin for the line)"))
        }

        /// Never called.
        pub(crate) fn transport(&self) -> Transport {
            match *self {}
        }

        /// Never called.
        #[expect(
            clippy::unused_async,
            reason = "the build that has a control plane waits here"
        )]
        pub(crate) async fn kill_now(&self, _: &str) {
            match *self {}
        }

        /// Never called.
        #[expect(
            clippy::unused_async,
            reason = "the build that has a control plane waits here"
        )]
        pub(crate) async fn shutdown(self) -> Result<(), Failure> {
            match self {}
        }
    }
}
