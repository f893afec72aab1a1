//! Starts the built programs, watches them from outside, and leaves nothing behind.

pub(crate) mod cli;
pub(crate) mod engine;
pub(crate) mod place;
pub(crate) mod processes;
pub(crate) mod programs;
pub(crate) mod proxy;
pub(crate) mod server;
pub(crate) mod world;

use std::time::Duration;

pub(crate) use cli::Cli;
pub(crate) use place::both_places;
pub(crate) use proxy::Proxy;
pub(crate) use server::{Faults, TestServer};
pub(crate) use world::World;

/// Whatever happens at all happens within this time.
pub(crate) const DEADLINE: Duration = Duration::from_mins(5);

/// Waits until a look shows that it is so.
#[track_caller]
pub(crate) fn until(mut is_so: impl FnMut() -> bool) -> impl Future<Output = ()> {
    runvoy_testkit::eventually(DEADLINE, move || std::future::ready(is_so().then_some(())))
}
