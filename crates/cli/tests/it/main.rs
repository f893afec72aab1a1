//! The built `runvoy`, seen from outside: what it prints, and what it exits with.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod arguments;
mod completion;
mod configuration;
mod endings;
mod fake_server;
mod home;
mod hostile;
mod infra;
mod limits;
mod manual;
#[cfg(all(unix, feature = "local"))]
mod on_this_machine;
mod people;
mod refusals;
#[cfg(all(unix, feature = "local"))]
mod shapes;
#[cfg(unix)]
mod signals;
mod unreachable;
