//! The `awslogs` driver: lines of a container's output become events of a log stream.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::time::Instant;

use super::refusal::text;
use crate::sync::now;

/// Longer lines are split.
const MOST_BYTES: usize = 262_118;
/// An event counts for this much more than its text.
const OVERHEAD: usize = 26;
const MOST_BATCH_BYTES: usize = 1_048_576;
const MOST_BATCH_EVENTS: usize = 10_000;
/// The driver's own access key.
const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=AKIALOCALECS/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=0";

/// A log stream to write to.
#[derive(Debug)]
pub(super) struct Stream {
    client: reqwest::Client,
    endpoint: String,
    group: String,
    name: String,
    flush: Duration,
}

impl Stream {
    /// The stream that the container's definition names; none where it has another driver.
    pub(super) fn of(
        container: &Value,
        id: &str,
        endpoint: &str,
        client: &reqwest::Client,
        flush: Duration,
    ) -> Option<Self> {
        let configuration = &container["logConfiguration"];
        if configuration["logDriver"] != "awslogs" {
            return None;
        }
        let options = &configuration["options"];
        let prefix = text(options, "awslogs-stream-prefix");
        Some(Self {
            client: client.clone(),
            endpoint: endpoint.to_owned(),
            group: text(options, "awslogs-group").to_owned(),
            name: format!("{prefix}/{}/{id}", text(container, "name")),
            flush,
        })
    }

    /// Creates the stream; fails with the words of ECS where there is no such group.
    pub(super) async fn create(&self) -> Result<(), String> {
        let body = json!({ "logGroupName": self.group, "logStreamName": self.name });
        self.call("CreateLogStream", &body).await.map_err(|error| {
            format!(
                "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: \
                 failed to create Cloudwatch log stream: {error:#} : exit status 1"
            )
        })
    }

    /// Writes the lines of the pipe until it ends.
    pub(super) async fn pump(self, mut output: pipe::Receiver) {
        let mut batch = Batch::default();
        let mut bytes = Vec::new();
        let mut flush_at: Option<Instant> = None;
        loop {
            let deadline = flush_at.unwrap_or_else(|| Instant::now() + self.flush);
            tokio::select! {
                read = output.read_buf(&mut bytes) => match read {
                    Ok(0) | Err(_) => break,
                    Ok(_) => {
                        batch.take_lines(&mut bytes);
                        flush_at.get_or_insert_with(|| Instant::now() + self.flush);
                    }
                },
                () = tokio::time::sleep_until(deadline), if flush_at.is_some() => {
                    flush_at = None;
                    self.put(&mut batch).await;
                }
            }
            if batch.is_full() {
                flush_at = None;
                self.put(&mut batch).await;
            }
        }
        batch.take_line(&bytes);
        self.put(&mut batch).await;
    }

    /// A batch that fails is dropped, as the driver does even where it blocks.
    async fn put(&self, batch: &mut Batch) {
        while !batch.events.is_empty() {
            let events = batch.next();
            let body = json!({ "logGroupName": self.group, "logStreamName": self.name, "logEvents": events });
            if let Err(error) = self.call("PutLogEvents", &body).await {
                tracing::warn!(%error, "log events are lost");
            }
        }
    }

    async fn call(&self, action: &str, body: &Value) -> anyhow::Result<()> {
        let request = self
            .client
            .post(&self.endpoint)
            .header("authorization", SIGNATURE)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("Logs_20140328.{action}"))
            .body(body.to_string());
        let answer = request.send().await.context("no answer")?;
        if answer.status().is_success() {
            return Ok(());
        }
        let answer: Value = serde_json::from_str(&answer.text().await?).unwrap_or_default();
        let kind = text(&answer, "__type");
        if kind.ends_with("ResourceAlreadyExistsException") {
            return Ok(());
        }
        bail!("{kind}: {}", text(&answer, "message"))
    }
}

#[derive(Debug, Default)]
struct Batch {
    events: Vec<(i64, String)>,
    bytes: usize,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.bytes >= MOST_BATCH_BYTES || self.events.len() >= MOST_BATCH_EVENTS
    }

    /// Takes the whole lines, and what is too long for one.
    fn take_lines(&mut self, bytes: &mut Vec<u8>) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = bytes.drain(..=end).collect();
            self.take_line(&line[..end]);
        }
        while bytes.len() > MOST_BYTES {
            let piece: Vec<u8> = bytes.drain(..MOST_BYTES).collect();
            self.take_line(&piece);
        }
    }

    /// Takes a line without its end. Empty ones are dropped.
    fn take_line(&mut self, line: &[u8]) {
        for piece in line.chunks(MOST_BYTES) {
            self.bytes += piece.len() + OVERHEAD;
            self.events.push((
                now().as_millisecond(),
                String::from_utf8_lossy(piece).into_owned(),
            ));
        }
    }

    /// The events of the next call, in as few calls as the limits allow.
    fn next(&mut self) -> Vec<Value> {
        let mut bytes = 0;
        let fits = |(_, text): &&(i64, String)| {
            bytes += text.len() + OVERHEAD;
            bytes <= MOST_BATCH_BYTES
        };
        let count = self
            .events
            .iter()
            .take(MOST_BATCH_EVENTS)
            .take_while(fits)
            .count()
            .max(1);
        let events: Vec<(i64, String)> = self.events.drain(..count).collect();
        let texts = events.iter().map(|(_, text)| text.len() + OVERHEAD);
        self.bytes = self.bytes.saturating_sub(texts.sum());
        let value = |(time, text)| json!({ "timestamp": time, "message": text });
        events.into_iter().map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_lines_are_dropped_and_long_ones_split() {
        let mut batch = Batch::default();
        let long = "x".repeat(MOST_BYTES + 5);
        let mut bytes = format!("a\n\n\nb\n{long}\nrest").into_bytes();
        batch.take_lines(&mut bytes);
        let lengths: Vec<usize> = batch.events.iter().map(|(_, text)| text.len()).collect();
        assert_eq!(lengths, [1, 1, MOST_BYTES, 5]);
        assert_eq!(bytes, b"rest");
    }

    #[test]
    fn a_call_has_no_more_than_the_limits_allow() {
        let mut batch = Batch::default();
        for _ in 0..5 {
            batch.take_line(&vec![b'x'; MOST_BYTES]);
        }
        assert!(batch.is_full());
        // With what each event counts for beside its text, four fill a call to the byte.
        assert_eq!([batch.next().len(), batch.next().len()], [4, 1]);
        assert_eq!(batch.bytes, 0);
    }
}
