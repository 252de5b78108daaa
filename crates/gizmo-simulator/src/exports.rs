//! The export operations, and a cache of archives that makes repeated exports cheap.

use std::collections::VecDeque;
use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use gizmo_client::types::{ExportSceneBody, Format};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ETAG};
use http::{HeaderValue, Response, StatusCode};

use crate::call::{Call, Rule};
use crate::export::{Brief, Export};
use crate::files::etag;
use crate::response::{HandlerResult, Refusal, full, validation_error};
use crate::scenes;
use crate::state::{AssetEntry, Shared};

const FORMATS: &[&str] = &["mjcf", "usd", "sdf"];

/// The total size of the cache in bytes. Beyond it, the oldest archives are removed.
const CACHE_SIZE: usize = 1 << 29;

/// Archives by their key, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Cache(VecDeque<(String, Bytes)>);

impl Cache {
    pub(crate) fn get(&self, key: &str) -> Option<Bytes> {
        self.0
            .iter()
            .find(|(cached, _)| cached == key)
            .map(|(_, bytes)| bytes.clone())
    }

    pub(crate) fn put(&mut self, key: String, bytes: Bytes) {
        self.0.push_back((key, bytes));
        let size = |archives: &VecDeque<(String, Bytes)>| -> usize {
            archives.iter().map(|(_, bytes)| bytes.len()).sum()
        };
        while self.0.len() > 1 && size(&self.0) > CACHE_SIZE {
            self.0.pop_front();
        }
    }
}

pub(crate) async fn scene(call: Call) -> HandlerResult {
    let body: ExportSceneBody =
        call.body(&[Rule::OneOf("format", FORMATS), Rule::Text("robot_profile")])?;
    let brief = {
        let tables = call.shared.tables();
        let scene = scenes::ready(&tables, &call.id, "exported")?;
        tables.scene_brief(
            scene,
            body.robot_profile.filter(|profile| !profile.is_empty()),
        )
    };
    respond(&call.shared, brief, body.format.unwrap_or(Format::Mjcf)).await
}

pub(crate) async fn asset(call: Call) -> HandlerResult {
    let name = call.query("format").unwrap_or("mjcf");
    let Ok(format) = name.parse() else {
        let message = "Input should be 'mjcf', 'usd' or 'sdf'";
        return Err(Refusal::invalid(&[validation_error(
            &["query", "format"],
            "enum",
            message,
            &name.into(),
        )]));
    };
    let brief = call
        .shared
        .tables()
        .assets
        .get(&call.id)
        .map(AssetEntry::brief);
    let brief = brief.ok_or_else(|| Refusal::not_found("asset", &call.id))?;
    respond(&call.shared, brief, format).await
}

/// Returns a response with the archive of a brief.
async fn respond(shared: &Arc<Shared>, brief: Brief, format: Format) -> HandlerResult {
    let disposition = format!("attachment; filename=\"{}_{format}.zip\"", brief.id);
    let export = Export::new(&shared.options, brief, (&format).into());
    let bytes = archived(shared, export).await?;
    let mut response = Response::new(full(bytes.clone()));
    let headers = response.headers_mut();
    // Assumption: export-zip.
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(ETAG, etag(&bytes));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// Returns an archive from the cache, or builds it.
pub(crate) async fn archived(shared: &Arc<Shared>, export: Export) -> Result<Bytes, Refusal> {
    let brief = &export.brief;
    let items: Vec<&str> = brief.items.iter().map(|item| item.id.as_str()).collect();
    let key = format!(
        "{} {} {} {:?} {:?} {}",
        export.language.name(),
        brief.id,
        brief.revision,
        brief.name,
        brief.robot_profile,
        items.join(" ")
    );
    let cached = shared.exports().get(&key);
    if let Some(bytes) = cached {
        return Ok(bytes);
    }
    let task = move || export.write(Cursor::new(Vec::new()));
    let built = tokio::task::spawn_blocking(task).await;
    let Ok(Ok(built)) = built else {
        let (status, message) = (StatusCode::INTERNAL_SERVER_ERROR, "The export failed");
        return Err(Refusal::new(status, "export_failed", message));
    };
    let bytes = Bytes::from(built.into_inner());
    shared.exports().put(key, bytes.clone());
    Ok(bytes)
}
