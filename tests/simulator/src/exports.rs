//! The export operations, and the archives that are kept so that asking again costs nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use gizmo_client::types::{ExportSceneBody, Format};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ETAG};
use http::{HeaderValue, Response, StatusCode};

use crate::call::{Call, Rule};
use crate::export::{Brief, Language, archive};
use crate::files::etag;
use crate::response::{Handled, Refusal, fault, whole};
use crate::scenes;
use crate::state::{AssetEntry, Shared};

const FORMATS: &[&str] = &["mjcf", "usd", "sdf"];

/// Archives beyond this many bytes together are forgotten, the oldest first.
const CACHE: usize = 1 << 29;

/// Archives that have been built.
#[derive(Debug, Default)]
pub(crate) struct Cache(VecDeque<(String, Bytes)>);

impl Cache {
    fn get(&self, key: &str) -> Option<Bytes> {
        self.0
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, bytes)| bytes.clone())
    }

    fn put(&mut self, key: String, bytes: Bytes) {
        self.0.push_back((key, bytes));
        while self.0.len() > 1 && self.0.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > CACHE
        {
            self.0.pop_front();
        }
    }
}

pub(crate) async fn scene(call: Call) -> Handled {
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
    response(&call.shared, brief, body.format.unwrap_or(Format::Mjcf)).await
}

pub(crate) async fn asset(call: Call) -> Handled {
    let name = call.query("format").unwrap_or("mjcf");
    let Ok(format) = name.parse() else {
        let message = "Input should be 'mjcf', 'usd' or 'sdf'";
        return Err(Refusal::invalid(&[fault(
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
    response(&call.shared, brief, format).await
}

/// Returns the archive of a brief.
async fn response(shared: &Arc<Shared>, brief: Brief, format: Format) -> Handled {
    let disposition = format!("attachment; filename=\"{}_{format}.zip\"", brief.id);
    let bytes = archived(shared, brief, format.into()).await?;
    let mut response = Response::new(whole(bytes.clone()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(ETAG, etag(&bytes));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// The archive of a brief, built where it is not kept.
pub(crate) async fn archived(
    shared: &Arc<Shared>,
    brief: Brief,
    language: Language,
) -> Result<Bytes, Refusal> {
    let items: Vec<&str> = brief.items.iter().map(|item| item.id.as_str()).collect();
    let key = format!(
        "{} {} {} {:?} {}",
        language.name(),
        brief.id,
        brief.revision,
        brief.robot_profile,
        items.join(" ")
    );
    let cached = shared.exports().get(&key);
    if let Some(bytes) = cached {
        return Ok(bytes);
    }
    let (texture_bytes, deflate) = (shared.options.texture_bytes, shared.options.deflate);
    let work = move || archive(&brief, language, texture_bytes, deflate);
    let built = tokio::task::spawn_blocking(work).await.map_err(|_| {
        let message = "The export failed";
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "export_failed", message)
    })?;
    let bytes = Bytes::from(built);
    shared.exports().put(key, bytes.clone());
    Ok(bytes)
}
