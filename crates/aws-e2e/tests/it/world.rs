//! One local AWS with runvoy deployed on it, shared by the tests of this program.

use std::sync::LazyLock;

use runvoy_aws_local::{LocalAws, Options};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::programs;
use crate::shell::Person;

/// The account, a deployment in it, and its admin.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) aws: LocalAws,
    pub(crate) admin: Person,
    pub(crate) artifacts: TempDir,
}

/// The engines live here, longer than any one test.
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

impl World {
    /// An empty account and somebody with its credentials.
    pub(crate) fn empty() -> Self {
        let programs = programs::deployed();
        let aws = RUNTIME
            .block_on(LocalAws::start(Options::new(programs.agent.clone())))
            .unwrap();
        let artifacts = TempDir::new().unwrap();
        programs.write_artifacts(artifacts.path()).unwrap();
        Self {
            admin: Person::with_aws(aws.endpoint()),
            aws,
            artifacts,
        }
    }

    /// An account with a deployment.
    pub(crate) fn deployed() -> Self {
        let world = Self::empty();
        let artifacts = world.artifacts.path().display().to_string();
        world.admin.must(&[
            "infra",
            "apply",
            "--yes",
            "--artifacts",
            &artifacts,
            "--admin-email",
            "admin@example.com",
        ]);
        world
    }

    /// The deployment that tests share which do not disturb each other.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: LazyLock<World> = LazyLock::new(World::deployed);
        &SHARED
    }
}
