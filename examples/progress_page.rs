//! Serves a web page that shows the progress of a job, then the scene and a link to its ZIP archive,
//! or why the job failed:
//! `cargo run --example progress_page -- "a robotics lab"`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::process::ExitCode;
use std::{convert::Infallible, path::Path, time::Duration, time::Instant};

use axum::response::{Html, Sse, sse::Event};
use axum::{Router, http::StatusCode, routing::get};
use futures::{Stream, TryStreamExt, stream};
use gizmo_client::{Client, Format, JobHandle, Timeline, archive};
use tokio::sync::watch::{Receiver, Sender, channel};

const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>Gizmo</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
  body { background: #ece8df; box-sizing: border-box; font: 16px system-ui, sans-serif; margin: auto; max-width: 1000px; padding: 16px }
  main > svg { border-radius: 10px; display: block; height: auto; margin-bottom: 16px; width: 100% }
  .failed { background: #fff; border-left: 6px solid #b3261e; color: #b3261e; margin: 0 0 16px; overflow-wrap: anywhere; padding: 12px }
  a { background: #2b2f36; border-radius: 8px; color: #fff; display: none; padding: 10px 18px; text-decoration: none }
  main:has(svg + svg) + a { display: inline-block }
</style><main></main><a href="/scene.zip" download>Download the ZIP</a><script>
  const source = new EventSource("/events"), main = document.querySelector("main");
  source.onmessage = ({ data }) => {
    main.innerHTML = data;
    document.title = main.querySelector(".failed, title").textContent;
  };
  source.onerror = () => source.close();
</script>"#;

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
    if let Err(error) = follow(&client, &job, &zip, &sender).await {
        let error = format!("{error:#}");
        eprintln!("Error: {error}");
        let text = error.replace('&', "&amp;").replace('<', "&lt;");
        sender.send_modify(|page| {
            page.insert_str(0, &format!("<p class=\"failed\">Failed: {text}</p>"));
        });
    }
    drop(sender);
    Ok(server.await??)
}

/// Shows the events of a job until it has ended, and then its scene.
async fn follow(
    client: &Client,
    job: &JobHandle,
    zip: &Path,
    page: &Sender<String>,
) -> Outcome<()> {
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
        page.send_replace(timeline.to_svg());
    }
    let scene = job.wait().await?;
    let export = client.export_scene().scene_id(scene.scene_id);
    let download = export.format(Format::Mjcf).download().await?;
    download.to_file(zip).await?;
    let bundle = archive::unpack(zip, zip.with_extension("")).await?;
    page.send_replace(timeline.to_svg() + &bundle.preview()?);
    Ok(())
}

/// Sends every new content of the page as an event, until the sender is dropped.
fn events(receiver: Receiver<String>) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(receiver, async |mut receiver| {
        receiver.changed().await.ok()?;
        let event = Event::default().data(receiver.borrow_and_update().as_str());
        Some((Ok(event), receiver))
    })
}
