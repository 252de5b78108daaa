//! Serves a web page that shows the progress of a job, then the scene and a link to its ZIP archive:
//! `cargo run --example progress_page -- "a robotics lab"`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::process::ExitCode;
use std::{convert::Infallible, time::Duration, time::Instant};

use axum::response::{Html, Sse, sse::Event};
use axum::{Router, http::StatusCode, routing::get};
use futures::{Stream, TryStreamExt, stream};
use gizmo_client::{Client, Format, Timeline, archive};
use tokio::sync::watch::{Receiver, channel};

const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>Gizmo</title><style>
  body { background: #ece8df; font: 16px system-ui, sans-serif; margin: 32px auto; width: 760px }
  main > svg { border-radius: 10px; height: auto; margin-bottom: 16px; max-width: 100% }
  a { background: #2b2f36; border-radius: 8px; color: #fff; display: none; padding: 10px 18px; text-decoration: none }
  main:has(svg + svg) + a { display: inline-block }
</style><main></main><a href="/scene.zip" download>Download the ZIP</a><script>
  const source = new EventSource("/events"), main = document.querySelector("main");
  source.onmessage = ({ data }) => {
    main.innerHTML = data;
    document.title = main.querySelector("title").textContent;
  };
  source.onerror = () => source.close();
</script>"#;

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = run().await {
        eprintln!("Error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let prompt = std::env::args().nth(1);
    let prompt = prompt.ok_or("the prompt is missing; usage: progress_page PROMPT")?;
    let client = Client::from_env()?;
    let job = client.generate_scene().prompt(prompt).start().await?;
    let dir = tempfile::tempdir()?;
    let zip = dir.path().join("scene.zip");
    let (sender, receiver) = channel(String::new());
    let file = zip.clone();
    let scene = || async { std::fs::read(file).or(Err(StatusCode::NOT_FOUND)) };
    let app = Router::new()
        .route("/", get(Html(PAGE)))
        .route("/events", get(|| async { Sse::new(events(receiver)) }))
        .route("/scene.zip", get(scene));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let server = tokio::spawn(axum::serve(listener, app).into_future());
    let (started, mut timeline, mut events) = (Instant::now(), Timeline::default(), job.events());
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            event = events.try_next() => match event? {
                Some(event) => timeline.record(&event, started.elapsed()),
                None => break,
            },
            _ = ticks.tick() => timeline.advance(started.elapsed()),
        }
        sender.send_replace(timeline.to_svg());
    }
    let scene = job.wait().await?;
    let export = client.export_scene().scene_id(scene.scene_id);
    let download = export.format(Format::Mjcf).download().await?;
    download.to_file(&zip).await?;
    let bundle = archive::unpack(&zip, dir.path().join("scene")).await?;
    sender.send_replace(timeline.to_svg() + &bundle.preview()?);
    drop(sender);
    Ok(server.await??)
}

/// Sends every new content of the page as an event, until the sender is dropped.
fn events(receiver: Receiver<String>) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(receiver, async |mut receiver| {
        receiver.changed().await.ok()?;
        let event = Event::default().data(receiver.borrow_and_update().as_str());
        Some((Ok(event), receiver))
    })
}
