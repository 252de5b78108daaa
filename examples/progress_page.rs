//! A page that follows a job in the browser, and then shows the scene and offers its ZIP:
//! `cargo run --example progress_page -- "a robotics lab"`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

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
async fn main() -> std::process::ExitCode {
    let ended = run().await;
    let ended = ended.inspect_err(|error| eprintln!("Error: {error:#}"));
    u8::from(ended.is_err()).into()
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let prompt = std::env::args().nth(1);
    let prompt = prompt.ok_or("which scene? progress_page PROMPT")?;
    let client = Client::from_env()?;
    let job = client.generate_scene().prompt(prompt).start().await?;
    let dir = tempfile::tempdir()?;
    let (zip, (pages, seen)) = (dir.path().join("scene.zip"), channel(String::new()));
    let file = zip.clone();
    let scene = || async { std::fs::read(file).or(Err(StatusCode::NOT_FOUND)) };
    let app = Router::new()
        .route("/", get(Html(PAGE)))
        .route("/events", get(|| async { Sse::new(events(seen)) }))
        .route("/scene.zip", get(scene));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let server = tokio::spawn(axum::serve(listener, app).into_future());
    let (started, mut timeline, mut events) = (Instant::now(), Timeline::default(), job.events());
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            event = events.try_next() => match event? {
                Some(event) => timeline.record(&event, started.elapsed()),
                None => break,
            },
            _ = second.tick() => timeline.advance(started.elapsed()),
        }
        pages.send_replace(timeline.to_svg());
    }
    let scene = job.wait().await?;
    let export = client.export_scene().scene_id(scene.scene_id);
    let download = export.format(Format::Mjcf).download().await?;
    download.to_file(&zip).await?;
    let bundle = archive::unpack(&zip, dir.path().join("scene")).await?;
    pages.send_replace(timeline.to_svg() + &bundle.preview()?);
    drop(pages);
    Ok(server.await??)
}

fn events(seen: Receiver<String>) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(seen, async |mut seen| {
        seen.changed().await.ok()?;
        let event = Event::default().data(seen.borrow_and_update().as_str());
        Some((Ok(event), seen))
    })
}
