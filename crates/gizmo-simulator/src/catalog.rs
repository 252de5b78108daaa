//! The catalog: items derived from the seed, and their files.

use std::collections::BTreeMap;

use bytes::Bytes;
use gizmo_client::types::{CatalogItem, Category};
use http::{HeaderMap, Response};
use serde_json::Map;

use crate::call::Call;
use crate::export::{Item, Kind, glb, usdz};
use crate::files;
use crate::random::Random;
use crate::response::{Body, HandlerResult, Page, Refusal, envelope};
use crate::state::Shared;

/// The path prefix of the files.
pub(crate) const FILES: &str = "/v1/catalog/files/";

const STYLES: &[&str] = &[
    "Oak",
    "Steel",
    "Compact",
    "Industrial",
    "Vintage",
    "Modular",
    "Heavy-duty",
    "Folding",
];

/// The items of the catalog.
#[derive(Debug)]
pub(crate) struct Catalog(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    slug: String,
    name: String,
    category: &'static str,
    kind: Kind,
}

fn category(kind: Kind) -> &'static str {
    match kind {
        Kind::Workbench | Kind::Stool => "furniture",
        Kind::Toolbox => "tools",
        Kind::Cabinet | Kind::Drawers | Kind::Shelf => "storage",
        Kind::Crate | Kind::Bin => "containers",
        Kind::Vase => "decor",
        Kind::Lamp => "lighting",
    }
}

impl Catalog {
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let mut random = Random::new(seed ^ 0x0ca7_a109);
        let entries = (0..count).map(|number| {
            let kind = Kind::ALL[number % Kind::ALL.len()];
            let style = STYLES[usize::from(random.byte()) % STYLES.len()];
            let name = format!("{style} {} {}", kind.name(), number + 1);
            Entry {
                slug: name.to_lowercase().replace(' ', "-"),
                name,
                category: category(kind),
                kind,
            }
        });
        Self(entries.collect())
    }

    fn find(&self, slug: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.slug == slug)
    }
}

impl Entry {
    fn resource(&self) -> CatalogItem {
        CatalogItem {
            slug: self.slug.clone(),
            name: Some(self.name.clone()),
            description: Some(format!("{}, ready for simulation", self.name)),
            category: Some(self.category.to_owned()),
            // Assumption: catalog-item-files.
            glb_path: Some(format!("{FILES}{}.glb", self.slug)),
            usdz_path: Some(format!("{FILES}{}.usdz", self.slug)),
            extra: Map::new(),
        }
    }

    fn contains(&self, query: &str) -> bool {
        let text = format!("{} {} {}", self.slug, self.name, self.category).to_lowercase();
        query
            .to_lowercase()
            .split_whitespace()
            .all(|word| text.contains(word))
    }
}

pub(crate) fn search(call: &Call) -> HandlerResult {
    let page = call.page()?;
    let (query, category) = (call.query("q").unwrap_or_default(), call.query("category"));
    let found = call.shared.catalog.0.iter().filter(|entry| {
        category.is_none_or(|category| category == entry.category) && entry.contains(query)
    });
    page.list("items", found.map(Entry::resource))
}

pub(crate) fn categories(call: &Call) -> HandlerResult {
    let mut counts = BTreeMap::new();
    for entry in &call.shared.catalog.0 {
        *counts.entry(entry.category).or_insert(0_u64) += 1;
    }
    let total = u64::try_from(counts.len()).unwrap_or(u64::MAX);
    let categories = counts.into_iter().map(|(name, count)| Category {
        name: name.to_owned(),
        count: Some(count),
        extra: Map::new(),
    });
    Page {
        total: true,
        limit: total,
        offset: 0,
    }
    .list("categories", categories)
}

pub(crate) fn get(call: &Call) -> HandlerResult {
    let entry = call
        .shared
        .catalog
        .find(&call.id)
        .ok_or_else(|| Refusal::not_found("item", &call.id))?;
    envelope("item", &entry.resource())
}

/// Returns the response with a file by its name, such as `oak-crate-6.glb`.
pub(crate) fn file(
    shared: &Shared,
    name: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, Refusal> {
    let missing = || Refusal::not_found("item", name);
    let (slug, kind) = name.rsplit_once('.').ok_or_else(missing)?;
    let entry = shared.catalog.find(slug).ok_or_else(missing)?;
    let item = Item {
        id: entry.slug.clone(),
        name: entry.slug.replace('-', "_"),
        kind: entry.kind,
        place: None,
    };
    let (bytes, media) = match kind {
        "glb" => (glb(&item), "model/gltf-binary"),
        "usdz" => (usdz(&item), "model/vnd.usdz+zip"),
        _ => return Err(missing()),
    };
    Ok(files::respond(&Bytes::from(bytes), media, headers))
}
