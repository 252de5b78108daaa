//! The socket of a connection, which fails on request.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// The state of the network that applies to all connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    /// Whether the ports accept connections.
    pub(crate) listening: bool,
    /// Number of new connections to reset immediately.
    pub(crate) resets: u64,
    /// Incremented to close all open connections.
    pub(crate) purges: u64,
    /// Incremented to freeze all open connections.
    pub(crate) freezes: u64,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            listening: true,
            resets: 0,
            purges: 0,
            freezes: 0,
        }
    }
}

/// Instructions from the service of a connection to its socket.
#[derive(Debug)]
pub(crate) struct Control {
    /// Notified when all written bytes have been passed to the kernel.
    flushed: Notify,
    /// Whether closing the socket sends RST.
    reset: AtomicBool,
    /// Whether reads report that the peer has closed the connection.
    ended: AtomicBool,
    /// Number of bytes that may still be written before writes fail; `u64::MAX` means no limit.
    remaining: AtomicU64,
    /// Whether the connection carries several streams.
    multiplexed: AtomicBool,
}

/// How long the task of an HTTP/2 connection may take to write the data that a body has yielded.
const WRITE_DELAY: Duration = Duration::from_millis(10);

impl Default for Control {
    fn default() -> Self {
        Self {
            flushed: Notify::new(),
            reset: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            remaining: AtomicU64::new(u64::MAX),
            multiplexed: AtomicBool::new(false),
        }
    }
}

impl Control {
    /// Waits until the data that the body has yielded has been sent.
    pub(crate) async fn flush(&self) {
        if self.multiplexed.load(Ordering::SeqCst) {
            // Flushes do not identify their stream, and this stream's data may already be flushed.
            tokio::time::sleep(WRITE_DELAY).await;
        } else {
            self.flushed.notified().await;
        }
    }

    /// Records that the connection uses HTTP/2.
    pub(crate) fn multiplex(&self) {
        self.multiplexed.store(true, Ordering::SeqCst);
    }

    /// Makes the socket send RST when it is closed.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Ordering::SeqCst);
    }

    /// Makes reads report that the peer has closed the connection.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Makes writes fail after this many bytes.
    pub(crate) fn break_after(&self, bytes: u64) {
        self.remaining.store(bytes, Ordering::SeqCst);
    }
}

/// A socket that follows the instructions of its [`Control`].
#[derive(Debug)]
pub(crate) struct Wire {
    io: TokioIo<TcpStream>,
    control: Arc<Control>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, control: Arc<Control>) -> Self {
        Self {
            io: TokioIo::new(stream),
            control,
        }
    }

    /// Returns the number of bytes that may be written, or `None` without a limit.
    fn remaining(&self) -> io::Result<Option<usize>> {
        match self.control.remaining.load(Ordering::SeqCst) {
            u64::MAX => Ok(None),
            0 => Err(io::ErrorKind::BrokenPipe.into()),
            remaining => Ok(Some(usize::try_from(remaining).unwrap_or(usize::MAX))),
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.control.reset.load(Ordering::SeqCst) {
            let _ = self.io.inner().set_zero_linger();
        }
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.control.ended.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let remaining = self.remaining()?;
        let bytes = &bytes[..remaining.unwrap_or(usize::MAX).min(bytes.len())];
        let written = std::task::ready!(Pin::new(&mut self.io).poll_write(context, bytes))?;
        if remaining.is_some() {
            self.control
                .remaining
                .fetch_sub(written as u64, Ordering::SeqCst);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.remaining()?.is_some() {
            let first = slices.iter().find(|slice| !slice.is_empty());
            return self.poll_write(context, first.map_or(&[], |slice| slice));
        }
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(context);
        if flushed.is_ready() {
            self.control.flushed.notify_waiters();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
