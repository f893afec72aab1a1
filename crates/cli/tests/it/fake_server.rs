//! An HTTP server that says what a test wants, and keeps what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) line: String,
    /// Header lines, in lower case.
    pub(crate) headers: Vec<String>,
    /// The body.
    pub(crate) body: String,
}

/// What to answer.
pub(crate) enum Answer {
    /// This status and body.
    Say(u16, String),
    /// This status, this header line, and this body.
    With(u16, &'static str, String),
    /// Nothing: the connection breaks.
    HangUp,
}

/// The server; it lives as long as the test process.
pub(crate) struct FakeServer {
    /// Its address.
    pub(crate) endpoint: String,
    asked: Arc<(Mutex<Vec<Asked>>, Condvar)>,
}

impl FakeServer {
    /// Answers each request as `answer` says; it is given the request and how many came before.
    pub(crate) fn new(answer: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<(Mutex<Vec<Asked>>, Condvar)> = Arc::default();
        let keep = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Some((request, mut stream)) = stream.ok().and_then(read) else {
                    continue;
                };
                let before = {
                    let mut kept = keep.0.lock().unwrap();
                    kept.push(request.clone());
                    keep.1.notify_all();
                    kept.len() - 1
                };
                let (status, header, body) = match answer(&request, before) {
                    Answer::Say(status, body) => (status, "x-nothing: 0", body),
                    Answer::With(status, header, body) => (status, header, body),
                    Answer::HangUp => continue,
                };
                let length = body.len();
                // A client that is gone needs no answer.
                write!(stream, "HTTP/1.1 {status} X\r\n{header}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").ok();
            }
        });
        Self { endpoint, asked }
    }

    /// One that answers everything alike.
    pub(crate) fn saying(status: u16, body: &str) -> Self {
        let body = body.to_owned();
        Self::new(move |_, _| Answer::Say(status, body.clone()))
    }

    /// Waits until it has been asked `line`.
    #[cfg(unix)]
    pub(crate) fn wait_for(&self, line: &str) {
        let (asked, news) = &*self.asked;
        let is_missing =
            |asked: &mut Vec<Asked>| !asked.iter().any(|asked| asked.line.starts_with(line));
        let limit = std::time::Duration::from_secs(30);
        let waited = news.wait_timeout_while(asked.lock().unwrap(), limit, is_missing);
        assert!(!waited.unwrap().1.timed_out(), "never asked {line}");
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.0.lock().unwrap().clone()
    }
}

fn read(stream: TcpStream) -> Option<(Asked, TcpStream)> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        match header.trim() {
            "" => break,
            header => headers.push(header.to_lowercase()),
        }
    }
    let length = headers
        .iter()
        .find_map(|header| header.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(Some(0), |length| length.parse().ok())?];
    reader.read_exact(&mut body).ok()?;
    let line = line.trim().trim_end_matches(" HTTP/1.1").to_owned();
    let body = String::from_utf8(body).ok()?;
    Some((
        Asked {
            line,
            headers,
            body,
        },
        stream,
    ))
}
