//! The real agent, run by a small control plane that can be told to misbehave.

mod agent;
mod command;
mod ends;
mod faults;
mod masking;
mod output;
mod plane;
