//! What all functions of the host share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::running::Running;
use super::slot::Slot;
use super::{FreezeHook, InvokeError, LogSink};
use crate::ACCOUNT;
use crate::queue::Queues;
use crate::sync::lock;

/// What may be adjusted of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The region that functions run in.
    pub region: String,
    /// How many invocations may be under way in all.
    pub account_concurrency: usize,
    /// How long a process may take until its first poll for work.
    pub init_timeout: Duration,
    /// The waits before each retry of a failed asynchronous invocation; the last one repeats.
    pub retry_delays: Vec<Duration>,
    /// The wait after an asynchronous invocation was throttled.
    pub throttle_delay: Duration,
    /// How long an asynchronous invocation may be throttled before it is given up.
    pub maximum_event_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account_concurrency: 1000,
            init_timeout: Duration::from_secs(10),
            retry_delays: vec![Duration::from_millis(100), Duration::from_millis(200)],
            throttle_delay: Duration::from_millis(50),
            maximum_event_age: Duration::from_mins(1),
        }
    }
}

/// What all functions share.
pub(crate) struct Host {
    pub(crate) tasks: TaskTracker,
    pub(crate) running: Running,
    /// Asynchronous invocations that were accepted and are not over, with the pauses between their tries.
    pub(crate) accepted: Running,
    pub(crate) queues: Queues,
    endpoint: String,
    settings: Mutex<Settings>,
    slots: Mutex<BTreeMap<String, Arc<Slot>>>,
    on_freeze: Mutex<Option<FreezeHook>>,
    log_sink: Mutex<Option<LogSink>>,
}

impl Host {
    pub(crate) fn new(endpoint: String, queues: Queues) -> Self {
        Self {
            tasks: TaskTracker::new(),
            running: Running::default(),
            accepted: Running::default(),
            queues,
            endpoint,
            settings: Mutex::default(),
            slots: Mutex::default(),
            on_freeze: Mutex::default(),
            log_sink: Mutex::default(),
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    pub(crate) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    pub(crate) fn adjust(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut lock(&self.settings));
    }

    pub(crate) fn function_arn(&self, name: &str) -> String {
        format!(
            "arn:aws:lambda:{}:{ACCOUNT}:function:{name}",
            lock(&self.settings).region
        )
    }

    /// A function by its name or ARN.
    pub(crate) fn slot(&self, name: &str) -> Result<Arc<Slot>, InvokeError> {
        let name = short_name(name);
        let slot = lock(&self.slots).get(name).cloned();
        slot.ok_or_else(|| InvokeError::NotFound(self.function_arn(name)))
    }

    pub(crate) fn slots(&self) -> Vec<Arc<Slot>> {
        lock(&self.slots).values().cloned().collect()
    }

    pub(crate) fn insert(&self, slot: Slot) {
        lock(&self.slots).insert(slot.name.clone(), Arc::new(slot));
    }

    pub(crate) fn remove(&self, name: &str) -> Option<Arc<Slot>> {
        lock(&self.slots).remove(short_name(name))
    }

    pub(crate) fn set_on_freeze(&self, hook: Option<FreezeHook>) {
        *lock(&self.on_freeze) = hook;
    }

    /// Says that an environment of this caller has been frozen.
    pub(crate) fn frozen(&self, access_key_id: &str) {
        let hook = lock(&self.on_freeze).clone();
        if let Some(hook) = hook {
            hook(access_key_id);
        }
    }

    pub(crate) fn set_log_sink(&self, sink: Option<LogSink>) {
        *lock(&self.log_sink) = sink;
    }

    pub(crate) fn log_sink(&self) -> Option<LogSink> {
        lock(&self.log_sink).clone()
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("endpoint", &self.endpoint)
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}

/// The name in a name, `name:version`, `account:function:name` or a whole ARN.
pub(crate) fn short_name(name: &str) -> &str {
    match name.split_once("function:") {
        Some((_, rest)) => rest.split(':').next().unwrap_or(rest),
        None => name.split(':').next().unwrap_or(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_known_by_name_and_by_arn() {
        let names = [
            "f",
            "f:$LATEST",
            "123456789012:function:f",
            "arn:aws:lambda:us-east-1:123456789012:function:f:1",
        ];
        assert_eq!(names.map(short_name), ["f"; 4]);
    }
}
