//! The two places where a command can run from here.

use std::path::PathBuf;

use super::cli::Cli;
use super::server::TestServer;
use super::world::World;

/// A server, or none.
#[derive(Debug)]
pub(crate) enum Place {
    Server(TestServer),
    Local(World),
}

impl Place {
    pub(crate) async fn server() -> Self {
        Self::Server(TestServer::start().await)
    }

    pub(crate) async fn local() -> Self {
        Self::Local(World::new())
    }

    /// The command line that runs things there.
    pub(crate) fn cli(&self) -> Cli {
        match self {
            Self::Server(server) => server.admin(),
            Self::Local(world) => world.local(),
        }
    }

    pub(crate) fn world(&self) -> &World {
        match self {
            Self::Server(server) => server.world(),
            Self::Local(world) => world,
        }
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        match self {
            Self::Server(server) => server.data_dir(),
            Self::Local(world) => world.local_data(),
        }
    }
}

/// Makes two tests of each function that takes a place: one against a server, one with `--local`.
macro_rules! both_places {
    ($($promise:ident),+ $(,)?) => {$(
        mod $promise {
            use crate::harness::place::Place;

            #[tokio::test(flavor = "multi_thread")]
            async fn server() {
                super::$promise(&Place::server().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn local() {
                super::$promise(&Place::local().await).await;
            }
        }
    )+};
}
pub(crate) use both_places;
