//! Starts a function as Lambda does, without a network: everything that it asks for at its start is answered here.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a start may take, under an emulator too.
const LIMIT: Duration = Duration::from_secs(30);
/// A stack key: 32 bytes in base64.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// What a start took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Boot {
    /// From the start of the process to its asking for an invocation.
    pub(crate) milliseconds: f64,
    /// The most memory that it held by then, in KiB.
    pub(crate) peak_kib: u64,
}

/// Starts the program, waits until it asks for its first invocation, and ends it.
pub(crate) fn boot(mut command: Command, name: &str) -> Result<Boot> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (asked, invocation) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let asked = asked.clone();
            thread::spawn(move || serve(stream, &asked));
        }
    });
    command
        .env_clear()
        .envs(environment(name, &address.to_string()))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn().context("it cannot be started")?;
    let answer = invocation.recv_timeout(LIMIT);
    let took = began.elapsed();
    let peak_kib = peak(child.id());
    let said = end(&mut child)?;
    if answer.is_err() {
        bail!("it did not ask for an invocation within {LIMIT:?}; it said: {said}");
    }
    Ok(Boot {
        milliseconds: took.as_secs_f64() * 1000.0,
        peak_kib: peak_kib.context("its memory cannot be read")?,
    })
}

fn environment(name: &str, address: &str) -> Vec<(String, String)> {
    let endpoint = format!("http://{address}");
    let function = if name == "orchestrator" { "api" } else { "" };
    let pairs = [
        ("AWS_LAMBDA_RUNTIME_API", address),
        ("AWS_LAMBDA_FUNCTION_NAME", name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "boot"),
        ("AWS_SECRET_ACCESS_KEY", "boot"),
        ("RUNVOY_FUNCTION", function),
        ("RUNVOY_PROJECT", "runvoy"),
        ("RUNVOY_STACK_KEY_PARAMETER", "/runvoy/runvoy/stack-key"),
        ("RUNVOY_LOG_RETENTION_DAYS", "90"),
        ("RUNVOY_EVENT_PROCESSOR", "runvoy-event-processor"),
        ("RUNVOY_CLUSTER", "runvoy"),
        ("RUNVOY_SUBNETS", "subnet-1"),
        ("RUNVOY_SECURITY_GROUPS", "sg-1"),
        ("RUNVOY_ASSIGN_PUBLIC_IP", "ENABLED"),
        ("RUNVOY_AGENT_URL", "https://agent.example.com/"),
        ("RUNVOY_AGENT_IMAGE", "example.com/agent"),
        (
            "RUNVOY_EXECUTION_ROLE",
            "arn:aws:iam::123456789012:role/execution",
        ),
        ("RUNVOY_TASK_ROLE", "arn:aws:iam::123456789012:role/task"),
        ("RUNVOY_TASK_LOG_GROUP", "/runvoy/runvoy/tasks"),
        ("RUNVOY_DEFAULT_IMAGE", "alpine"),
        ("RUNVOY_ARCHITECTURE", "ARM64"),
        ("RUNVOY_SPOT", "false"),
    ];
    let set = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    set.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Answers the requests of one connection; one for an invocation is never answered, only told of.
fn serve(stream: TcpStream, asked: &Sender<()>) -> Option<()> {
    // An answer in two packets would wait for the first one's receipt.
    stream.set_nodelay(true).ok()?;
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let (head, body_length) = head(&mut reader)?;
        let mut body = vec![0; body_length];
        reader.read_exact(&mut body).ok()?;
        if head.contains("/runtime/invocation/next") {
            asked.send(()).ok()?;
            // Lambda answers when there is something to do; here there never is.
            loop {
                thread::park();
            }
        }
        let answer = if head.contains("AmazonSSM") {
            format!(r#"{{"Parameter":{{"Name":"k","Type":"SecureString","Value":"{KEY}"}}}}"#)
        } else {
            r#"{"Items":[],"taskArns":[]}"#.to_owned()
        };
        let length = answer.len();
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: ";
        writer
            .write_all(format!("{head}{length}\r\n\r\n{answer}").as_bytes())
            .ok()?;
    }
}

/// The lines of a request before its body, and the body's length.
fn head(reader: &mut BufReader<TcpStream>) -> Option<(String, usize)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let header = line.trim().to_ascii_lowercase();
        if header.is_empty() {
            return Some((head, length));
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
}

fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Ends the program and answers what it said.
fn end(child: &mut Child) -> Result<String> {
    child.kill()?;
    let mut said = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut said)?;
    }
    child.wait()?;
    Ok(said)
}
