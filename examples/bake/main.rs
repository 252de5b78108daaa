//! From a sentence to a simulator-ready folder:
//! `cargo run --example bake -- "A robotics lab with two workbenches"`

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to its terminal"
)]

mod progress;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use futures::TryStreamExt;
use gizmo_client::{Bundle, Client, Format};
use gizmo_simulator::Simulator;
use progress::Progress;

/// Generates a scene, follows the job, and unpacks the export into a folder.
#[derive(Parser)]
struct Arguments {
    /// What the scene should contain, in plain words.
    prompt: String,
    /// Simulator format: mjcf, usd or sdf.
    #[arg(long, default_value = "mjcf", value_parser = |text: &str| Format::try_from(text))]
    format: Format,
    /// Folder for the scene; it must be empty or not exist.
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
        _ = tokio::signal::ctrl_c() => Err("interrupted; a job that has started goes on".into()),
    };
    progress.finish();
    match outcome {
        Ok(bundle) => {
            println!("{}", bundle.model().display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(
    arguments: &Arguments,
    progress: &Progress,
) -> Result<Bundle, Box<dyn std::error::Error>> {
    if !is_free(&arguments.out) {
        let dir = arguments.out.display();
        return Err(format!("`{dir}` is not an empty folder; choose another with --out").into());
    }
    let (client, _simulator) = client(progress).await?;
    let job = client
        .generate_scene()
        .prompt(&arguments.prompt)
        .start()
        .await?;
    progress.line(&format!("job {}", job.id()));
    let mut events = job.events();
    while let Some(event) = events.try_next().await? {
        progress.event(&event);
    }
    let scene = job.wait().await?;
    let download = client
        .export_scene()
        .scene_id(&scene.scene_id)
        .format(arguments.format)
        .download()
        .await?;
    Ok(download
        .on_progress(progress.download())
        .unpack(&arguments.out)
        .await?)
}

/// The service that the environment names or, without a key, a simulator in this process.
async fn client(
    progress: &Progress,
) -> Result<(Client, Option<Simulator>), Box<dyn std::error::Error>> {
    if std::env::var_os("GIZMO_API_KEY").is_some() || std::env::var_os("GIZMO_BASE_URL").is_some() {
        return Ok((Client::from_env()?, None));
    }
    let simulator = Simulator::start(gizmo_simulator::Options::default()).await?;
    progress.line(&format!(
        "GIZMO_API_KEY is not set: using the simulator at {}",
        simulator.url()
    ));
    let client = Client::builder()
        .api_key(simulator.api_key())
        .base_url(simulator.url())
        .build()?;
    Ok((client, Some(simulator)))
}

/// Checked before anything is paid for.
fn is_free(dir: &Path) -> bool {
    match dir.read_dir() {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}
