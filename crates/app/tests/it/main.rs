//! The use cases over a real store, with a launcher, a clock and faults under control.

mod backstop;
mod crowd;
mod faults;
mod gone;
mod happy;
mod interleavings;
mod launch;
mod line;
mod owners;
mod release;
mod world;
