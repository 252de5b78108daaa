//! From a sentence to a simulator-ready folder:
//! `cargo run --example bake -- "A robotics lab with two workbenches"`
//!
//! Stopped at any moment and run again, it goes on where it was.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to its terminal"
)]

mod progress;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;

use clap::Parser;
use futures::{StreamExt, TryStreamExt};
use gizmo_client::{BakeEvent, Client, Format};
use gizmo_simulator::Simulator;
use progress::Progress;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Generates scenes, follows their jobs, and unpacks the exports into folders.
#[derive(Parser)]
struct Arguments {
    /// What the scene should contain, in plain words.
    #[arg(required_unless_present = "prompts")]
    prompt: Option<String>,
    /// A file with a prompt a line, instead; each gets a folder of its own in --out.
    #[arg(long, conflicts_with = "prompt")]
    prompts: Option<PathBuf>,
    /// Simulator format: mjcf, usd or sdf.
    #[arg(long, default_value = "mjcf", value_parser = |text: &str| Format::try_from(text))]
    format: Format,
    /// Folder for the scene; empty, not there yet, or one that an earlier run began.
    #[arg(long, default_value = "scene")]
    out: PathBuf,
    /// Lines instead of bars.
    #[arg(long)]
    plain: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let progress = Progress::new(arguments.plain || !std::io::stderr().is_terminal());
    let outcome = tokio::select! {
        outcome = run(&arguments, &progress) => outcome,
        _ = tokio::signal::ctrl_c() => Err("interrupted; run it again to go on".into()),
    };
    progress.finish();
    outcome.map_or_else(
        |error| {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

async fn run(arguments: &Arguments, progress: &Progress) -> Outcome<()> {
    let (client, _simulator) = client(progress).await?;
    let Some(prompt) = &arguments.prompt else {
        return many(&client, arguments, progress).await;
    };
    let mut bake = client
        .bake(prompt)
        .format(arguments.format)
        .into_dir(&arguments.out);
    while let Some(event) = bake.try_next().await? {
        match event {
            BakeEvent::Started { job_id } => progress.line(&format!("job {job_id}")),
            BakeEvent::Resumed { job_id } => progress.line(&format!("going on with job {job_id}")),
            BakeEvent::Job(event) => progress.event(&event),
            BakeEvent::Download(received) => progress.download(received),
            BakeEvent::Finished(bundle) => println!("{}", bundle.model().display()),
            _ => {}
        }
    }
    Ok(())
}

/// A prompt a line; one that fails does not stop the others.
async fn many(client: &Client, arguments: &Arguments, progress: &Progress) -> Outcome<()> {
    let file = arguments
        .prompts
        .as_deref()
        .unwrap_or_else(|| "prompts.txt".as_ref());
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("`{}`: {error}", file.display()))?;
    let prompts = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let all = client.bake_all(prompts).format(arguments.format);
    let mut all = pin!(all.stream(&arguments.out));
    let mut failed = 0;
    while let Some((_, baked)) = all.next().await {
        match (&baked.model, &baked.error) {
            (Some(model), _) => println!("{}", model.display()),
            (None, error) => {
                failed += 1;
                let error = error.as_deref().unwrap_or_default();
                progress.line(&format!("failed: {}: {error}", baked.prompt));
            }
        }
    }
    if failed > 0 {
        return Err(format!("{failed} prompts failed; run it again to try them once more").into());
    }
    Ok(())
}

/// The service that the environment names or, without a key, a simulator in this process.
async fn client(progress: &Progress) -> Outcome<(Client, Option<Simulator>)> {
    if std::env::var_os("GIZMO_API_KEY").is_some() || std::env::var_os("GIZMO_BASE_URL").is_some() {
        return Ok((Client::from_env()?, None));
    }
    let simulator = Simulator::start(gizmo_simulator::Options::default()).await?;
    let url = simulator.url();
    progress.line(&format!(
        "GIZMO_API_KEY is not set: using the simulator at {url}"
    ));
    let client = Client::builder()
        .api_key(simulator.api_key())
        .base_url(url)
        .build()?;
    Ok((client, Some(simulator)))
}
