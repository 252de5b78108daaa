//! Follows a job. A second run resumes after the last event of an interrupted one:
//! `cargo run --example resume -- "a robotics lab"`
//!
//! It keeps the id of the job and the cursor in `resume.json`, or in the file given by `--state`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{fs, io};

use clap::Parser;
use futures::TryStreamExt;
use gizmo_client::{Client, Cursor};
use serde::{Deserialize, Serialize};

#[derive(Parser)]
struct Arguments {
    /// What to generate if the state file names no job.
    prompt: String,
    /// State file: the id of the job and the cursor.
    #[arg(long, default_value = "resume.json")]
    state: PathBuf,
    /// Stop after this number of events.
    #[arg(long)]
    most: Option<usize>,
}

#[derive(Serialize, Deserialize)]
struct State {
    job_id: String,
    cursor: Cursor,
}

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = run(Arguments::parse()).await {
        eprintln!("Error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let client = Client::from_env()?;
    let file = arguments.state.display();
    let save = |state: &State| fs::write(&arguments.state, serde_json::json!(state).to_string());
    let mut state: State = match fs::read(&arguments.state) {
        Ok(saved) => {
            serde_json::from_slice(&saved).map_err(|error| format!("`{file}`: {error}"))?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let scene = client.generate_scene().prompt(arguments.prompt);
            let (job_id, cursor) = (scene.start().await?.id().to_owned(), Cursor::default());
            State { job_id, cursor }
        }
        Err(error) => return Err(format!("`{file}`: {error}").into()),
    };
    save(&state)?;
    println!("job {} after event {}", state.job_id, state.cursor.after);
    let job = client.job(&state.job_id);
    let mut events = job.events_after(state.cursor.clone());
    let mut remaining = arguments.most.unwrap_or(usize::MAX);
    while remaining > 0 {
        let Some(event) = events.try_next().await? else {
            fs::remove_file(&arguments.state)?;
            break;
        };
        // Events without a sequence number come from the client, not from the service.
        if event.seq.is_some() {
            remaining -= 1;
            println!("{event}");
        }
        state.cursor = events.cursor().clone();
        save(&state)?;
    }
    Ok(())
}
