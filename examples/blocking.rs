//! A program without `async`: one runtime, and `block_on` for every call.
//! `cargo run --example blocking -- "a robotics lab" lab`
#![expect(clippy::print_stdout, reason = "a program")]

use std::path::PathBuf;

use clap::Parser;
use futures::StreamExt;
use gizmo_client::{BakeEvent, Client, Error};
use tokio::runtime;

#[derive(Parser)]
struct Arguments {
    /// What the scene should contain, in plain words.
    prompt: String,
    /// Directory for the scene.
    dir: PathBuf,
}

fn main() -> Result<(), Error> {
    let Arguments { prompt, dir } = Arguments::parse();
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let client = Client::from_env()?;

    // An event of a stream is a call as well.
    let mut bake = client.bake(prompt).into_dir(dir);
    while let Some(event) = runtime.block_on(bake.next()) {
        match event? {
            BakeEvent::Job(event) => println!("{event}"),
            BakeEvent::Finished(bundle) => println!("{}", bundle.model().display()),
            _ => {}
        }
    }
    Ok(())
}
