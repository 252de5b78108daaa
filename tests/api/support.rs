//! What the tests share: a client for a server, and a key that must never be seen.

use gizmo_client::Client;

/// A key to look for in whatever is printed.
pub const CANARY: &str = "gzm_k1_canary_5b1f";

pub fn client(base_url: &str) -> Client {
    Client::builder()
        .api_key(CANARY)
        .base_url(base_url)
        .build()
        .unwrap()
}
