//! The built `runvoy`, seen from outside: what it prints, and what it exits with.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod arguments;
mod configuration;
mod endings;
mod fake_server;
mod home;
mod hostile;
mod infra;
#[cfg(all(unix, feature = "local"))]
mod on_this_machine;
mod people;
mod refusals;
#[cfg(unix)]
mod signals;
mod unreachable;
