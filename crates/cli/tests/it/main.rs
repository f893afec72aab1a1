//! The built `runvoy`, seen from outside: what it prints, and what it exits with.

mod arguments;
mod configuration;
mod endings;
mod fake_server;
mod home;
mod hostile;
#[cfg(all(unix, feature = "local"))]
mod on_this_machine;
mod people;
mod unreachable;
