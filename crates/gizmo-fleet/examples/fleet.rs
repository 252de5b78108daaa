//! Bakes a list of prompts into a bucket, with any number of processes, and shows how far they all are.
//!
//! ```sh
//! export GIZMO_API_KEY=… AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… AWS_REGION=…
//! fleet run --url s3://scenes/kitchens prompts.jsonl     # on each machine: one line of JSON for each change
//! fleet watch --url s3://scenes/kitchens prompts.jsonl   # anywhere: progress bars, until nothing is open
//! fleet progress --url s3://scenes/kitchens prompts.jsonl  # one line of JSON for each prompt
//! ```

#![expect(clippy::print_stdout, reason = "it is a program")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use gizmo_client::{BakePrompt, Client};
use gizmo_fleet::{Fleet, PromptProgress, PromptState};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use object_store::ObjectStoreScheme;
use object_store::aws::AmazonS3Builder;

#[derive(Parser)]
struct Arguments {
    command: Command,
    /// The list: one prompt, or one JSON object of a `BakePrompt`, on each line.
    prompts: PathBuf,
    /// The bucket and the prefix, such as `s3://scenes/kitchens`.
    #[arg(long)]
    url: String,
    /// How many prompts this process works on at the same time.
    #[arg(long, default_value_t = 4)]
    at_once: usize,
    /// The seconds after which another process takes over from one that died.
    #[arg(long, default_value_t = 120.0)]
    lease: f64,
    /// The seconds for which the job of a request whose response was lost is looked for.
    #[arg(long, default_value_t = 1200.0)]
    search: f64,
    /// Consents to pay for another job where the outcome of a request is unknown.
    #[arg(long)]
    ask_again: bool,
    /// The directory that exports pass through, instead of the system's directory for temporary files.
    #[arg(long)]
    temporary: Option<PathBuf>,
    /// The most GiB that exports may need in that directory.
    #[arg(long, default_value_t = 16)]
    temporary_gib: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Command {
    /// Work on the prompts until none is open.
    Run,
    /// Show progress bars.
    Watch,
    /// Print how far each prompt is, as JSON Lines.
    Progress,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let fleet = fleet(&arguments)?;
    match arguments.command {
        Command::Run => {
            let scenes = fleet.run(print).await?;
            let failed = scenes
                .iter()
                .filter(|scene| scene.state != PromptState::Done);
            let failed = failed.count();
            anyhow::ensure!(
                failed == 0,
                "{failed} of {} scenes are not made",
                scenes.len()
            );
        }
        Command::Progress => fleet.progress().await?.iter().for_each(print),
        Command::Watch => watch(&fleet).await?,
    }
    Ok(())
}

fn fleet(arguments: &Arguments) -> Result<Fleet> {
    let path = arguments.prompts.display();
    let text = std::fs::read_to_string(&arguments.prompts);
    let text = text.with_context(|| format!("`{path}` could not be read"))?;
    let mut prompts = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with('{') {
            let prompt: BakePrompt = serde_json::from_str(line)
                .with_context(|| format!("line {number} of `{path}` is not a prompt"))?;
            prompts.push(prompt);
        } else {
            prompts.push(BakePrompt::new(line));
        }
    }
    let url = arguments.url.parse().context("`--url` is not a URL")?;
    let (_, prefix) = ObjectStoreScheme::parse(&url)?;
    let bucket = AmazonS3Builder::from_env().with_url(&arguments.url);
    let bucket = Arc::new(bucket.build()?);
    let temporary = arguments.temporary.clone();
    let temporary = temporary.unwrap_or_else(std::env::temp_dir);
    let mut fleet = Fleet::new(&Client::from_env()?, bucket, prefix, prompts)
        .at_once(arguments.at_once)
        .lease(Duration::from_secs_f64(arguments.lease))
        .search_limit(Duration::from_secs_f64(arguments.search))
        .temporary(temporary, arguments.temporary_gib << 30);
    if arguments.ask_again {
        fleet = fleet.ask_again();
    }
    Ok(fleet)
}

fn print(progress: &PromptProgress) {
    let line = serde_json::to_string(progress).expect("progress is JSON");
    println!("{line}");
}

/// Shows a bar for the whole list, and one for each process that has a prompt, until nothing is open.
async fn watch(fleet: &Fleet) -> Result<()> {
    let bars = MultiProgress::new();
    let style = ProgressStyle::with_template("{prefix:>16} {bar:20} {pos:>6}/{len} {wide_msg}")?;
    let new = |name: String| {
        let bar = bars.add(ProgressBar::new(0).with_style(style.clone()));
        bar.with_prefix(name)
    };
    let all = new("all".to_owned());
    let mut processes: BTreeMap<String, ProgressBar> = BTreeMap::new();
    loop {
        let prompts = fleet.progress().await?;
        let count = |state| prompts.iter().filter(|one| one.state == state).count();
        all.set_length(prompts.len() as u64);
        all.set_position(count(PromptState::Done) as u64);
        let (failed, unknown) = (count(PromptState::Failed), count(PromptState::Unknown));
        let open = prompts.iter().filter(|one| one.state.is_open()).count();
        all.set_message(format!("{open} open, {failed} failed, {unknown} unknown"));

        let mut of_holder: BTreeMap<String, (u64, Vec<&str>)> = BTreeMap::new();
        for prompt in &prompts {
            if let Some(holder) = prompt.holder {
                let (done, working) = of_holder.entry(holder.into()).or_default();
                *done += u64::from(prompt.state == PromptState::Done);
                if prompt.state.is_open() {
                    working.push(&prompt.name);
                }
            }
        }
        processes.retain(|holder, bar| {
            let has_prompts = of_holder.contains_key(holder);
            if !has_prompts {
                bar.finish_and_clear();
            }
            has_prompts
        });
        for (holder, (done, working)) in of_holder {
            let bar = processes
                .entry(holder.clone())
                .or_insert_with(|| new(holder));
            bar.set_length(prompts.len() as u64);
            bar.set_position(done);
            bar.set_message(working.join(", "));
        }
        if open == 0 {
            bars.println("nothing is open")?;
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
