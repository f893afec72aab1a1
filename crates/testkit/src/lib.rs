//! What tests need: the stores' contract, a store with faults, a clock and a launcher under control, sample values.
//!
//! Only ever a dev-dependency, or part of a binary made for tests.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "in tests a panic is the verdict"
)]

pub mod clock;
pub mod contract;
#[cfg(target_os = "linux")]
pub mod dockerd;
#[cfg(target_os = "linux")]
pub mod dockerd_image;
pub mod eventually;
pub mod fault;
pub mod faulty;
pub mod launcher;
pub mod sample;

pub use clock::ManualClock;
pub use eventually::eventually;
pub use fault::{Call, Fault, FaultPlan};
pub use faulty::FaultyStore;
pub use launcher::{LauncherCall, ScriptedLaunch, ScriptedLauncher};
