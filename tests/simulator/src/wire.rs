//! The socket under a connection, which can be made to fail.

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

/// What all connections are notified of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    /// Whether the port takes connections.
    pub(crate) listening: bool,
    /// New connections that are reset at once.
    pub(crate) resets: u64,
    /// Raised whenever all open connections are to be closed.
    pub(crate) purges: u64,
    /// Raised whenever all open connections are to be served no more.
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

/// What a connection's service tells its socket.
#[derive(Debug)]
pub(crate) struct Control {
    /// Woken when all that was written has been handed to the kernel.
    flushed: Notify,
    /// Closing sends RST.
    reset: AtomicBool,
    /// Reads say that the peer has gone.
    ended: AtomicBool,
    /// Bytes that may still be written before the socket breaks.
    left: AtomicU64,
    /// The connection carries several streams.
    multiplexed: AtomicBool,
}

/// Within this time the task of an HTTP/2 connection has written what a body has yielded.
const HANDED_OVER: Duration = Duration::from_millis(10);

impl Default for Control {
    fn default() -> Self {
        Self {
            flushed: Notify::new(),
            reset: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            left: AtomicU64::new(u64::MAX),
            multiplexed: AtomicBool::new(false),
        }
    }
}

impl Control {
    /// Waits until what the body has yielded is on its way.
    pub(crate) async fn flush(&self) {
        if self.multiplexed.load(Ordering::SeqCst) {
            // A flush may be another stream's, and this stream's may have been before.
            tokio::time::sleep(HANDED_OVER).await;
        } else {
            self.flushed.notified().await;
        }
    }

    /// The connection speaks HTTP/2.
    pub(crate) fn multiplex(&self) {
        self.multiplexed.store(true, Ordering::SeqCst);
    }

    /// Closing will send RST.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Ordering::SeqCst);
    }

    /// From now on the peer seems to have gone.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// The socket breaks after this many bytes.
    pub(crate) fn break_after(&self, bytes: u64) {
        self.left.store(bytes, Ordering::SeqCst);
    }
}

/// A socket that does as its control says.
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

    fn left(&self) -> io::Result<Option<usize>> {
        match self.control.left.load(Ordering::SeqCst) {
            u64::MAX => Ok(None),
            0 => Err(io::ErrorKind::BrokenPipe.into()),
            left => Ok(Some(usize::try_from(left).unwrap_or(usize::MAX))),
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
        let left = self.left()?;
        let bytes = &bytes[..left.unwrap_or(usize::MAX).min(bytes.len())];
        let written = std::task::ready!(Pin::new(&mut self.io).poll_write(context, bytes))?;
        if left.is_some() {
            self.control
                .left
                .fetch_sub(written as u64, Ordering::SeqCst);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.left()?.is_some() {
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
