//! Edits a scene by a prompt, and prints the differences in its record:
//! `cargo run --example edit -- SCENE_ID "add a lamp and a shelf"`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use gizmo_client::Client;
use serde_json::Value;

#[derive(Parser)]
struct Arguments {
    /// Id of the scene to edit.
    scene_id: String,
    /// What to change, in plain words.
    prompt: String,
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
    let before = record(&client, &arguments.scene_id).await?;
    let edit = client.edit_scene().scene_id(&arguments.scene_id);
    edit.prompt(arguments.prompt).start().await?.wait().await?;
    let after = record(&client, &arguments.scene_id).await?;
    for (path, value) in &before {
        match after.get(path) {
            None => println!("- {path} {value}"),
            Some(new) if new != value => println!("~ {path} {value} -> {new}"),
            Some(_) => {}
        }
    }
    for (path, value) in after.iter().filter(|(path, _)| !before.contains_key(*path)) {
        println!("+ {path} {value}");
    }
    Ok(())
}

/// Fetches the scene graph and returns each of its values under its JSON pointer.
async fn record(client: &Client, id: &str) -> Result<BTreeMap<String, Value>, Box<dyn Error>> {
    let scene = client
        .get_scene()
        .scene_id(id)
        .include_record(true)
        .send()
        .await?;
    let record = scene
        .into_inner()
        .into_inner()
        .record
        .ok_or("the scene has no record")?;
    let mut values = BTreeMap::new();
    flatten(String::new(), record, &mut values);
    Ok(values)
}

fn flatten(path: String, value: Value, values: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(format!("{path}/{name}"), value, values);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.into_iter().enumerate() {
                flatten(format!("{path}/{index}"), value, values);
            }
        }
        value => drop(values.insert(path, value)),
    }
}
