//! The launcher and real engines: each test's containers run the real agent, which calls a small control plane here.
//!
//! Needs root, Debian's `docker.io` and `busybox-static`, and the agent that `cargo xtask agents` makes.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where something is not as it must be"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a test's servers end with its runtime"
)]

mod copies;
mod disk;
mod ends;
mod engines;
mod fake;
mod images;
mod launches;
mod networks;
mod plane;
mod pulls;
mod registry;
mod stage;
mod volumes;
