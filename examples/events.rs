//! Prints the raw event stream of a job, one line for each event:
//! `cargo run --example events -- JOB_ID`
//!
//! It reads the stream once, without reconnecting, until the service closes it. Some services keep the
//! stream open after the job has ended. `JobHandle::events` reconnects, and ends with the job.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::error::Error;
use std::process::ExitCode;

use futures::TryStreamExt;
use gizmo_client::Client;
use gizmo_client::sse::Decoder;

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = run().await {
        eprintln!("Error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn run() -> Result<(), Box<dyn Error>> {
    let job_id = std::env::args()
        .nth(1)
        .ok_or("the job id is missing; usage: events JOB_ID")?;
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
