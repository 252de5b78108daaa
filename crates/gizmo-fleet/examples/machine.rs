//! The program of the README, for each machine.

#![expect(clippy::print_stdout, reason = "it is a program")]

use std::sync::Arc;

use gizmo_client::Client;
use gizmo_fleet::Fleet;
use object_store::aws::AmazonS3Builder;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::from_env()?;
    let bucket = AmazonS3Builder::from_env().build()?;
    let prompts = std::fs::read_to_string("prompts.txt")?;
    let fleet = Fleet::new(&client, Arc::new(bucket), "kitchens", prompts.lines());
    for scene in fleet.run(|_| {}).await? {
        println!("{:?} {}: {}", scene.state, scene.name, scene.prompt);
    }
    Ok(())
}
