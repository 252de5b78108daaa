//! A client with certificates of its own: it trusts only those that the file's certificates have signed, as a
//! gateway of a company needs it. `cargo run --example certificates -- ca.pem https://gizmo.example`
#![expect(clippy::print_stdout, reason = "a program")]

use std::path::PathBuf;

use clap::Parser;
use gizmo_client::Client;
use reqwest::{Certificate, Identity};

#[derive(Parser)]
struct Arguments {
    /// The certificates to trust, as PEM.
    ca: PathBuf,
    /// The URL of the service or of its gateway.
    url: String,
    /// A certificate of this client with its private key, as PEM, if the gateway asks for one.
    #[arg(long)]
    identity: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let ca = Certificate::from_pem_bundle(&std::fs::read(&arguments.ca)?)?;
    let http = reqwest::Client::builder().tls_backend_rustls();
    let mut http = http.tls_certs_only(ca);
    if let Some(identity) = &arguments.identity {
        http = http.identity(Identity::from_pem(&std::fs::read(identity)?)?);
    }
    // Redirects and retries of the prepared client are turned off: a paid request is never sent twice.
    let key = std::env::var("GIZMO_API_KEY")?;
    let client = Client::builder().api_key(key).base_url(arguments.url);
    let client = client.http(http).build()?;
    let account = client.whoami().send().await?;
    println!("{}", serde_json::to_string_pretty(&*account)?);
    Ok(())
}
