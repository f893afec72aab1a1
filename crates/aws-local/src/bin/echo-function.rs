//! A Lambda function for tests: it does what its event's `do` says, and shows what it was given.
//!
//! Its runtime is written out on a plain socket, so that nothing but the runtime API is between it and the host.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

/// A response or an invocation as it came over the wire.
struct Reply {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

struct Runtime {
    address: String,
    stream: BufReader<TcpStream>,
}

impl Runtime {
    fn connect(address: String) -> io::Result<Self> {
        let stream = BufReader::new(TcpStream::connect(&address)?);
        Ok(Self { address, stream })
    }

    fn call(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<Reply> {
        let head = format!(
            "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request)?;
        self.read()
    }

    fn read(&mut self) -> io::Result<Reply> {
        let mut headers = Vec::new();
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
                None => break,
            }
        }
        let mut reply = Reply {
            headers,
            body: Vec::new(),
        };
        let length = reply
            .header("content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        reply.body.resize(length, 0);
        self.stream.read_exact(&mut reply.body)?;
        Ok(reply)
    }
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "these are this binary's settings"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn main() -> io::Result<ExitCode> {
    writeln!(io::stdout(), "starting")?;
    if variable("FAIL_INIT").as_deref() == Some("exit") {
        return Ok(ExitCode::from(3));
    }
    let address = variable("AWS_LAMBDA_RUNTIME_API").ok_or(io::ErrorKind::NotFound)?;
    let mut runtime = Runtime::connect(address)?;
    if variable("FAIL_INIT").as_deref() == Some("report") {
        let document = json!({ "errorType": "Config", "errorMessage": "a variable is missing" });
        runtime.call("POST", "init/error", document.to_string().as_bytes())?;
        return Ok(ExitCode::from(4));
    }
    for served in 1_u64.. {
        let invocation = runtime.call("GET", "invocation/next", b"")?;
        let id = invocation
            .header("lambda-runtime-aws-request-id")
            .unwrap_or_default()
            .to_owned();
        match answer(&invocation, served)? {
            Ok(result) => runtime.call(
                "POST",
                &format!("invocation/{id}/response"),
                result.as_bytes(),
            )?,
            Err(error) => {
                runtime.call("POST", &format!("invocation/{id}/error"), error.as_bytes())?
            }
        };
    }
    Ok(ExitCode::SUCCESS)
}

/// What the event asks for: a result or an error document.
fn answer(invocation: &Reply, served: u64) -> io::Result<Result<String, String>> {
    let event: Value = serde_json::from_slice(&invocation.body)?;
    let order = event["do"]
        .as_str()
        .or(event["rawPath"].as_str())
        .unwrap_or_default();
    writeln!(io::stderr(), "invocation {served}: {order}")?;
    let answer = match order {
        "fail" | "/fail" => {
            return Ok(Err(
                json!({ "errorType": "Refused", "errorMessage": "as it was asked" }).to_string(),
            ));
        }
        "exit" | "/exit" => std::process::abort(),
        "wait" => wait(&event)?,
        "large" => json!({ "text": "x".repeat(7_000_000) }),
        "/body" => back(&event),
        "/teapot" => {
            json!({ "statusCode": 418, "body": "short", "cookies": ["a=1", "b=2"], "headers": { "x-kind": "tea" } })
        }
        "/plain" => json!({ "no": "status" }),
        "/nonsense" => json!({ "statusCode": "none" }),
        _ => show(invocation, &event, served),
    };
    Ok(Ok(answer.to_string()))
}

/// Says that it is there by making `started`, and waits until there is `go`.
fn wait(event: &Value) -> io::Result<Value> {
    let directory = Path::new(event["directory"].as_str().unwrap_or_default());
    let pid = std::process::id();
    fs::write(directory.join(format!("started-{pid}")), b"")?;
    // In the end it gives up, lest it outlive a host that was killed.
    for _ in 0..30_000 {
        if directory.join("go").exists() {
            return Ok(json!({ "pid": pid }));
        }
        pause();
    }
    Err(io::ErrorKind::TimedOut.into())
}

#[expect(
    clippy::disallowed_methods,
    reason = "there is no runtime here to wait with"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

/// The request's own body.
fn back(event: &Value) -> Value {
    json!({
        "statusCode": 200,
        "headers": { "content-type": event["headers"]["content-type"] },
        "body": event["body"],
        "isBase64Encoded": event["isBase64Encoded"],
    })
}

/// All that the function was given.
fn show(invocation: &Reply, event: &Value, served: u64) -> Value {
    let variables: serde_json::Map<_, _> = std::env::vars()
        .map(|(name, value)| (name, Value::from(value)))
        .collect();
    let fields: serde_json::Map<_, _> = invocation
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.clone())))
        .collect();
    let shown = json!({
        "pid": std::process::id(),
        "served": served,
        "event": event,
        "variables": variables,
        "invocation": fields,
    });
    if event.get("rawPath").is_some() {
        return json!({ "statusCode": 200, "body": shown.to_string() });
    }
    shown
}
