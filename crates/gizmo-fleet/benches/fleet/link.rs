//! A link with a bandwidth that all its connections share.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// How far the link may be ahead of its bandwidth: a timer wakes up after a millisecond or two.
const BURST: Duration = Duration::from_millis(5);

/// Starts a link to the service at `url`, and returns its own URL. What the service sends takes `bandwidth` bytes in a
/// second.
pub(crate) async fn start(url: &str, bandwidth: u64) -> String {
    let service = url.trim_start_matches("http://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let free_at = Arc::new(Mutex::new(Instant::now()));
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.expect("a connection");
            let service = TcpStream::connect(&service).await.expect("the service");
            let (mut requests, client) = client.into_split();
            let (responses, mut service) = service.into_split();
            tokio::spawn(async move { copy(&mut requests, &mut service).await });
            tokio::spawn(paced(responses, client, Arc::clone(&free_at), bandwidth));
        }
    });
    format!("http://{address}")
}

/// Passes on what the service sends, as soon as the link is free.
async fn paced(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    free_at: Arc<Mutex<Instant>>,
    bandwidth: u64,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        let free = {
            let mut free_at = free_at.lock().await;
            *free_at = (*free_at).max(Instant::now() - BURST);
            *free_at += Duration::from_nanos(read as u64 * 1_000_000_000 / bandwidth);
            *free_at
        };
        sleep_until(free).await;
        to.write_all(&buffer[..read]).await?;
    }
}
