//! The use cases over a real store, with a launcher, a clock and faults under control.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it must be"
)]

mod backstop;
mod cost;
mod crowd;
mod faults;
mod glance;
mod gone;
mod happy;
mod interleavings;
mod launch;
mod line;
mod owners;
mod pages;
mod provider_lines;
mod release;
mod repeats;
mod run_limits;
mod swift;
mod world;
