//! Searches the catalog, and downloads the model of the first item found:
//! `cargo run --example catalog -- lamp --out lamp.glb`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use futures::TryStreamExt;
use gizmo_client::Client;

#[derive(Parser)]
struct Arguments {
    /// Words to search for.
    query: String,
    /// Restrict the search to this category.
    #[arg(long)]
    category: Option<String>,
    /// Number of items per page.
    #[arg(long, default_value = "20")]
    page: u64,
    /// File to write the first item's GLB to.
    #[arg(long)]
    out: Option<PathBuf>,
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
    let mut search = client
        .search_catalog()
        .q(&arguments.query)
        .limit(arguments.page);
    if let Some(category) = arguments.category {
        search = search.category(category);
    }
    let mut first = None;
    let mut pages = search.pages();
    while let Some(page) = pages.try_next().await? {
        for item in page.items {
            let name = item.name.as_deref().unwrap_or_default();
            println!("{:<24} {name}", item.slug);
            first = first.or(Some(item));
        }
    }
    let first = first.ok_or_else(|| format!("no catalog item matches `{}`", arguments.query))?;
    if let Some(out) = arguments.out {
        let location = first
            .glb()
            .ok_or_else(|| format!("{} has no GLB", first.slug))?;
        let bytes = client.download(location).await?.to_file(&out).await?;
        println!("{} ({bytes} bytes)", out.display());
    }
    Ok(())
}
