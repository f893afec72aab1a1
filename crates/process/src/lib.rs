//! Runs agents as plain processes of this machine.
//!
//! Each attempt has a directory `runs/{attempt}` with `lock`, which the agent's standard input keeps locked while it
//! lives, whoever its parent is; `agent.log`, the second copy of the log; `agent.err`, the agent's own complaints; and
//! `work`, where commands run unless told otherwise.

mod copy;
mod launch;
mod launcher;
mod leftovers;
mod run_dir;

pub use launcher::{Home, Options, ProcessLauncher};
