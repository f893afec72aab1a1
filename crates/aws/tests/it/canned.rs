//! An endpoint that gives the answers it was told to, in order, and the last one for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use runvoy_aws::DynamoStore;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::database::config;

/// A status and a body.
pub(crate) type Answer = (u16, String);

/// A store that speaks to canned answers. They end with it.
pub(crate) struct Canned {
    pub(crate) store: DynamoStore,
    asked: Arc<AtomicUsize>,
    _server: JoinSet<()>,
}

impl Canned {
    pub(crate) async fn new(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::new(answers), Arc::clone(&asked)));
        let config = config(&endpoint).retry_config(RetryConfig::disabled());
        let client = Client::from_conf(config.build());
        Self {
            store: DynamoStore::new(client, "p"),
            asked,
            _server: server,
        }
    }

    /// How many requests there were.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, answers: Arc<Vec<Answer>>, asked: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (answers, asked) = (Arc::clone(&answers), Arc::clone(&asked));
        connections.spawn(async move { answer(stream, &answers, &asked).await });
    }
}

/// Answers the requests of a connection; status 0 hangs up without a word.
async fn answer(stream: TcpStream, answers: &[Answer], asked: &AtomicUsize) {
    let mut stream = BufReader::new(stream);
    while let Some(length) = read_head(&mut stream).await {
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let turn = asked.fetch_add(1, Ordering::SeqCst);
        let (status, body) = &answers[turn.min(answers.len() - 1)];
        if *status == 0 {
            return;
        }
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
    }
}

/// Reads a request up to its body, whose length it returns.
async fn read_head(stream: &mut BufReader<TcpStream>) -> Option<usize> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim().to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            return Some(length);
        }
    }
}
