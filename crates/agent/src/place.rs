//! Where this agent runs, in its launcher's words.

use std::io;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::control_plane::Backoff;
use crate::system;

/// ECS sets it in every container: where a container learns about its task, by plain HTTP on the task's own network.
pub(crate) const ECS_METADATA_VARIABLE: &str = "ECS_CONTAINER_METADATA_URI_V4";
/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is asked.
const TRIES: u32 = 4;
/// The longest answer that is read.
const LONGEST_ANSWER: u64 = 256 * 1024;

/// What is read of a task's metadata.
#[derive(Debug, Deserialize)]
struct TaskMetadata {
    #[serde(rename = "TaskARN")]
    task_arn: String,
}

/// The place's name: what its launcher calls it where that said so, on ECS the task's ARN, elsewhere the process. Where
/// ECS does not answer, the process too: its launcher then goes by the attempt alone.
pub(crate) async fn name(given: Option<&str>, metadata_uri: Option<&str>) -> String {
    match (given, metadata_uri) {
        (Some(given), _) => given.to_owned(),
        (None, Some(uri)) => task_arn(uri)
            .await
            .unwrap_or_else(|| system::place().to_string()),
        (None, None) => system::place().to_string(),
    }
}

async fn task_arn(uri: &str) -> Option<String> {
    let mut backoff = Backoff::default();
    for _ in 0..TRIES {
        if let Ok(Ok(arn)) = timeout(PATIENCE, ask(uri)).await {
            return Some(arn);
        }
        backoff.pause().await;
    }
    None
}

/// One question. No proxy stands between a task and itself, and HTTP/1.0 keeps the answer in one piece.
async fn ask(uri: &str) -> io::Result<String> {
    let bad = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let rest = uri
        .strip_prefix("http://")
        .ok_or_else(|| bad("no http address"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.trim_end_matches('/');
    let address = if host.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let mut connection = TcpStream::connect(address).await?;
    let request =
        format!("GET /{path}/task HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n\r\n");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    connection
        .take(LONGEST_ANSWER)
        .read_to_end(&mut answer)
        .await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or_else(|| bad("no HTTP answer"))?;
    if head.split(' ').nth(1) != Some("200") {
        return Err(bad("not answered with 200"));
    }
    let metadata: TaskMetadata = serde_json::from_str(body).map_err(io::Error::other)?;
    Ok(metadata.task_arn)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one connection after the other, and tells what it was asked.
    async fn metadata(listener: TcpListener, answers: &[&str]) -> Vec<String> {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 1024];
            let length = connection.read(&mut request).await.unwrap();
            let line = String::from_utf8_lossy(&request[..length])
                .lines()
                .next()
                .unwrap()
                .to_owned();
            asked.push(line);
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    }

    #[tokio::test]
    async fn on_ecs_it_is_the_task() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/v4/0123-456", listener.local_addr().unwrap());
        let arn = "arn:aws:ecs:us-east-1:123456789012:task/runvoy/0123";
        let good = format!(
            "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{{\"Cluster\":\"runvoy\",\"TaskARN\":\"{arn}\",\"Containers\":[]}}"
        );
        let answers = [
            "HTTP/1.0 500 Oops\r\n\r\n{}",
            "",
            "HTTP/1.0 200 OK\r\n\r\nnonsense",
            &good,
        ];
        let (asked, named) = tokio::join!(metadata(listener, &answers), name(None, Some(&uri)));
        assert_eq!(named, arn);
        assert_eq!(asked, ["GET /v4/0123-456/task HTTP/1.0"; 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn where_ecs_does_not_answer_and_nobody_has_named_it_it_is_the_process() {
        let process = system::place().to_string();
        for uri in ["http://127.0.0.1:1/v4/x", "https://127.0.0.1:1", "nonsense"] {
            assert_eq!(name(None, Some(uri)).await, process, "{uri}");
        }
        assert_eq!(name(None, None).await, process);
        let given = name(Some("docker:a/b"), Some("nonsense"));
        assert_eq!(given.await, "docker:a/b");
    }
}
