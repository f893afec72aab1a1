//! A control plane in this very process, for `--local` and `server`; and the agent that it starts.

use std::ffi::OsString;
use std::process::ExitCode;

#[cfg(all(unix, feature = "local"))]
pub(crate) use here::{LocalPlane, executable};
#[cfg(not(all(unix, feature = "local")))]
pub(crate) use nowhere::LocalPlane;

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

    use crate::environment::PASSED_TO_LOCAL;
    use crate::failure::{self, Failure};
    use crate::server_data::{Plane, actor, directory};
    use crate::settings::App;

    /// The control plane of `--local`.
    pub(crate) struct LocalPlane(Local);

    impl LocalPlane {
        /// Starts it; what earlier ones left behind is settled.
        pub(crate) async fn start(app: &App<'_>) -> Result<Self, Failure> {
            let environment = PASSED_TO_LOCAL.iter().filter_map(|name| {
                let value = app.environment.raw(name)?;
                Some((OsString::from(name), value.to_owned()))
            });
            let options = LocalOptions {
                data_dir: directory(Plane::Local, None, app.environment)?,
                executable: executable()?,
                actor: actor(app.environment),
                environment: environment.collect(),
            };
            Ok(Self(Local::start(options).await?))
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

    /// This program, to start it again as an agent.
    pub(crate) fn executable() -> Result<PathBuf, Failure> {
        std::env::current_exe().map_err(|error| failure::file("found", "this program", &error))
    }
}

#[cfg(not(all(unix, feature = "local")))]
mod nowhere {
    use runvoy_client::transport::Transport;

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
        pub(crate) async fn start(_: &App<'_>) -> Result<Self, Failure> {
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
