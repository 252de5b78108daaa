//! The early-access API: assets are generated one at a time, placed in scenes, and exported to signed
//! URLs.

mod assets;
pub(crate) mod cdn;
mod scenes;

use http::{HeaderMap, StatusCode};
use serde::Serialize;

use crate::call::Call;
use crate::response::{HandlerResult, Refusal, json_response};
use crate::routes::Api;
use crate::state::Table;

pub(crate) use assets::Asset;

/// Returns the API that a request's key gives access to.
pub(crate) fn api(headers: &HeaderMap, alpha_api_key: &str) -> Api {
    let authorization = headers.get(http::header::AUTHORIZATION);
    let key = authorization.and_then(|value| value.to_str().ok()?.split_once(' '));
    match key {
        Some((_, key)) if key == alpha_api_key => Api::Alpha,
        _ => Api::Current,
    }
}

/// The state of the early-access API.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) assets: Table<Asset>,
    pub(crate) scenes: Table<scenes::Scene>,
    links: Table<cdn::Link>,
}

impl Tables {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            assets: Table::new(seed, "ast"),
            scenes: Table::new(seed, "scn"),
            links: Table::new(seed, "eyJ"),
        }
    }

    /// Returns the entry with this id, or the refusal that reports it missing.
    fn find<T: Entry>(&self, id: &str) -> Result<&T, Refusal> {
        let entry = T::table(self).get(id);
        entry.ok_or_else(|| Refusal::not_found(T::NAME, id))
    }

    /// Invalidates all existing links.
    pub(crate) fn expire_links(&mut self) {
        self.links.clear();
    }
}

/// An entry of a table whose operations include `list` and `get`.
trait Entry: Sized {
    /// The name of the entry in error messages.
    const NAME: &'static str;
    /// The field of a list response that contains the entries.
    const LIST: &'static str;

    fn table(tables: &Tables) -> &Table<Self>;

    /// Returns the entry as a response represents it. Lists omit some of its fields.
    fn resource(&self, in_list: bool) -> impl Serialize;
}

/// Lists entries, oldest first. The documentation does not define the order; its example has the
/// oldest entry first.
fn list<T: Entry>(call: &Call) -> HandlerResult {
    let page = call.page()?;
    let tables = call.shared.tables();
    let entries = T::table(&tables.alpha).newest().rev();
    page.bare_list(T::LIST, entries.map(|entry| entry.resource(true)))
}

fn get<T: Entry>(call: &Call) -> HandlerResult {
    let tables = call.shared.tables();
    let entry = tables.alpha.find::<T>(&call.id)?;
    Ok(json_response(StatusCode::OK, &entry.resource(false)))
}

/// Runs the handler of an operation.
pub(crate) fn dispatch(operation: &str, call: &Call) -> HandlerResult {
    match operation {
        "create_asset" => assets::create(call),
        "list_assets" => list::<Asset>(call),
        "get_asset" => get::<Asset>(call),
        "export_asset" => assets::export(call),
        "create_scene" => scenes::create(call),
        "list_scenes" => list::<scenes::Scene>(call),
        "get_scene" => get::<scenes::Scene>(call),
        "place_asset" => scenes::place(call),
        "export_scene" => scenes::export(call),
        _ => Err(Refusal::detail(StatusCode::NOT_FOUND, "Not Found")),
    }
}
