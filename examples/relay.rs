//! Relays jobs to browsers as server-sent events: `cargo run --example relay`
//!
//! `POST /jobs` with a prompt starts a job and returns its id, `GET /jobs/{id}/events` follows it, and
//! `POST /jobs/{id}/cancel` cancels it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::convert::Infallible;
use std::process::ExitCode;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Sse, sse::Event};
use axum::routing::{get, post};
use futures::{Stream, TryStreamExt, stream};
use gizmo_client::{Client, Cursor, Error};

type Reply = Result<String, (StatusCode, String)>;

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = run().await {
        eprintln!("Error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let app = Router::new()
        .route("/jobs", post(start))
        .route("/jobs/{id}/events", get(events))
        .route("/jobs/{id}/cancel", post(cancel))
        .with_state(Client::from_env()?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn start(State(client): State<Client>, prompt: String) -> Reply {
    let started = client.generate_scene().prompt(prompt).start().await;
    Ok(started.map_err(|error| failed(&error))?.id().to_owned())
}

async fn cancel(State(client): State<Client>, Path(id): Path<String>) -> Reply {
    client
        .job(id)
        .cancel()
        .await
        .map_err(|error| failed(&error))?;
    Ok("cancelled".to_owned())
}

/// Sends each event as JSON. Its id is the cursor behind it, which the browser sends back as
/// `Last-Event-ID` when it reconnects. Closing the page does not stop the job.
async fn events(
    State(client): State<Client>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let last = headers.get("last-event-id");
    let cursor = last.and_then(|last| serde_json::from_slice::<Cursor>(last.as_bytes()).ok());
    let events = client.job(id).events_after(cursor.unwrap_or_default());
    Sse::new(stream::unfold(events, async |mut events| {
        let sent = match events.try_next().await.transpose()? {
            Ok(event) => Event::default()
                .id(serde_json::to_string(events.cursor()).unwrap_or_default())
                .data(serde_json::to_string(&event).unwrap_or_default()),
            Err(error) => Event::default().event("failed").data(format!("{error:#}")),
        };
        Some((Ok(sent), events))
    }))
}

/// Passes the service's refusal on.
fn failed(error: &Error) -> (StatusCode, String) {
    let status = error.status().unwrap_or(StatusCode::BAD_GATEWAY);
    (status, format!("{error:#}"))
}
