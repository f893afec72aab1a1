//! The two places where a command can run from here.

use super::cli::Cli;
use super::server::TestServer;
use super::world::World;

/// A server, or none.
#[derive(Debug)]
pub(crate) enum Place {
    Server(Box<TestServer>),
    Local(World),
}

impl Place {
    pub(crate) async fn server() -> Self {
        Self::Server(Box::new(TestServer::start().await))
    }

    pub(crate) fn local() -> Self {
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
                super::$promise(&Place::local()).await;
            }
        }
    )+};
}
pub(crate) use both_places;
