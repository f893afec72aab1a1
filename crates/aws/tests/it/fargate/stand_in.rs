//! Answers ECS's calls as told, and CloudWatch's from one stream of lines.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A status and a body; status 0 hangs up without a word.
type Answer = (u16, Value);

#[derive(Default)]
struct Script {
    answers: HashMap<String, VecDeque<Answer>>,
    calls: Vec<(String, Value)>,
    stream: Option<Vec<String>>,
    page: usize,
}

/// An endpoint that is told what to say. It ends with its handle.
pub(crate) struct StandIn {
    pub(crate) endpoint: String,
    script: Arc<Mutex<Script>>,
    _server: JoinSet<()>,
}

impl StandIn {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(Script {
            page: 100,
            ..Script::default()
        }));
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&script)));
        Self {
            endpoint,
            script,
            _server: server,
        }
    }

    /// The next answer to the action; the last one stays.
    pub(crate) fn say(&self, action: &str, body: Value) {
        self.answer(action, 200, body);
    }

    /// The next answer to the action is a refusal.
    pub(crate) fn refuse(&self, action: &str, status: u16, code: &str, message: &str) {
        self.answer(action, status, json!({"__type": code, "message": message}));
    }

    pub(crate) fn answer(&self, action: &str, status: u16, body: Value) {
        let mut script = self.script.lock().unwrap();
        script
            .answers
            .entry(action.to_owned())
            .or_default()
            .push_back((status, body));
    }

    /// The action is answered anew from here on.
    pub(crate) fn forget(&self, action: &str) {
        self.script.lock().unwrap().answers.remove(action);
    }

    /// The lines of every log stream, read `page` at a time.
    pub(crate) fn set_stream(&self, lines: &[String], page: usize) {
        let mut script = self.script.lock().unwrap();
        (script.stream, script.page) = (Some(lines.to_vec()), page);
    }

    /// The calls so far, and none of them again.
    pub(crate) fn take_calls(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.script.lock().unwrap().calls)
    }

    /// The names of the calls so far.
    pub(crate) fn take_actions(&self) -> Vec<String> {
        self.take_calls()
            .into_iter()
            .map(|(action, _)| action)
            .collect()
    }
}

impl Script {
    fn reply(&mut self, action: &str, body: &Value) -> Answer {
        self.calls.push((action.to_owned(), body.clone()));
        if action == "GetLogEvents" {
            return self.events(body);
        }
        let Some(answers) = self.answers.get_mut(action) else {
            return (
                400,
                json!({"__type": "ClientException", "message": format!("{action} is not scripted")}),
            );
        };
        if answers.len() > 1 {
            answers.pop_front().unwrap()
        } else {
            answers[0].clone()
        }
    }

    fn events(&self, body: &Value) -> Answer {
        let Some(lines) = &self.stream else {
            let message = "The specified log stream does not exist.";
            return (
                400,
                json!({"__type": "ResourceNotFoundException", "message": message}),
            );
        };
        let limit = body["limit"]
            .as_u64()
            .map_or(usize::MAX, |limit| limit.try_into().unwrap());
        let (page, all) = (self.page.min(limit), lines.len());
        let token = body["nextToken"]
            .as_str()
            .map(|token| token.split_once('/').unwrap());
        let (from, to) = match token.map(|(way, at)| (way, at.parse::<usize>().unwrap())) {
            Some(("f", at)) => (at, (at + page).min(all)),
            Some((_, at)) => (at.saturating_sub(page), at),
            None => (all.saturating_sub(page), all),
        };
        let event = |line: &String| json!({"timestamp": 1_793_000_000_000_i64, "message": line, "ingestionTime": 0});
        let events: Vec<Value> = lines[from..to].iter().map(event).collect();
        let (forward, backward) = (format!("f/{to}"), format!("b/{from}"));
        (
            200,
            json!({"events": events, "nextForwardToken": forward, "nextBackwardToken": backward}),
        )
    }
}

async fn serve(listener: TcpListener, script: Arc<Mutex<Script>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let script = Arc::clone(&script);
        connections.spawn(async move { answer(stream, &script).await });
    }
}

async fn answer(stream: TcpStream, script: &Mutex<Script>) {
    let mut stream = BufReader::new(stream);
    while let Some((action, length)) = read_head(&mut stream).await {
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let (status, body) = script
            .lock()
            .unwrap()
            .reply(&action, &serde_json::from_slice(&body).unwrap());
        if status == 0 {
            return;
        }
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream
            .write_all(format!("{head}{body}").as_bytes())
            .await
            .unwrap();
    }
}

/// Reads a request up to its body: its action and the body's length.
async fn read_head(stream: &mut BufReader<TcpStream>) -> Option<(String, usize)> {
    let (mut action, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim();
        if line.is_empty() {
            return Some((action, length));
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        match name.to_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "x-amz-target" => action = value.rsplit('.').next().unwrap().to_owned(),
            _ => {}
        }
    }
}
