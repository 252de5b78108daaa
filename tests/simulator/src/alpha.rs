//! The early-access API: assets made one by one, scenes composed of them, exports behind links.

mod assets;
pub(crate) mod cdn;
mod scenes;

use http::{HeaderMap, StatusCode};

use crate::call::Call;
use crate::response::{Handled, Refusal};
use crate::routes::Api;
use crate::state::Table;

pub(crate) use assets::Asset;

/// The API that a request's key sees.
pub(crate) fn api(headers: &HeaderMap, alpha_api_key: &str) -> Api {
    let authorization = headers.get(http::header::AUTHORIZATION);
    let key = authorization.and_then(|value| value.to_str().ok()?.split_once(' '));
    match key {
        Some((_, key)) if key == alpha_api_key => Api::Alpha,
        _ => Api::Current,
    }
}

/// What the early-access API keeps.
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

    fn asset(&self, id: &str) -> Result<&Asset, Refusal> {
        let asset = self.assets.get(id);
        asset.ok_or_else(|| Refusal::not_found("asset", id))
    }

    fn scene(&self, id: &str) -> Result<&scenes::Scene, Refusal> {
        let scene = self.scenes.get(id);
        scene.ok_or_else(|| Refusal::not_found("scene", id))
    }

    /// Makes all links void that there are.
    pub(crate) fn expire_links(&mut self) {
        self.links.clear();
    }
}

/// Carries an operation out.
pub(crate) fn dispatch(operation: &str, call: &Call) -> Handled {
    match operation {
        "create_asset" => assets::create(call),
        "list_assets" => assets::list(call),
        "get_asset" => assets::get(call),
        "export_asset" => assets::export(call),
        "create_scene" => scenes::create(call),
        "list_scenes" => scenes::list(call),
        "get_scene" => scenes::get(call),
        "place_asset" => scenes::place(call),
        "export_scene" => scenes::export(call),
        _ => Err(Refusal::detail(StatusCode::NOT_FOUND, "Not Found")),
    }
}
