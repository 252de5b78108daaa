//! Accepts connections on a port, and serves their requests.

use std::fmt::Display;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::response::{Abort, Body};
use crate::wire::{Control, Network, Wire};

/// What responds to the requests on a port.
pub(crate) trait Service: Send + Sync + 'static {
    /// The state of the network.
    fn network(&self) -> &watch::Sender<Network>;

    /// The `SETTINGS_MAX_CONCURRENT_STREAMS` of HTTP/2 connections.
    fn max_concurrent_streams(&self) -> Option<u32>;

    /// Responds to one request, or aborts the connection.
    fn respond(
        self: Arc<Self>,
        control: Arc<Control>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body>, Abort>> + Send;
}

/// Binds an address, with a backlog for thousands of simultaneous connections.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let bind = || {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(4096)
    };
    bind().map_err(named(format_args!("cannot listen on {address}")))
}

/// Adds what failed to an error of the start, which programs print as one line.
pub(crate) fn named(what: impl Display) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{what}: {error}"))
}

/// Accepts connections while [`Network::listening`] is set.
pub(crate) async fn accept<S: Service>(
    listener: TcpListener,
    address: SocketAddr,
    service: Arc<S>,
) {
    let mut network = service.network().subscribe();
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let state = *network.borrow_and_update();
        if !state.listening {
            listener = None;
        } else if listener.is_none() {
            listener = listen(address).ok();
        }
        tokio::select! {
            accepted = next_connection(listener.as_ref()) => match accepted {
                Ok(stream) if state.resets > 0 => {
                    service.network().send_modify(|network| network.resets = network.resets.saturating_sub(1));
                    let _ = stream.set_zero_linger();
                }
                Ok(stream) => {
                    connections.spawn(connection(stream, Arc::clone(&service)));
                }
                // The process has probably run out of file descriptors. Waits until some are closed.
                Err(_) => tokio::time::sleep(crate::clock::SHORTEST).await,
            },
            _ = network.changed() => {}
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn next_connection(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

/// Serves one connection until it ends or all connections are closed.
async fn connection<S: Service>(stream: TcpStream, service: Arc<S>) {
    let _ = stream.set_nodelay(true);
    let control = Arc::new(Control::default());
    let wire = Wire::new(stream, Arc::clone(&control));
    let mut network = service.network().subscribe();
    let Network {
        purges, freezes, ..
    } = *network.borrow();
    let max_concurrent_streams = service.max_concurrent_streams();
    let responder = service_fn(move |request: Request<Incoming>| {
        if request.version() == Version::HTTP_2 {
            control.multiplex();
        }
        Arc::clone(&service).respond(Arc::clone(&control), request)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().auto_date_header(false);
    builder
        .http2()
        .auto_date_header(false)
        .max_concurrent_streams(max_concurrent_streams);
    // A frozen connection is no longer polled, but not dropped either, so that it stays open.
    let mut serving = pin!(builder.serve_connection(wire, responder));
    let mut frozen = false;
    loop {
        tokio::select! {
            // Errors are ignored: they result from an injected fault or from the client.
            _ = &mut serving, if !frozen => return,
            changed = network.wait_for(|network: &Network| {
                network.purges != purges || network.freezes != freezes && !frozen
            }) => match changed {
                Ok(network) if network.purges == purges => {}
                _ => return,
            },
        }
        frozen = true;
    }
}

/// The longest body of a request, 64 MiB. A longer one aborts the connection.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// Reads the complete body of a request.
pub(crate) async fn read(mut body: Incoming) -> Result<Bytes, Abort> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| Abort)?.into_data() {
            if data.len() > MAX_BODY - bytes.len() {
                return Err(Abort);
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.freeze())
}
