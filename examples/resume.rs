//! Follows a job, and goes on after its last event when it is stopped and run again:
//! `cargo run --example resume -- "a robotics lab"`
//!
//! The job's id and the cursor are kept in `resume.json`, or the file that `--state` names.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::error::Error;
use std::path::PathBuf;
use std::{fs, io};

use clap::Parser;
use futures::TryStreamExt;
use gizmo_client::{Client, Cursor};
use serde::{Deserialize, Serialize};

#[derive(Parser)]
struct Arguments {
    /// What to generate, when there is no job yet.
    prompt: String,
    /// Where the job and the cursor are kept.
    #[arg(long, default_value = "resume.json")]
    state: PathBuf,
    /// Stop after so many events.
    #[arg(long)]
    most: Option<usize>,
}

#[derive(Serialize, Deserialize)]
struct State {
    job_id: String,
    cursor: Cursor,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let ended = run(Arguments::parse()).await;
    let ended = ended.inspect_err(|error| eprintln!("Error: {error:#}"));
    u8::from(ended.is_err()).into()
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let client = Client::from_env()?;
    let file = arguments.state.display();
    let keep = |state: &State| fs::write(&arguments.state, serde_json::json!(state).to_string());
    let mut state: State = match fs::read(&arguments.state) {
        Ok(kept) => serde_json::from_slice(&kept).map_err(|error| format!("`{file}`: {error}"))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let scene = client.generate_scene().prompt(arguments.prompt);
            let (job_id, cursor) = (scene.start().await?.id().to_owned(), Cursor::default());
            State { job_id, cursor }
        }
        Err(error) => return Err(format!("`{file}`: {error}").into()),
    };
    keep(&state)?;
    println!("job {} after event {}", state.job_id, state.cursor.after);
    let job = client.job(&state.job_id);
    let mut events = job.events_after(state.cursor.clone());
    let mut left = arguments.most.unwrap_or(usize::MAX);
    while left > 0 {
        let Some(event) = events.try_next().await? else {
            fs::remove_file(&arguments.state)?;
            break;
        };
        // Events without a number are this client's own.
        if event.seq.is_some() {
            left -= 1;
            println!("{event}");
        }
        state.cursor = events.cursor().clone();
        keep(&state)?;
    }
    Ok(())
}
