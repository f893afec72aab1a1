//! Connections that are counted while they live: nobody can have more than a share of them.
//!
//! Neither what runs in a container nor a stranger is trusted: they must not be able to use up the server's file
//! descriptors, with which everybody else is answered.

use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::serve::Listener;
use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::descriptors;
use crate::door::{Bounds, Door, Place};

impl Door {
    /// Counts one more, unless there is no room for it: then it is hung up on.
    fn admit(&self, stream: TcpStream, peer: SocketAddr) -> Option<Counted> {
        let place = self.place(peer.ip());
        if place.is_none() {
            tracing::debug!(%peer, "hung up on: there are too many connections");
        }
        // Answers are small and somebody waits for them; without this they only come later.
        let _delayed = stream.set_nodelay(true);
        place.map(|place| Counted {
            stream,
            _place: place,
        })
    }
}

impl<S> Accept<TcpStream, S> for Door {
    type Stream = Counted;
    type Service = S;
    type Future = Ready<io::Result<(Counted, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let admitted = stream.peer_addr().and_then(|peer| {
            self.admit(stream, peer)
                .ok_or_else(|| io::ErrorKind::ConnectionRefused.into())
        });
        ready(admitted.map(|stream| (stream, service)))
    }
}

/// A listener for agents that hangs up on whoever has its share already.
#[derive(Debug)]
pub(crate) struct Bounded {
    listener: TcpListener,
    door: Door,
}

impl Bounded {
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            door: Door::new(Bounds::of_agents(descriptors::allowed())),
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
            if let Some(counted) = self.door.admit(stream, peer) {
                return (counted, peer);
            }
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
    _place: Place,
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
    use crate::door::AGENTS_SHARE;

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
        for _ in 0..AGENTS_SHARE {
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
