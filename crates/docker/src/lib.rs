//! Runs agents as containers of a Docker Engine.
//!
//! One container an attempt, named after it, so that asking again places no second one. The image is never changed:
//! the agent comes in a volume that all containers share, and each has a volume of its own to work in.

mod address;
mod agent_volume;
mod attempt;
mod call;
mod clean;
mod copy;
mod credentials;
mod engine;
mod image;
mod launch;
mod launcher;
mod network;
mod obstacle;
mod ongoing;
mod options;
mod plan;
mod presence;
mod pull;
mod spec;
mod tail;
mod tar;
mod words;

pub use engine::{Engine, EngineError};
pub use launcher::{DockerLauncher, NAME};
pub use network::Network;
pub use options::{DockerOptions, RootStyle};
