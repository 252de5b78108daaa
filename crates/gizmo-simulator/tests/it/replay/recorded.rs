//! A client is recorded against the simulator, and the same program succeeds against the recording.

use std::future::Future;
use std::path::Path;

use futures_util::TryStreamExt;
use gizmo_client::alpha::AssetFormat;
use gizmo_client::record::{Content, Exchange, Recording, read};
use gizmo_client::{Client, Format};
use gizmo_simulator::{
    At, EventFault, Fault, Handle, On, Options, Replay, ReplayOptions, Simulator,
};

/// Returns the depth and the extension of each file, which a recording does not replace.
fn files(directory: &Path) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut unread = vec![directory.to_owned()];
    while let Some(next) = unread.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                unread.push(path);
            } else {
                let extension = path.extension().unwrap_or_default().to_string_lossy();
                let depth = path.strip_prefix(directory).unwrap().components().count();
                found.push((depth, extension.into_owned()));
            }
        }
    }
    found.sort();
    found
}

/// Returns the id of a request for something that does not exist.
fn unknown_id(exchange: &Exchange) -> Option<String> {
    let status = exchange.response.as_ref()?.status;
    let (_, id) = exchange.request.target.rsplit_once('/')?;
    (status == 404).then(|| id.to_owned())
}

/// Returns the prompt of a request.
fn prompt(exchange: &Exchange) -> Option<String> {
    match &exchange.request.body {
        Content::Json(body) => Some(body["prompt"].as_str()?.to_owned()),
        _ => None,
    }
}

/// Records a program against a simulator with faults, and runs it again against the recording. The program sends a
/// text, which it finds in its place in the recording.
async fn assert_replayed<Seen, Running>(
    key: fn(&Simulator) -> &str,
    prepare: impl FnOnce(&Handle),
    (text, in_recording): (&str, fn(&Exchange) -> Option<String>),
    program: impl Fn(Client, String) -> Running,
) where
    Seen: PartialEq + std::fmt::Debug,
    Running: Future<Output = Seen>,
{
    let simulator = Simulator::start(Options::instant()).await.unwrap();
    prepare(&simulator.handle());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("recorded");
    let recording = Recording::create(&path).unwrap();
    let builder = Client::builder()
        .base_url(simulator.url())
        .api_key(key(&simulator));
    let client = builder.record(&recording).build().unwrap();
    let recorded = program(client, text.to_owned()).await;
    recording.check().unwrap();
    drop(simulator);

    let (_, exchanges) = read(&path).unwrap();
    let text = exchanges.iter().find_map(in_recording).unwrap_or_default();
    let replay = Replay::start_with(&path, ReplayOptions::instant())
        .await
        .unwrap();
    let builder = Client::builder()
        .base_url(replay.url())
        .api_key(replay.api_key());
    let replayed = program(builder.build().unwrap(), text).await;
    assert_eq!(replay.unmatched(), Vec::<String>::new());
    assert_eq!(replayed, recorded);
}

#[tokio::test]
async fn a_recorded_program_runs_against_its_recording() {
    let prepare = |handle: &Handle| {
        let drop = Fault::Events(EventFault::DropAfter(3));
        handle.inject(On::operation("job_events"), drop);
        let cut = Fault::CutBody(At::Percent(50.0));
        handle.inject(On::operation("export_scene"), cut);
    };
    assert_replayed(
        Simulator::api_key,
        prepare,
        ("job_unknown", unknown_id),
        async |client: Client, unknown: String| {
            let generate = client.generate_scene().prompt("two lamps");
            let job = generate.start().await.unwrap();
            let mut events = job.events();
            let mut names = Vec::new();
            while let Some(event) = events.try_next().await.unwrap() {
                names.push(event.name().to_owned());
            }
            let scene = job.wait().await.unwrap();
            let export = client.export_scene().scene_id(&scene.scene_id);
            let download = export.format(Format::Mjcf).download().await.unwrap();
            let directory = tempfile::tempdir().unwrap();
            download.unpack(directory.path().join("lab")).await.unwrap();
            let refused = client.get_job().job_id(unknown).send().await.unwrap_err();
            (
                names,
                files(directory.path()),
                refused.code().map(str::to_owned),
            )
        },
    )
    .await;
}

#[tokio::test]
async fn a_recorded_download_from_another_host_is_replayed_with_its_interruption() {
    let prepare = |handle: &Handle| {
        handle.inject(On::operation("cdn"), Fault::CutBody(At::Percent(50.0)));
    };
    assert_replayed(
        Simulator::alpha_api_key,
        prepare,
        ("a toolbox", prompt),
        async |client: Client, prompt: String| {
            let alpha = client.alpha();
            let asset = alpha.create_asset().prompt(prompt).start().await;
            let asset = asset.unwrap().await.unwrap();
            let export = alpha.export_asset().asset_id(&asset.id);
            let export = export.format(AssetFormat::MujocoMjcf);
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("toolbox");
            let bundle = export
                .download()
                .await
                .unwrap()
                .unpack(&path)
                .await
                .unwrap();
            // The recorder saw parts of the archive only, so its other files are unknown.
            bundle.model().format().unwrap()
        },
    )
    .await;
}

#[tokio::test]
async fn a_recorded_bake_is_replayed_although_its_first_response_was_lost() {
    let prepare = |handle: &Handle| {
        handle.inject(On::operation("generate_scene"), Fault::DropBeforeResponse);
    };
    assert_replayed(
        Simulator::api_key,
        prepare,
        ("two lamps", prompt),
        async |client: Client, prompt: String| {
            let directory = tempfile::tempdir().unwrap();
            let bake = client.bake(prompt).format(Format::Mjcf);
            bake.into_dir(directory.path().join("lab")).await.unwrap();
            files(directory.path()).len()
        },
    )
    .await;
}
