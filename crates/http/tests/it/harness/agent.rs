//! An agent that says what a test tells it.

use axum::body::Body;
use axum::http::Request;
use runvoy_core::execution::Evidence;
use runvoy_core::id::{AttemptId, ExecutionId};
use runvoy_ports::Presence;
use serde_json::{Value, json};

use super::World;
use super::answer::Answer;

/// The agent of an execution's newest attempt.
pub(crate) struct Agent<'w> {
    pub(crate) world: &'w World,
    pub(crate) attempt: AttemptId,
    /// The token of its launch.
    pub(crate) token: String,
    /// The token of its session, once started.
    pub(crate) session: String,
    /// The number of its next entry.
    pub(crate) next: u64,
}

/// The boot nonce of an agent whose digits are all `digit`.
pub(crate) fn nonce(digit: char) -> String {
    digit.to_string().repeat(32)
}

/// The body of a start.
pub(crate) fn start_body(digit: char) -> Value {
    json!({"nonce": nonce(digit), "place": "process 4711", "version": "0.6.0", "arch": "x86_64"})
}

/// The moment of the entry numbered `seq`, in microseconds since 1970: a millisecond for each.
pub(crate) fn micros(seq: u64) -> u64 {
    1_750_000_000_000_000 + seq * 1000
}

impl<'w> Agent<'w> {
    /// The agent that was last launched for the execution.
    pub(crate) fn launched(world: &'w World, id: &ExecutionId) -> Self {
        let launched = world.launcher.launched();
        let attempt = launched
            .into_iter()
            .rfind(|attempt| attempt.execution() == id);
        let attempt = attempt.expect("the execution was launched");
        let token = world.launcher.token(&attempt).unwrap();
        Self {
            world,
            attempt,
            token,
            session: String::new(),
            next: 1,
        }
    }

    pub(crate) fn id(&self) -> &ExecutionId {
        self.attempt.execution()
    }

    /// A call of this attempt with any token.
    pub(crate) async fn call(&self, verb: &str, token: &str, body: Value) -> Answer {
        let request = self.request(verb, token).body(Body::from(body.to_string()));
        self.world.send_as_agent(request.unwrap()).await
    }

    /// A request of this attempt with any token, without a body yet.
    pub(crate) fn request(&self, verb: &str, token: &str) -> axum::http::request::Builder {
        Request::post(format!("/agent/v1/{}/{verb}", self.attempt))
            .header("authorization", format!("Bearer {token}"))
    }

    /// Starts as the boot whose nonce is all ones.
    pub(crate) async fn start(&mut self) -> Answer {
        let answer = self.call("start", &self.token, start_body('1')).await;
        if answer.status == 200 {
            answer.text("session").clone_into(&mut self.session);
        }
        answer
    }

    /// Pushes entries `[stream, text, end]` from the number `first` on.
    pub(crate) async fn push_from(&self, first: u64, entries: &[(&str, &str, &str)]) -> Answer {
        let entries: Vec<Value> = (first..)
            .zip(entries)
            .map(|(seq, (stream, text, end))| json!([micros(seq), stream, text, end]))
            .collect();
        let body = json!({"first": first, "entries": entries});
        self.call("logs", &self.session, body).await
    }

    /// Pushes whole lines of standard output that must be accepted.
    pub(crate) async fn print(&mut self, lines: &[&str]) {
        let entries: Vec<_> = lines.iter().map(|line| ("o", *line, "\n")).collect();
        self.push(&entries).await;
    }

    /// Pushes entries that must be accepted.
    pub(crate) async fn push(&mut self, entries: &[(&str, &str, &str)]) {
        let answer = self.push_from(self.next, entries).await;
        self.next += entries.len() as u64;
        assert_eq!(answer.json["next_seq"], self.next, "{}", answer.shown());
    }

    pub(crate) async fn heartbeat(&self) -> Answer {
        let body = json!({"next_seq": self.next});
        self.call("heartbeat", &self.session, body).await
    }

    /// The body of a finish after everything that was pushed.
    pub(crate) fn finish_body(&self, code: i32) -> Value {
        json!({
            "exit_code": code,
            "signal": null,
            "ended_by": "none",
            "started_at": "2025-06-15T15:06:40Z",
            "ended_at": "2025-06-15T15:06:42Z",
            "last_seq": self.next - 1,
        })
    }

    /// Finishes with `code`, which must be accepted, and goes away; the execution is closed then.
    pub(crate) async fn finish(self, code: i32) -> ExecutionId {
        let answer = self
            .call("finish", &self.session, self.finish_body(code))
            .await;
        assert_eq!(answer.json["accepted"], true, "{}", answer.shown());
        self.leave().await
    }

    /// Goes away; what follows from that happens.
    pub(crate) async fn leave(self) -> ExecutionId {
        let gone = Presence::Gone(Evidence::default());
        self.world.launcher.set_presence(&self.attempt, gone);
        self.world.settle().await;
        self.world.app.drive(self.id()).await.unwrap();
        self.world.settle().await;
        self.attempt.execution().clone()
    }
}
