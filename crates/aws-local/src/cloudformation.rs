//! CloudFormation: templates become stacks, over change sets, with the states, the events and the words of AWS.

mod api;
mod change_set;
mod changes;
mod delete;
mod describe;
mod execute;
mod graph;
mod import;
mod intrinsic;
mod journal;
mod parameters;
mod provider;
mod rollback;
mod stack;
mod summary;
mod template;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::task::TaskTracker;

pub use self::provider::Endpoints;
use self::provider::{Backend, World, digest};
use self::stack::{Event, Stack};
use crate::Policies;
use crate::control::{ACCOUNT, ControlError, ControlOptions, Network};
use crate::sync::{lock, now};

/// The stacks of the account. Clones share them.
#[derive(Debug, Clone)]
pub struct CloudFormation {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    world: World,
    stacks: Mutex<Vec<Stack>>,
    pace: Mutex<Duration>,
    failures: Mutex<BTreeMap<String, String>>,
    serial: AtomicU64,
    tasks: TaskTracker,
}

impl CloudFormation {
    /// No stacks yet.
    pub(crate) fn new(
        options: ControlOptions,
        policies: Policies,
        network: Network,
    ) -> Result<Self, ControlError> {
        let backend = Backend::new(options.endpoints, &options.region)?;
        let world = World {
            region: options.region,
            backend,
            lambdas: options.lambdas,
            events: options.events,
            queues: options.queues,
            registry: options.registry,
            policies,
            network,
        };
        Ok(Self {
            inner: Arc::new(Inner {
                world,
                stacks: Mutex::default(),
                pace: Mutex::new(Duration::from_millis(2)),
                failures: Mutex::default(),
                serial: AtomicU64::new(1),
                tasks: TaskTracker::new(),
            }),
        })
    }

    /// The next time that a stack makes, changes or removes the resource, it fails with the reason.
    pub fn fail(&self, logical_id: &str, reason: &str) {
        lock(&self.inner.failures).insert(logical_id.to_owned(), reason.to_owned());
    }

    /// How long each step takes: every resource, and every change set.
    pub fn set_pace(&self, pace: Duration) {
        *lock(&self.inner.pace) = pace;
    }

    /// A stack's status; also of the newest of those that are gone.
    pub fn status(&self, stack: &str) -> Option<&'static str> {
        let stacks = lock(&self.inner.stacks);
        let mut newest_first = stacks.iter().rev();
        let found = newest_first.find(|found| found.name == stack || found.id == stack);
        found.map(|stack| stack.status)
    }

    /// The physical id of a stack's resource.
    pub fn physical_id(&self, stack: &str, logical_id: &str) -> Option<String> {
        let stacks = lock(&self.inner.stacks);
        let mut live = stacks.iter().filter(|found| !found.is_gone());
        let found = live.find(|found| found.name == stack || found.id == stack)?;
        Some(found.resources.get(logical_id)?.physical_id.clone())
    }

    fn world(&self) -> &World {
        &self.inner.world
    }

    async fn pause(&self) {
        let pace = *lock(&self.inner.pace);
        tokio::time::sleep(pace).await;
    }

    fn injected_failure(&self, logical_id: &str) -> Option<String> {
        lock(&self.inner.failures).remove(logical_id)
    }

    /// An id in the shape of a UUID that nothing else has.
    fn unique(&self, seed: &str) -> String {
        let serial = self.inner.serial.fetch_add(1, Ordering::Relaxed);
        let hex = digest(&format!("{seed}/{serial}/{}", now()));
        format!(
            "{}-{}-{}-{}-{}",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..32]
        )
    }

    fn arn(&self, kind: &str, name: &str) -> String {
        let id = self.unique(name);
        let region = &self.world().region;
        format!("arn:aws:cloudformation:{region}:{ACCOUNT}:{kind}/{name}/{id}")
    }

    fn has(&self, stack: &str) -> bool {
        let stacks = lock(&self.inner.stacks);
        stacks.iter().any(|found| matches(found, stack))
    }

    /// Reads or changes a stack: a live one by its name, any by its ARN.
    fn with<T>(&self, stack: &str, act: impl FnOnce(&mut Stack) -> T) -> Option<T> {
        let mut stacks = lock(&self.inner.stacks);
        let found = stacks.iter_mut().find(|found| matches(found, stack))?;
        Some(act(found))
    }

    /// Sets a stack's status and writes it into its history.
    fn set_status(&self, stack_id: &str, status: &'static str, reason: Option<String>) {
        let id = self.unique(stack_id);
        self.with(stack_id, |stack| {
            stack.status = status;
            stack.reason.clone_from(&reason);
            stack.events.push(Event {
                id,
                at: now(),
                logical_id: stack.name.clone(),
                physical_id: stack.id.clone(),
                kind: "AWS::CloudFormation::Stack".to_owned(),
                status,
                reason,
            });
        });
    }

    /// The stack that has made this very resource.
    fn owner_of(&self, kind: &str, physical_id: &str) -> Option<String> {
        let stacks = lock(&self.inner.stacks);
        let mut live = stacks.iter().filter(|stack| !stack.is_gone());
        let owner = live.find(|stack| {
            let mut resources = stack.resources.values();
            resources.any(|resource| resource.kind == kind && resource.physical_id == physical_id)
        });
        owner.map(|stack| stack.id.clone())
    }
}

fn matches(stack: &Stack, name: &str) -> bool {
    stack.id == name || (stack.name == name && !stack.is_gone())
}
