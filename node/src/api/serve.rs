//! Accepting connections, in bounded number and for bounded time.
//!
//! 1. A connection counts from the moment it is accepted. When all are in use, newcomers wait in the system's queue.
//! 2. Whoever does not send a whole request head in time is closed, on a fresh connection and on one that is kept alive.
//! 3. Whoever stops reading an answer is closed, and what the answer held is free again.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

/// How long to wait after the system refused to accept, for example for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// Bounds of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at once.
    pub(crate) connections: usize,
    /// How long a request's head may take.
    pub(crate) head: Duration,
    /// How long a reader may take nothing while there is something for it.
    pub(crate) stall: Duration,
}

impl Limits {
    /// Those of a node.
    pub(crate) const NODE: Limits =
        Limits { connections: 768, head: Duration::from_secs(15), stall: Duration::from_secs(30) };
}

/// Serves until asked to stop, then lets requests that are under way finish.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    mut stop: oneshot::Receiver<()>,
) -> io::Result<()> {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let (closing, closed) = watch::channel(false);
    let mut open = JoinSet::new();
    loop {
        let permit = tokio::select! {
            permit = Arc::clone(&permits).acquire_owned() => permit.map_err(io::Error::other)?,
            _ = &mut stop => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stop => break,
        };
        // What has ended is forgotten.
        while open.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let (router, closed) = (router.clone(), closed.clone());
                open.spawn(async move {
                    let _permit = permit;
                    connection(stream, router, limits, closed).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    // Without a connection nobody listens.
    let _ = closing.send(true);
    while open.join_next().await.is_some() {}
    Ok(())
}

async fn connection(stream: TcpStream, router: Router, limits: Limits, mut closed: watch::Receiver<bool>) {
    let io = TokioIo::new(Patient::new(stream, limits.stall));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(64 << 10)
        .serve_connection(io, TowerToHyperService::new(router));
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => ended,
        // It changes once, or its sender is gone: both mean the end.
        _ = closed.changed() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// A stream that fails when its reader takes nothing for too long.
struct Patient {
    stream: TcpStream,
    stall: Duration,
    deadline: Pin<Box<Sleep>>,
    blocked: bool,
}

impl Patient {
    fn new(stream: TcpStream, stall: Duration) -> Self {
        Patient { stream, stall, deadline: Box::pin(tokio::time::sleep(stall)), blocked: false }
    }

    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.blocked = false;
            return written;
        }
        if !self.blocked {
            self.blocked = true;
            self.deadline.as_mut().reset(Instant::now() + self.stall);
        }
        match self.deadline.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, Bytes};
    use axum::routing::get;
    use libp2p::futures::stream;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// One connection at a time, so that whoever holds it is noticed.
    async fn server() -> (SocketAddr, oneshot::Sender<()>) {
        let endless =
            || async { Body::from_stream(stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(&[7; 65536])))) };
        let router = Router::new().route("/", get(|| async { "fine" })).route("/endless", get(endless));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, asked) = oneshot::channel();
        let limits = Limits { connections: 1, head: Duration::from_millis(100), stall: Duration::from_millis(100) };
        tokio::spawn(serve(listener, router, limits, asked));
        (address, stop)
    }

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    const WHOLE: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn who_sends_half_a_head_nothing_or_nothing_more_is_closed_and_the_next_is_served() {
        let (address, _stop) = server().await;
        for slow in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"] {
            // Each of these comes back only when the server closes.
            ask(address, slow).await;
        }
        assert!(ask(address, WHOLE).await.ends_with("fine"));
    }

    #[tokio::test]
    async fn who_stops_reading_is_closed_and_the_next_is_served() {
        let (address, _stop) = server().await;
        let mut deaf = TcpStream::connect(address).await.unwrap();
        deaf.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert!(ask(address, WHOLE).await.ends_with("fine"), "the only connection is free again");
        drop(deaf);
    }
}
