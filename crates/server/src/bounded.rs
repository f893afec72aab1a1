//! A listener on which no address can have more than its share of connections.
//!
//! What runs in a container is not trusted: it must not be able to use up the server's file descriptors, with which
//! people and other containers are answered.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Connections of one address at once. An agent needs a handful.
const SHARE: usize = 64;

/// How many connections each address has.
type Counts = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// Hangs up on whoever has its share already.
#[derive(Debug)]
pub(crate) struct Bounded {
    listener: TcpListener,
    counts: Counts,
}

impl Bounded {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            counts: Counts::default(),
        }
    }
}

impl Listener for Bounded {
    type Io = Counted;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Counted, SocketAddr) {
        loop {
            // Waits out what can be waited out, as running out of descriptors.
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            // Answers are small and somebody waits for them; without this they only come later.
            let _delayed = stream.set_nodelay(true);
            if let Some(counted) = Counted::new(stream, peer.ip(), &self.counts) {
                return (counted, peer);
            }
            tracing::debug!(%peer, "hung up on: it has too many connections");
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that is counted while it lives.
#[derive(Debug)]
pub(crate) struct Counted {
    stream: TcpStream,
    address: IpAddr,
    counts: Counts,
}

impl Counted {
    /// Counts one more, unless the address has its share.
    fn new(stream: TcpStream, address: IpAddr, counts: &Counts) -> Option<Self> {
        let mut guard = locked(counts);
        let count = guard.entry(address).or_insert(0);
        if *count >= SHARE {
            return None;
        }
        *count += 1;
        drop(guard);
        Some(Self {
            stream,
            address,
            counts: Arc::clone(counts),
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut guard = locked(&self.counts);
        if let Some(count) = guard.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                guard.remove(&self.address);
            }
        }
    }
}

fn locked(counts: &Counts) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::task::JoinSet;

    use super::*;

    /// Greets each connection that is let in and keeps it until it is closed.
    async fn greeter(greeting: &mut JoinSet<()>) -> SocketAddr {
        let mut bounded = Bounded::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
        let address = bounded.local_addr().unwrap();
        greeting.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (mut stream, _) = bounded.accept().await;
                open.spawn(async move {
                    stream.write_all(b"!").await.unwrap();
                    // It ends when the caller hangs up.
                    let _end = stream.read_u8().await;
                });
            }
        });
        address
    }

    async fn is_greeted(stream: &mut TcpStream) -> bool {
        stream.read_u8().await.is_ok()
    }

    #[tokio::test]
    async fn nobody_gets_more_connections_than_its_share_and_what_ends_makes_room() {
        let mut greeting = JoinSet::new();
        let address = greeter(&mut greeting).await;
        let mut open = Vec::new();
        for _ in 0..SHARE {
            let mut stream = TcpStream::connect(address).await.unwrap();
            assert!(is_greeted(&mut stream).await);
            open.push(stream);
        }
        let mut more = TcpStream::connect(address).await.unwrap();
        assert!(!is_greeted(&mut more).await);
        open.pop();
        let deadline = std::time::Duration::from_secs(10);
        runvoy_testkit::eventually(deadline, async || {
            let mut stream = TcpStream::connect(address).await.ok()?;
            is_greeted(&mut stream).await.then_some(())
        })
        .await;
    }
}
