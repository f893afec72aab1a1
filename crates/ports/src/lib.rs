//! What the application needs from the outside world: stores, launchers, a clock.
//!
//! Each trait's text is a contract; the suites in `testkit` hold every adapter to it.

mod clock;
mod launcher;
mod ledger;
mod reads;
mod store_error;

pub use clock::{Clock, SystemClock};
pub use launcher::{
    CopyEnd, CopyPage, LaunchError, LaunchRequest, Launcher, Placement, Presence, Unfit, UnfitKind,
};
pub use ledger::{
    Appended, Batch, BatchTooLarge, HeadWrite, KeyUse, Ledger, LogSink, MAX_WRITES, Write,
};
pub use reads::{
    AuditQuery, AuditReads, ExecutionQuery, ExecutionReads, LockReads, LogReads, Scope, Store,
    UserReads, Version, Versioned,
};
pub use store_error::StoreError;
