//! Composes a workcell of three assets with the early-access API, and draws it into `preview.svg` next
//! to the model:
//! `cargo run --example alpha_workcell --features alpha -- DIR`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::f64::consts::FRAC_1_SQRT_2;
use std::process::ExitCode;

use futures::TryStreamExt;
use gizmo_client::alpha::{self, Pose, SceneFormat};
use gizmo_client::{Client, wait_all};
use gizmo_simulator::{Options, Simulator};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = run().await {
        eprintln!("Error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn run() -> Outcome<()> {
    let directory = std::env::args().nth(1);
    let (alpha, _simulator) = client().await?;

    let mut handles = Vec::new();
    let mut ids = Vec::new();
    for (name, prompt) in [
        ("bench", "a workbench of steel"),
        ("arm", "a 6-DOF arm with a parallel jaw gripper"),
        ("bin", "a bin for parts"),
    ] {
        let create = alpha.create_asset().prompt(prompt).name(name);
        let asset = create.tags(["workcell"]).start().await?;
        ids.push(asset.id().to_owned());
        handles.push(asset);
    }
    let mut assets = wait_all(handles);
    while let Some(asset) = assets.try_next().await? {
        println!("{} is {}", asset.id, asset.status);
    }

    let scene = alpha.create_scene().name("workcell").send().await?;
    let poses = [
        Pose::default(),
        Pose::at([0.0, 0.0, 0.9]),
        // A quarter turn to the left.
        Pose::at([1.2, 0.0, 0.0]).turned([0.0, 0.0, FRAC_1_SQRT_2, FRAC_1_SQRT_2]),
    ];
    for (id, pose) in ids.iter().zip(poses) {
        let place = alpha.place_asset().scene_id(&scene.id).asset_id(id);
        place.pose(pose).send().await?;
    }
    let export = alpha.export_scene().scene_id(&scene.id);
    let download = export.format(SceneFormat::MujocoMjcf).download().await?;
    let directory = directory.unwrap_or_else(|| "workcell".to_owned());
    let bundle = download.unpack(directory).await?;
    let preview = bundle.model().path()?.with_file_name("preview.svg");
    std::fs::write(preview, bundle.preview()?)?;
    println!("{}", bundle.model().display());
    Ok(())
}

/// Returns a client of the service that the environment names or, without a key, of a simulator in
/// this process. The simulator runs until it is dropped.
async fn client() -> Outcome<(alpha::Client, Option<Simulator>)> {
    if std::env::var_os("GIZMO_API_KEY").is_some_and(|key| !key.is_empty()) {
        return Ok((Client::from_env()?.alpha(), None));
    }
    let simulator = Simulator::start(Options::default()).await?;
    let url = simulator.url();
    eprintln!("GIZMO_API_KEY is not set: using the simulator at {url}");
    let client = Client::builder().api_key(simulator.alpha_api_key());
    let client = client.base_url(url).build()?;
    Ok((client.alpha(), Some(simulator)))
}
