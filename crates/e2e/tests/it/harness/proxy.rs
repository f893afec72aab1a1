//! A network that breaks: passes connections on to a server, and cuts them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Ends with its owner.
#[derive(Debug)]
pub(crate) struct Proxy {
    endpoint: String,
    shared: Arc<Shared>,
    _passing: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    /// How many bytes of answers each of the first connections passes before it breaks.
    budgets: Vec<usize>,
    cuts: AtomicUsize,
    open: AtomicUsize,
    /// Told each time when all open connections are to break.
    cut: watch::Sender<u64>,
}

impl Proxy {
    /// Listens in front of `upstream`. The first connections break after so many bytes of answers each.
    pub(crate) async fn start(upstream: String, budgets: &[usize]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            upstream,
            budgets: budgets.to_vec(),
            cuts: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            cut: watch::Sender::new(0),
        });
        let mut passing = JoinSet::new();
        passing.spawn(accept(listener, Arc::clone(&shared)));
        Self {
            endpoint,
            shared,
            _passing: passing,
        }
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Breaks every open connection.
    pub(crate) fn cut(&self) {
        self.shared.cut.send_modify(|count| *count += 1);
    }

    /// How many connections were broken so far.
    pub(crate) fn cuts(&self) -> usize {
        self.shared.cuts.load(Ordering::Relaxed)
    }

    /// How many connections are open now.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    for number in 0.. {
        let Ok((client, _)) = listener.accept().await else {
            return;
        };
        let budget = shared.budgets.get(number).copied().unwrap_or(usize::MAX);
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            shared.open.fetch_add(1, Ordering::Relaxed);
            pass(client, &shared, budget).await;
            shared.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Passes bytes both ways until one side ends or the connection is to break.
async fn pass(client: TcpStream, shared: &Shared, budget: usize) {
    let mut cut = shared.cut.subscribe();
    let Ok(server) = TcpStream::connect(&shared.upstream).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let asking = tokio::io::copy(&mut from_client, &mut to_server);
    let answering = async {
        let mut left = budget;
        let mut buffer = [0; 4096];
        loop {
            let room = left.min(buffer.len());
            let count = from_server.read(&mut buffer).await.unwrap_or(0);
            if count == 0 {
                return false;
            }
            let passed = count.min(room);
            if to_client.write_all(&buffer[..passed]).await.is_err() {
                return false;
            }
            left -= passed;
            if left == 0 {
                return true;
            }
        }
    };
    let is_cut = tokio::select! {
        is_cut = answering => is_cut,
        _ = asking => false,
        _ = cut.changed() => true,
    };
    if is_cut {
        shared.cuts.fetch_add(1, Ordering::Relaxed);
    }
}
