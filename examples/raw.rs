//! Sends any request to the service, for what this version of the client does not know:
//! `cargo run --example raw -- GET /v1/whoami`, `cargo run --example raw -- POST /v1/scenes '{"prompt": "a lab"}'`
#![expect(clippy::print_stdout, reason = "a program")]

use std::time::Duration;

use clap::Parser;
use gizmo_client::http::Method;
use gizmo_client::{CallOptions, Client};
use serde_json::Value;

#[derive(Parser)]
struct Arguments {
    method: Method,
    /// The path, such as /v1/whoami.
    path: String,
    /// The body, as JSON.
    #[arg(value_parser = |text: &str| serde_json::from_str::<Value>(text))]
    body: Option<Value>,
    /// The request costs nothing, and may be sent again when its response is lost.
    #[arg(long)]
    idempotent: bool,
    /// A further header, such as "x-experiment: 42".
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Seconds until the call ends.
    #[arg(long, default_value_t = 60)]
    deadline: u64,
}

#[tokio::main]
async fn main() -> Result<(), gizmo_client::Error> {
    let arguments = Arguments::parse();
    let limit = Duration::from_secs(arguments.deadline);
    let mut options = CallOptions::new().deadline(limit);
    for header in &arguments.header {
        let (name, value) = header.split_once(':').unwrap_or((header, ""));
        options = options.header(name.trim(), value.trim());
    }
    let client = Client::from_env()?;
    let mut request = client.request(arguments.method, arguments.path);
    request = request.options(options);
    if let Some(body) = &arguments.body {
        request = request.json(body);
    }
    if arguments.idempotent {
        request = request.idempotent();
    }
    // An error of unknown outcome says so: the request may have taken effect.
    let response = request.send::<Value>().await?;
    println!("{} {:#}", response.status(), *response);
    Ok(())
}
