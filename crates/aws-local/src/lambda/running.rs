//! Invocations under way, counted: beyond a limit they are throttled.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::sync::lock;

/// Invocations under way, per function.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running {
    counts: Arc<Mutex<BTreeMap<String, usize>>>,
}

/// One invocation under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    running: Running,
    function: String,
}

impl Running {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        lock(&self.counts).values().sum()
    }

    /// Counts one more, unless the account or the function has as many as it may.
    pub(crate) fn enter(
        &self,
        function: &str,
        account: usize,
        reserved: Option<usize>,
    ) -> Option<Ticket> {
        let mut counts = lock(&self.counts);
        let all: usize = counts.values().sum();
        let own = counts.entry(function.to_owned()).or_default();
        if all >= account || reserved.is_some_and(|reserved| *own >= reserved) {
            return None;
        }
        *own += 1;
        Some(Ticket {
            running: self.clone(),
            function: function.to_owned(),
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(count) = lock(&self.running.counts).get_mut(&self.function) {
            *count = count.saturating_sub(1);
        }
    }
}
