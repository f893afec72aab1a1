//! The agent: the only thing that ever starts a user's command.
//!
//! One process runs one execution: it asks the control plane for the command, runs it in a process group of its own,
//! sends its output entry by entry, and reports how it ended when nothing of it is left.
//! Threads do what may block on the command or on a disk (reading output, writing the second copy, waiting for
//! processes); one task on one thread talks to the control plane. None can stall another.

#[cfg(not(unix))]
compile_error!("the agent runs on Unix alone");

mod clock;
mod conduct;
mod config;
mod control_plane;
mod copy;
mod elf;
mod exec;
mod fence;
mod frame;
mod heartbeat;
mod install;
mod intake;
mod journal;
mod limit;
mod line;
mod mask;
mod oom;
mod orders;
mod owner;
mod place;
mod process;
mod push;
mod reaper;
mod run;
mod spool;
mod supervise;
mod sweep;
mod system;

pub use exec::exec;
pub use install::{InstallError, install};
