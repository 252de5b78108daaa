//! The example `certificates`, run against a gateway with a private certificate authority.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::support::{CANARY, example};

/// A certificate authority.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Issues a certificate for `name`, as PEM of the certificate and its key, and both as DER.
fn issue(
    authority: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
) -> (String, rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
    (pem, certificate, key)
}

/// Starts a gateway that responds to every request of a client whose certificate the authority has signed.
async fn gateway(authority: &CertifiedIssuer<'static, KeyPair>) -> String {
    let (_, certificate, key) = issue(authority, "localhost");
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let config = ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_client_cert_verifier(clients.build().unwrap());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = config
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            let body = r#"{"ok": true, "email": "me@example.com"}"#;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream
                .write_all(format!("{head}{body}").as_bytes())
                .await
                .unwrap();
            let _ = stream.shutdown().await;
        }
    });
    format!("https://localhost:{port}")
}

#[tokio::test]
async fn a_client_trusts_the_certificates_of_its_file_and_shows_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (own, other) = (authority(), authority());
    let url = gateway(&own).await;
    let write = |name: &str, pem: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path
    };
    let (ca, other_ca) = (
        write("ca.pem", &own.pem()),
        write("other.pem", &other.pem()),
    );
    let identity = write("me.pem", &issue(&own, "me").0);
    let stranger = write("stranger.pem", &issue(&other, "me").0);
    let run = async |ca: &Path, identity: &Path| {
        let mut command = example("certificates");
        command.env("GIZMO_API_KEY", CANARY).arg(ca).arg(&url);
        command
            .arg("--identity")
            .arg(identity)
            .output()
            .await
            .unwrap()
    };
    let output = run(&ca, &identity).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("me@example.com"));

    let output = run(&other_ca, &identity).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("the certificate of https://localhost"),
        "{stderr}"
    );
    let output = run(&ca, &stranger).await;
    assert!(!output.status.success());
}
