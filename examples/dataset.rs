//! Generates a scene for each prompt of a file, and writes a report. A second run completes the rest.
#![expect(clippy::print_stdout, reason = "a program")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Parser;
use futures::TryStreamExt;
use gizmo_client::{BakeAllEventKind, BakeEvent, BakePrompt, Client};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

#[derive(Parser)]
struct Arguments {
    /// CSV with a column "prompt", and where needed "name", "format" and "slim"; JSON Lines with the same
    /// members (.jsonl); or else a prompt on each line.
    prompts: PathBuf,
    /// Directory for the scenes, the manifest and the report.
    #[arg(long, default_value = "scenes")]
    out: PathBuf,
    /// Pay for another job where a response was lost, and its job is not found.
    #[arg(long)]
    ask_again: bool,
}

fn read(path: &Path) -> anyhow::Result<Vec<BakePrompt>> {
    let text = std::fs::read_to_string(path)?;
    let mut csv = csv::Reader::from_reader(text.as_bytes());
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    Ok(match path.extension().and_then(|name| name.to_str()) {
        Some("csv") => csv.deserialize().collect::<Result<_, _>>()?,
        Some("jsonl") => lines.map(serde_json::from_str).collect::<Result<_, _>>()?,
        _ => lines.map(BakePrompt::from).collect(),
    })
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let (file, out) = (&arguments.prompts, &arguments.out);
    let prompts = read(file).with_context(|| file.display().to_string())?;
    let one = ProgressStyle::with_template("{spinner} {elapsed} {prefix}: {msg}")?;
    let all = ProgressStyle::with_template("{elapsed} [{bar:30}] {pos}/{len} scenes")?;
    let bars = MultiProgress::new();
    let total = bars.add(ProgressBar::new(prompts.len() as u64).with_style(all));
    let mut running = HashMap::new();
    let mut bakes = Client::from_env()?.bake_all(prompts);
    if arguments.ask_again {
        bakes = bakes.ask_again();
    }
    let mut bakes = bakes.into_dir(out);
    while let Some(event) = bakes.try_next().await? {
        let bar = running.entry(event.index).or_insert_with(|| {
            let bar = bars.insert_before(&total, ProgressBar::new_spinner());
            bar.with_style(one.clone()).with_prefix(event.prompt)
        });
        match event.kind {
            BakeAllEventKind::Bake(BakeEvent::Job(job)) => match job.stage() {
                Some(stage) => bar.set_message(stage.into_owned()),
                None => bar.tick(),
            },
            BakeAllEventKind::Bake(BakeEvent::Searching { .. }) => bar.set_message("lost; looking"),
            BakeAllEventKind::Bake(BakeEvent::Download(_)) => bar.set_message("export"),
            BakeAllEventKind::Ended(_) => {
                bar.finish_and_clear();
                total.inc(1);
            }
            _ => bar.tick(),
        }
    }
    let summary = bakes.await?;
    let report = out.join("report.json");
    std::fs::write(&report, serde_json::to_vec_pretty(&summary)?)?;
    let (failed, all) = (summary.failed().count(), summary.baked.len());
    println!("{} of {all} scenes: {}", all - failed, report.display());
    if let Some(error) = summary.failed().find_map(|baked| baked.error.as_ref()) {
        bail!("{failed} failed, such as: {error}");
    }
    Ok(())
}
