//! Queues in memory: what lands in a dead-letter queue can be read there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::sync::lock;

/// One message of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The body, usually JSON.
    pub body: String,
    /// The message attributes, all of them strings.
    pub attributes: BTreeMap<String, String>,
}

impl Message {
    /// A message without attributes.
    pub fn new(body: impl Into<String>) -> Self {
        Self {
            body: body.into(),
            attributes: BTreeMap::new(),
        }
    }
}

/// The queues of an account. Clones share them. A queue is named by its name, its ARN or its URL alike.
#[derive(Debug, Clone, Default)]
pub struct Queues {
    queues: Arc<Mutex<BTreeMap<String, Vec<Message>>>>,
}

impl Queues {
    /// No queues yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a queue; one that exists keeps its messages.
    pub fn put(&self, queue: &str) {
        lock(&self.queues)
            .entry(short_name(queue).to_owned())
            .or_default();
    }

    /// Deletes a queue with its messages; whether there was one.
    pub fn delete(&self, queue: &str) -> bool {
        lock(&self.queues).remove(short_name(queue)).is_some()
    }

    /// The names of all queues.
    pub fn names(&self) -> Vec<String> {
        lock(&self.queues).keys().cloned().collect()
    }

    /// Adds a message at the end; false where there is no such queue, and the message is lost, as on AWS.
    pub fn send(&self, queue: &str, message: Message) -> bool {
        let mut queues = lock(&self.queues);
        let Some(messages) = queues.get_mut(short_name(queue)) else {
            tracing::warn!(queue, "a message for a queue that does not exist is lost");
            return false;
        };
        messages.push(message);
        true
    }

    /// The messages of a queue, oldest first; reading takes none away.
    pub fn messages(&self, queue: &str) -> Vec<Message> {
        lock(&self.queues)
            .get(short_name(queue))
            .cloned()
            .unwrap_or_default()
    }

    /// Takes all messages out of a queue.
    pub fn purge(&self, queue: &str) {
        if let Some(messages) = lock(&self.queues).get_mut(short_name(queue)) {
            messages.clear();
        }
    }
}

/// The name in a name, an ARN (`arn:aws:sqs:region:account:name`) or a URL (`https://…/account/name`).
fn short_name(queue: &str) -> &str {
    queue.rsplit([':', '/']).next().unwrap_or(queue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_found_by_name_arn_and_url() {
        let queues = Queues::new();
        queues.put("arn:aws:sqs:us-east-1:123456789012:p-errors");
        assert!(queues.send(
            "https://sqs.us-east-1.amazonaws.com/123456789012/p-errors",
            Message::new("one")
        ));
        assert!(!queues.send("p-other", Message::new("lost")));
        assert_eq!(queues.messages("p-errors"), [Message::new("one")]);
        queues.purge("p-errors");
        assert!(queues.messages("p-errors").is_empty());
        assert_eq!(queues.names(), ["p-errors"]);
    }
}
