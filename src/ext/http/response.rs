//! Response bodies whose outer shape varies: a resource bare or under its name, a list under any name.

use std::ops::{Deref, DerefMut};

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::ext::values::id;
use crate::ext::values::json::kind;
use crate::raw::types::{Asset, CatalogItem, Category, Job, Scene};

/// What the service stores and lists: a scene, an asset, a job, a catalog item, a category.
pub trait Resource: DeserializeOwned + Send + Sync + 'static + sealed::Sealed {
    /// The names under which a response may hold it, such as `scene`.
    #[doc(hidden)]
    const NAMES: &'static [&'static str];
    /// The field that identifies it, and its other possible names.
    #[doc(hidden)]
    const ID: &'static [&'static str];
    /// The possible names of its lists.
    #[doc(hidden)]
    const LISTS: &'static [&'static str];

    /// Returns its identifier.
    fn key(&self) -> &str;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! resource {
    ($($type:ty: $names:expr, $id:expr, $lists:expr, $key:expr;)*) => {$(
        impl sealed::Sealed for $type {}
        impl Resource for $type {
            const NAMES: &'static [&'static str] = &$names;
            const ID: &'static [&'static str] = &$id;
            const LISTS: &'static [&'static str] = &$lists;

            fn key(&self) -> &str {
                let key: fn(&Self) -> &str = $key;
                key(self)
            }
        }
    )*};
}

resource! {
    // Assumptions: scene-envelope, list-envelope.
    Scene: ["scene"], ["id", "scene_id", "_id"], ["scenes", "items"], |scene| &scene.id;
    // Assumptions: asset-envelope, list-envelope.
    Asset: ["asset"], ["id", "asset_id", "_id"], ["assets", "items"], |asset| &asset.id;
    // Assumption: job-envelope.
    Job: ["job"], ["id", "job_id", "_id"], ["jobs", "items"], |job| job.id.as_deref().unwrap_or_default();
    // Assumptions: catalog-envelope, catalog-slug, list-envelope.
    CatalogItem: ["item", "asset"], ["slug", "id", "_id"], ["items", "assets", "catalog", "results"], |item| &item.slug;
    // Assumption: catalog-categories.
    Category: ["category"], ["name", "slug", "id"], ["categories", "items"], |category| &category.name;
}

#[cfg(feature = "alpha")]
resource! {
    // Assumption: alpha-lists.
    crate::alpha::types::Scene: ["scene"], ["id", "scene_id", "_id"], ["scenes", "items"], |scene| &scene.id;
    crate::alpha::types::Asset: ["asset"], ["id", "asset_id", "_id"], ["assets", "items"], |asset| &asset.id;
}

/// Reads one resource: only its name (a category), the resource itself, or the resource under its
/// name.
fn resource<T: Resource>(value: Value) -> Result<T, serde_json::Error> {
    let mut fields = match value {
        Value::Object(fields) => unwrapped::<T>(fields),
        Value::String(name) => Map::from_iter([(T::ID[0].to_owned(), Value::String(name))]),
        other => {
            return Err(serde_json::Error::custom(format!(
                "expected {}, found {}",
                T::NAMES[0],
                kind(&other)
            )));
        }
    };
    let [name, aliases @ ..] = T::ID else {
        unreachable!("every resource has an id")
    };
    if fields.get(*name).is_none_or(Value::is_null) {
        let alias = aliases
            .iter()
            .find_map(|alias| fields.get(*alias).filter(|id| !id.is_null()).cloned());
        if let Some(value) = alias {
            fields.insert((*name).to_owned(), value);
        }
    }
    // A category's name may be a number, too.
    if let Some(key) = fields.get(*name).and_then(id::of) {
        fields.insert((*name).to_owned(), Value::String(key));
    }
    T::deserialize(Value::Object(fields))
}

/// Returns the fields under the resource's name, unless they are a part of it and the id is outside.
fn unwrapped<T: Resource>(mut fields: Map<String, Value>) -> Map<String, Value> {
    let has_id = |fields: &Map<String, Value>| T::ID.iter().any(|id| fields.contains_key(*id));
    let outer_has_id = has_id(&fields);
    for name in T::NAMES {
        if let Some(Value::Object(inner)) = fields.get_mut(*name)
            && (has_id(inner) || !outer_has_id)
        {
            return std::mem::take(inner);
        }
    }
    fields
}

/// A response with one resource, bare or under its name (`{"ok": true, "scene": {…}}`).
///
/// It dereferences to the resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Envelope<T>(pub T);

impl<T> Envelope<T> {
    /// Returns the resource.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Envelope<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Envelope<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<'de, T: Resource> Deserialize<'de> for Envelope<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        resource(Value::deserialize(deserializer)?)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

/// One page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Page<T> {
    /// The items of the page.
    pub items: Vec<T>,
    /// The number of items on all pages, if the service reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The maximum number of items on a page, if the service reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// The number of items before this page, if the service reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The other fields that the service sent.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl<T> Page<T> {
    /// Returns a page of these items, for tests with typed mocks.
    pub fn new(items: Vec<T>) -> Self {
        Self {
            items,
            total: None,
            limit: None,
            offset: None,
            extra: Map::new(),
        }
    }
}

impl<'de, T: Resource> Deserialize<'de> for Page<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        page(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Reads a list: a bare array, or an object that holds it under one of its names.
fn page<T: Resource>(value: Value) -> Result<Page<T>, serde_json::Error> {
    let (list, mut extra) = match value {
        Value::Array(list) => (list, Map::new()),
        Value::Object(mut fields) => {
            let name = T::LISTS
                .iter()
                .find(|name| fields.get(**name).is_some_and(Value::is_array));
            let Some(Value::Array(list)) = name.and_then(|name| fields.remove(*name)) else {
                let message = format!(
                    "expected a list under one of the names {}",
                    T::LISTS.join(", ")
                );
                return Err(serde_json::Error::custom(message));
            };
            (list, fields)
        }
        other => {
            return Err(serde_json::Error::custom(format!(
                "expected a list, found {}",
                kind(&other)
            )));
        }
    };
    let items = list.into_iter().map(resource).collect::<Result<_, _>>()?;
    let mut number = |name: &str| {
        let number = extra.get(name).and_then(Value::as_u64)?;
        extra.remove(name);
        Some(number)
    };
    // Assumptions: list-envelope, alpha-lists.
    let (total, limit, offset) = (number("total"), number("limit"), number("offset"));
    Ok(Page {
        items,
        total,
        limit,
        offset,
        extra,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_resource_is_read_bare_or_under_its_name() {
        for value in [
            json!({"id": "sc_1", "name": "lab", "height": 3}),
            json!({"ok": true, "scene": {"id": "sc_1", "name": "lab", "height": 3}}),
            json!({"scene_id": "sc_1", "name": "lab", "height": 3}),
            json!({"id": null, "_id": "sc_1", "name": "lab", "height": 3}),
        ] {
            let scene = serde_json::from_value::<Envelope<Scene>>(value.clone()).unwrap();
            assert_eq!(
                (scene.id.as_str(), scene.name.as_deref()),
                ("sc_1", Some("lab")),
                "{value}"
            );
            assert_eq!(scene.extra["height"], 3, "{value}");
        }
        let scene =
            serde_json::from_value::<Envelope<Scene>>(json!({"id": 7, "scene": {"bodies": []}}))
                .unwrap();
        assert_eq!(
            (scene.id.as_str(), &scene.extra["scene"]),
            ("7", &json!({"bodies": []}))
        );
        let job: Envelope<Job> =
            serde_json::from_value(json!({"job": {"status": "queued"}})).unwrap();
        assert_eq!((job.status.as_str(), job.id.as_deref()), ("queued", None));
        for value in [json!({"ok": true}), json!(3), json!([])] {
            assert!(serde_json::from_value::<Envelope<Scene>>(value).is_err());
        }
    }

    #[test]
    fn a_list_is_read_under_any_of_its_names() {
        for value in [
            json!({"scenes": [{"id": "a"}, {"scene_id": "b"}], "total": 2, "limit": 20, "offset": 0}),
            json!({"ok": true, "items": [{"id": "a"}, {"id": "b"}], "total": 2, "limit": 20, "offset": 0}),
        ] {
            let page: Page<Scene> = serde_json::from_value(value).unwrap();
            assert_eq!(
                page.items.iter().map(Resource::key).collect::<Vec<_>>(),
                ["a", "b"]
            );
            assert_eq!(
                (page.total, page.limit, page.offset),
                (Some(2), Some(20), Some(0))
            );
        }
        let bare: Page<Scene> = serde_json::from_value(json!([{"id": "a"}])).unwrap();
        assert_eq!((bare.items.len(), bare.total), (1, None));
        let odd: Page<Scene> =
            serde_json::from_value(json!({"scenes": [], "total": "many"})).unwrap();
        assert_eq!((odd.total, &odd.extra["total"]), (None, &json!("many")));
        let names: Page<Category> = serde_json::from_value(
            json!({"categories": ["chairs", {"name": "tables", "count": 4}]}),
        )
        .unwrap();
        assert_eq!(
            (names.items[0].name.as_str(), names.items[1].count),
            ("chairs", Some(4))
        );
        let error = serde_json::from_value::<Page<Scene>>(json!({"data": []})).unwrap_err();
        assert!(error.to_string().contains("scenes, items"), "{error}");
    }
}
