//! A job's raw event stream, a line an event: `cargo run --example events -- JOB_ID`
//!
//! It shows what comes over the wire, once and without reconnecting, until the service closes the
//! stream: some services leave it open after the job has ended. `JobHandle::events` does the rest.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::error::Error;

use futures::TryStreamExt;
use gizmo_client::Client;
use gizmo_client::sse::Decoder;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let ended = run().await;
    let ended = ended.inspect_err(|error| eprintln!("Error: {error:#}"));
    u8::from(ended.is_err()).into()
}

async fn run() -> Result<(), Box<dyn Error>> {
    let job_id = std::env::args().nth(1).ok_or("which job? events JOB_ID")?;
    let client = Client::from_env()?;
    let response = client.job_events().job_id(job_id).send().await?;
    let mut bytes = response.into_inner().into_inner();
    let mut decoder = Decoder::new();
    while let Some(chunk) = bytes.try_next().await? {
        let mut rest = &chunk[..];
        while let Some(event) = decoder.next(&mut rest)? {
            println!("{:>4}  {:<15} {}", event.id, event.event, event.data);
        }
    }
    Ok(())
}
