//! What ECS remembers of client tokens.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::clock::age;
use super::refusal::Refusal;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// What a request with a token led to.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// These tasks.
    Tasks(Vec<String>),
    /// This answer, without a task.
    Failures(Value),
}

/// Client tokens by cluster.
#[derive(Debug, Default)]
pub(super) struct Tokens(HashMap<(String, String), Remembered>);

#[derive(Debug)]
struct Remembered {
    parameters: Value,
    outcome: Outcome,
    at: Timestamp,
}

impl Tokens {
    /// What the same request led to before. `end_of` says when a task stopped, `arn_of` how it is called.
    pub(super) fn recall(
        &mut self,
        cluster: &str,
        request: &Value,
        now: Timestamp,
        end_of: impl Fn(&str) -> Option<Timestamp>,
        arn_of: impl Fn(&str) -> String,
    ) -> Result<Option<Outcome>, Refusal> {
        let Some(key) = key(cluster, request) else {
            return Ok(None);
        };
        let Some(known) = self.0.get(&key) else {
            return Ok(None);
        };
        if age(now, known.at) >= DAY || known.is_over(now, end_of) {
            self.0.remove(&key);
            return Ok(None);
        }
        if known.parameters == *request {
            return Ok(Some(known.outcome.clone()));
        }
        let arns = match &known.outcome {
            Outcome::Tasks(ids) => ids.iter().map(|id| arn_of(id)).collect(),
            Outcome::Failures(_) => Vec::new(),
        };
        Err(Refusal::conflict(arns))
    }

    /// Keeps what the request led to.
    pub(super) fn remember(
        &mut self,
        cluster: &str,
        request: &Value,
        outcome: Outcome,
        at: Timestamp,
    ) {
        if let Some(key) = key(cluster, request) {
            let parameters = request.clone();
            self.0.insert(
                key,
                Remembered {
                    parameters,
                    outcome,
                    at,
                },
            );
        }
    }
}

impl Remembered {
    /// Whether an hour has gone by since the last of its tasks stopped.
    fn is_over(&self, now: Timestamp, end_of: impl Fn(&str) -> Option<Timestamp>) -> bool {
        match &self.outcome {
            Outcome::Failures(_) => false,
            Outcome::Tasks(ids) => ids
                .iter()
                .all(|id| end_of(id).is_some_and(|end| age(now, end) >= HOUR)),
        }
    }
}

fn key(cluster: &str, request: &Value) -> Option<(String, String)> {
    let token = request["clientToken"].as_str()?;
    Some((cluster.to_owned(), token.to_owned()))
}
