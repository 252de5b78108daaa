//! A server of plain http, what TLS libraries say about it when they are connected to it, and the check that
//! gizmo-client works in each application.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

/// OpenSSL's error for a server that does not speak TLS.
pub const OPENSSL: &str = "SSL routines";

/// The error of rustls for a server that does not speak TLS.
pub const RUSTLS: &str = "InvalidContentType";

const RESPONSE: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\nconnection: close\r\n\r\n{\"ok\":true}";

/// Responds to each request with success, on a free port and until the process ends.
pub fn start() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // A request without a body fits into one read.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(RESPONSE.as_bytes());
        }
    });
    address
}

/// Checks that gizmo-client speaks http, and https by rustls.
pub async fn check_gizmo(server: SocketAddr) {
    let gizmo = |scheme: &str| {
        let builder = gizmo_client::Client::builder().api_key("gzm_k1_x");
        builder
            .base_url(format!("{scheme}://{server}"))
            .build()
            .unwrap()
    };
    gizmo("http").whoami().send().await.unwrap();
    let error = gizmo("https").whoami().send().await.unwrap_err();
    assert!(format!("{error:?}").contains(RUSTLS), "{error:?}");
}
