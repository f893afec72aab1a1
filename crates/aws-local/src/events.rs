//! EventBridge on one machine: rules that match events or tick, and invoke functions.

mod pattern;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::ACCOUNT;
use crate::lambda::{InvokeError, Lambdas};
use crate::queue::Message;
use crate::sync::{lock, now};

pub use pattern::PatternError;

/// A rule: what sets it off, and whom it invokes.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// The events it is about.
    pub pattern: Option<Value>,
    /// The time between its ticks.
    pub every: Option<Duration>,
    /// Whom it invokes.
    pub targets: Vec<Target>,
    /// Whether it does anything at all.
    pub enabled: bool,
}

/// Whom a rule invokes.
#[derive(Debug, Clone)]
pub struct Target {
    /// The function's name or ARN.
    pub function: String,
    /// What it gets in place of the event.
    pub input: Option<Value>,
    /// The queue for what could not be delivered.
    pub dead_letter: Option<String>,
}

/// The rules of an account. Clones share them; ticking ends with the last clone.
#[derive(Debug, Clone)]
pub struct Events {
    bus: Arc<Bus>,
    _stop: Arc<DropGuard>,
}

#[derive(Debug)]
struct Bus {
    lambdas: Lambdas,
    rules: Mutex<BTreeMap<String, Entry>>,
    pace: watch::Sender<Option<Duration>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Entry {
    rule: Rule,
    _ticking: DropGuard,
}

impl Events {
    /// No rules yet.
    pub fn new(lambdas: Lambdas) -> Self {
        let stop = CancellationToken::new();
        let bus = Bus {
            lambdas,
            rules: Mutex::default(),
            pace: watch::Sender::new(None),
            tasks: TaskTracker::new(),
            stop: stop.clone(),
        };
        Self {
            bus: Arc::new(bus),
            _stop: Arc::new(stop.drop_guard()),
        }
    }

    /// Creates or replaces a rule. One with a schedule ticks from one period on; this needs a tokio runtime.
    pub fn put_rule(&self, rule: Rule) -> Result<(), PatternError> {
        if let Some(wanted) = &rule.pattern {
            pattern::check(wanted)?;
        }
        let ticking = self.bus.stop.child_token();
        if let Some(every) = rule.every {
            let ticks = tick(
                Arc::downgrade(&self.bus),
                self.bus.pace.subscribe(),
                rule.name.clone(),
                every,
            );
            let stopped = ticking.clone();
            self.bus
                .tasks
                .spawn(async move { stopped.run_until_cancelled_owned(ticks).await });
        }
        let name = rule.name.clone();
        lock(&self.bus.rules).insert(
            name,
            Entry {
                rule,
                _ticking: ticking.drop_guard(),
            },
        );
        Ok(())
    }

    /// Deletes a rule; whether there was one.
    pub fn delete_rule(&self, name: &str) -> bool {
        lock(&self.bus.rules).remove(name).is_some()
    }

    /// A rule by its name.
    pub fn rule(&self, name: &str) -> Option<Rule> {
        lock(&self.bus.rules)
            .get(name)
            .map(|entry| entry.rule.clone())
    }

    /// Switches a rule on or off; whether there is one.
    pub fn enable_rule(&self, name: &str, enabled: bool) -> bool {
        lock(&self.bus.rules)
            .get_mut(name)
            .map(|entry| entry.rule.enabled = enabled)
            .is_some()
    }

    /// Sets the time between ticks of every rule, in place of its own; `None` gives each its own back.
    pub fn set_pace(&self, pace: Option<Duration>) {
        self.bus.pace.send_replace(pace);
    }

    /// Delivers an event to the targets of each rule that means it; how many rules did.
    pub fn put_event(&self, event: &Value) -> usize {
        let rules: Vec<Rule> = lock(&self.bus.rules)
            .values()
            .map(|entry| entry.rule.clone())
            .collect();
        let meant = |rule: &Rule| {
            rule.pattern
                .as_ref()
                .is_some_and(|wanted| pattern::matches(wanted, event))
        };
        let meant: Vec<_> = rules
            .iter()
            .filter(|rule| rule.enabled && meant(rule))
            .collect();
        for rule in &meant {
            self.bus.deliver(rule, event);
        }
        meant.len()
    }

    /// Lets a rule with a schedule tick now, out of turn; whether there is one, and it is enabled.
    pub fn tick_now(&self, name: &str) -> bool {
        self.bus.tick(name)
    }
}

/// Ticks for ever; a change of pace begins a new period.
async fn tick(
    bus: std::sync::Weak<Bus>,
    mut pace: watch::Receiver<Option<Duration>>,
    name: String,
    every: Duration,
) {
    let mut next = Instant::now();
    loop {
        next += pace
            .borrow_and_update()
            .unwrap_or(every)
            .max(Duration::from_millis(1));
        tokio::select! {
            changed = pace.changed() => match changed {
                Ok(()) => next = Instant::now(),
                Err(_) => return,
            },
            () = sleep_until(next) => match bus.upgrade() {
                Some(bus) => {
                    bus.tick(&name);
                }
                None => return,
            },
        }
    }
}

impl Bus {
    fn tick(&self, name: &str) -> bool {
        let rule = lock(&self.rules).get(name).map(|entry| entry.rule.clone());
        let Some(rule) = rule.filter(|rule| rule.enabled && rule.every.is_some()) else {
            return false;
        };
        let event = json!({
            "version": "0",
            "id": Uuid::new_v4().to_string(),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT,
            "time": now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": self.lambdas.settings().region,
            "resources": [self.rule_arn(&rule.name)],
            "detail": {},
        });
        self.deliver(&rule, &event);
        true
    }

    fn deliver(&self, rule: &Rule, event: &Value) {
        for target in &rule.targets {
            let payload = target.input.as_ref().unwrap_or(event).to_string();
            if let Err(error) = self
                .lambdas
                .invoke_async(&target.function, Bytes::from(payload.clone()))
            {
                self.bury(rule, target, payload, &error);
            }
        }
    }

    /// Sends what could not be delivered to the dead-letter queue. AWS would try what it holds for temporary for a day
    /// first; here that day is over at once.
    fn bury(&self, rule: &Rule, target: &Target, payload: String, error: &InvokeError) {
        let Some(queue) = &target.dead_letter else {
            tracing::warn!(rule = rule.name, %error, "an event is lost: its target has no dead-letter queue");
            return;
        };
        let code = match error {
            InvokeError::NotFound(_) => "RESOURCE_NOT_FOUND",
            InvokeError::Throttled => "THROTTLING",
            InvokeError::TooLarge(_) | InvokeError::Failed(_) => "SDK_CLIENT_ERROR",
        };
        let attributes = [
            ("RULE_ARN", self.rule_arn(&rule.name)),
            ("TARGET_ARN", target.function.clone()),
            ("ERROR_CODE", code.to_owned()),
            ("ERROR_MESSAGE", error.to_string()),
        ];
        let attributes = attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        self.lambdas.queues().send(
            queue,
            Message {
                body: payload,
                attributes,
            },
        );
    }

    fn rule_arn(&self, name: &str) -> String {
        format!(
            "arn:aws:events:{}:{ACCOUNT}:rule/{name}",
            self.lambdas.settings().region
        )
    }
}
