//! "ECS Task State Change": the events of tasks, and the ways in which they arrive.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::gateway::ACCOUNT;
use crate::sync::lock;

/// Takes events; must not block.
pub type EventSink = Arc<dyn Fn(Value) + Send + Sync>;

/// How events arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EventMode {
    /// Each once, at once, in order.
    #[default]
    InOrder,
    /// Each this much later.
    Late(Duration),
    /// Each twice.
    Twice,
    /// All of a task when it has stopped, the last one first.
    Reversed,
    /// Never.
    Dropped,
}

/// Delivers the events of tasks.
pub(super) struct Events {
    mode: Mutex<EventMode>,
    queue: mpsc::UnboundedSender<(Instant, Value)>,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Events({:?})", self.mode())
    }
}

impl Events {
    /// Events, and what delivers them as long as there are any.
    pub(super) fn new(sink: EventSink) -> (Arc<Self>, impl Future<Output = ()>) {
        let (queue, waiting) = mpsc::unbounded_channel();
        let events = Arc::new(Self {
            mode: Mutex::default(),
            queue,
        });
        let delivery = deliver(Arc::downgrade(&events), waiting, sink);
        (events, delivery)
    }

    /// How events arrive from now on.
    pub(super) fn set_mode(&self, mode: EventMode) {
        *lock(&self.mode) = mode;
    }

    fn mode(&self) -> EventMode {
        *lock(&self.mode)
    }

    /// Sends the event of a task with this state.
    pub(super) fn send(&self, id: &str, region: &str, detail: &Value) {
        let event = event(id, region, detail);
        if self.queue.send((Instant::now(), event)).is_err() {
            tracing::debug!("nobody delivers events any more");
        }
    }
}

/// The event of a task with this state.
pub(super) fn event(id: &str, region: &str, detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": id,
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": ACCOUNT,
        "time": detail["updatedAt"].as_str().map(|time| format!("{}Z", time.get(..19).unwrap_or_default())),
        "region": region,
        "resources": [detail["taskArn"]],
        "detail": detail,
    })
}

async fn deliver(
    events: std::sync::Weak<Events>,
    mut waiting: mpsc::UnboundedReceiver<(Instant, Value)>,
    sink: EventSink,
) {
    let mut held: HashMap<String, Vec<Value>> = HashMap::new();
    while let Some((sent, event)) = waiting.recv().await {
        let mode = events
            .upgrade()
            .map_or(EventMode::Dropped, |events| events.mode());
        match mode {
            EventMode::Dropped => {}
            EventMode::InOrder => sink(event),
            EventMode::Late(by) => {
                tokio::time::sleep_until(sent + by).await;
                sink(event);
            }
            EventMode::Twice => {
                sink(event.clone());
                sink(event);
            }
            EventMode::Reversed => {
                let task = event["detail"]["taskArn"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                let is_last = event["detail"]["lastStatus"] == "STOPPED";
                held.entry(task.clone()).or_default().push(event);
                if is_last {
                    held.remove(&task)
                        .into_iter()
                        .flatten()
                        .rev()
                        .for_each(|event| sink(event));
                }
            }
        }
    }
}
