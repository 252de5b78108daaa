//! Which operation a request asks for.

use http::{Method, StatusCode};

use crate::call::{Call, decode};
use crate::response::{Handled, Refusal};
use crate::{account, assets, catalog, exports, feed, jobs, scenes};

/// Every operation of the current API: its id, method and path.
pub const OPERATIONS: &[(&str, &str, &str)] = &[
    ("list_scenes", "GET", "/v1/scenes"),
    ("generate_scene", "POST", "/v1/scenes"),
    ("get_scene", "GET", "/v1/scenes/{scene_id}"),
    ("update_scene", "PATCH", "/v1/scenes/{scene_id}"),
    ("delete_scene", "DELETE", "/v1/scenes/{scene_id}"),
    ("edit_scene", "POST", "/v1/scenes/{scene_id}/edit"),
    ("scene_status", "GET", "/v1/scenes/{scene_id}/status"),
    ("export_scene", "POST", "/v1/scenes/{scene_id}/export"),
    ("list_assets", "GET", "/v1/assets"),
    ("generate_asset", "POST", "/v1/assets"),
    ("get_asset", "GET", "/v1/assets/{asset_id}"),
    ("delete_asset", "DELETE", "/v1/assets/{asset_id}"),
    ("export_asset", "POST", "/v1/assets/{asset_id}/export"),
    ("get_job", "GET", "/v1/jobs/{job_id}"),
    ("job_events", "GET", "/v1/jobs/{job_id}/events"),
    ("cancel_job", "POST", "/v1/jobs/{job_id}/cancel"),
    ("search_catalog", "GET", "/v1/catalog"),
    ("list_categories", "GET", "/v1/catalog/categories"),
    ("get_catalog_item", "GET", "/v1/catalog/{slug}"),
    ("whoami", "GET", "/v1/whoami"),
    ("usage", "GET", "/v1/usage"),
];

/// Every operation of the early-access API.
pub const ALPHA_OPERATIONS: &[(&str, &str, &str)] = &[
    ("create_asset", "POST", "/v1/assets"),
    ("list_assets", "GET", "/v1/assets"),
    ("get_asset", "GET", "/v1/assets/{asset_id}"),
    ("export_asset", "POST", "/v1/assets/{asset_id}/export"),
    ("create_scene", "POST", "/v1/scenes"),
    ("list_scenes", "GET", "/v1/scenes"),
    ("get_scene", "GET", "/v1/scenes/{scene_id}"),
    ("place_asset", "POST", "/v1/scenes/{scene_id}/assets"),
    ("export_scene", "POST", "/v1/scenes/{scene_id}/export"),
];

/// The name that faults and the record have for a file that the early-access API's CDN sends.
pub(crate) const CDN: &str = "cdn";

/// Which API a request is for: the one that its key sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Current,
    Alpha,
}

/// Where a request leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// An operation, and the path's parameter.
    Operation(&'static str, String),
    /// A file of the catalog, by its name.
    CatalogFile(String),
    /// The document.
    Document,
    /// A file that the early-access API links to.
    Linked,
    /// The path without its last slash leads somewhere.
    Redirect(String),
    /// A path that other methods lead along.
    WrongMethod(String),
    Unknown,
}

/// Finds the route; of two paths that fit the one without a parameter wins.
pub(crate) fn route(api: Api, method: &Method, path: &str) -> Route {
    if let Some(shorter) = path.strip_suffix('/').filter(|shorter| !shorter.is_empty()) {
        return match route(api, method, shorter) {
            Route::Unknown => Route::Unknown,
            _ => Route::Redirect(shorter.to_owned()),
        };
    }
    let file = path
        .strip_prefix(catalog::FILES)
        .map(|name| Route::CatalogFile(decode(name)));
    let document = (path == "/v1/openapi.json").then_some(Route::Document);
    if let Some(route) = file.or(document) {
        return if method == Method::GET {
            route
        } else {
            Route::WrongMethod("GET".to_owned())
        };
    }
    let operations = match api {
        Api::Current => OPERATIONS,
        Api::Alpha => ALPHA_OPERATIONS,
    };
    let mut fitting: Vec<_> = operations
        .iter()
        .filter_map(|(id, method, template)| {
            Some((*id, *method, *template, parameter(template, path)?))
        })
        .collect();
    if fitting.iter().any(|(_, _, template, _)| *template == path) {
        fitting.retain(|(_, _, template, _)| *template == path);
    }
    if let Some((id, _, _, parameter)) = fitting.iter().find(|(_, of, _, _)| *of == method.as_str())
    {
        return Route::Operation(id, parameter.clone());
    }
    let allowed: Vec<&str> = fitting.iter().map(|(_, method, _, _)| *method).collect();
    if allowed.is_empty() {
        Route::Unknown
    } else {
        Route::WrongMethod(allowed.join(", "))
    }
}

/// The parameter that makes a path of the template; empty where it has none.
fn parameter(template: &str, path: &str) -> Option<String> {
    let mut found = String::new();
    let mut segments = path.split('/');
    for wanted in template.split('/') {
        let segment = segments.next()?;
        if wanted.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            found = decode(segment);
        } else if wanted != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(found)
}

/// Carries an operation out.
pub(crate) async fn dispatch(operation: &str, call: Call, faults: feed::Faults) -> Handled {
    match operation {
        "list_scenes" => scenes::list(&call),
        "generate_scene" => scenes::generate(&call),
        "get_scene" => scenes::get(&call),
        "update_scene" => scenes::update(&call),
        "delete_scene" => scenes::delete(&call),
        "edit_scene" => scenes::edit(&call),
        "scene_status" => scenes::status(&call),
        "export_scene" => Box::pin(exports::scene(call)).await,
        "list_assets" => assets::list(&call),
        "generate_asset" => assets::generate(&call),
        "get_asset" => assets::get(&call),
        "delete_asset" => assets::delete(&call),
        "export_asset" => Box::pin(exports::asset(call)).await,
        "get_job" => jobs::get(&call),
        "job_events" => jobs::events(&call, faults),
        "cancel_job" => jobs::cancel(&call),
        "search_catalog" => catalog::search(&call),
        "list_categories" => catalog::categories(&call),
        "get_catalog_item" => catalog::get(&call),
        "whoami" => account::whoami(&call),
        "usage" => account::usage(&call),
        _ => Err(Refusal::detail(StatusCode::NOT_FOUND, "Not Found")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_finds_its_operation() {
        let found = |method: Method, path: &str| route(Api::Current, &method, path);
        let operation = |id, parameter: &str| Route::Operation(id, parameter.to_owned());
        for (method, path, expected) in [
            (Method::GET, "/v1/scenes", operation("list_scenes", "")),
            (
                Method::PATCH,
                "/v1/scenes/sc_1",
                operation("update_scene", "sc_1"),
            ),
            (
                Method::GET,
                "/v1/scenes/a%2Fb%20c",
                operation("get_scene", "a/b c"),
            ),
            (
                Method::POST,
                "/v1/assets/x/export",
                operation("export_asset", "x"),
            ),
            (
                Method::GET,
                "/v1/catalog/categories",
                operation("list_categories", ""),
            ),
            (
                Method::GET,
                "/v1/catalog/chair",
                operation("get_catalog_item", "chair"),
            ),
            (
                Method::PUT,
                "/v1/scenes/x",
                Route::WrongMethod("GET, PATCH, DELETE".to_owned()),
            ),
            (
                Method::POST,
                "/v1/catalog/categories",
                Route::WrongMethod("GET".to_owned()),
            ),
            (
                Method::GET,
                "/v1/scenes/",
                Route::Redirect("/v1/scenes".to_owned()),
            ),
            (Method::GET, "/v1/scenes//status", Route::Unknown),
            (Method::GET, "/scenes", Route::Unknown),
            (Method::GET, "/", Route::Unknown),
            (Method::GET, "/v1/openapi.json", Route::Document),
        ] {
            assert_eq!(found(method, path), expected, "{path}");
        }
        let place = route(Api::Alpha, &Method::POST, "/v1/scenes/x/assets");
        assert_eq!(place, operation("place_asset", "x"));
    }

    #[test]
    fn the_operations_are_those_of_the_documents() {
        same(OPERATIONS, include_str!("../openapi/openapi.json"));
        same(ALPHA_OPERATIONS, include_str!("../openapi/alpha.json"));
    }

    fn same(operations: &[(&str, &str, &str)], document: &str) {
        let document: serde_json::Value = serde_json::from_str(document).unwrap();
        let mut documented = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let id = operation["operationId"].as_str().unwrap().to_owned();
                documented.push((id, method.to_uppercase(), path.clone()));
            }
        }
        let mut ours: Vec<_> = operations
            .iter()
            .map(|(id, method, path)| ((*id).to_owned(), (*method).to_owned(), (*path).to_owned()))
            .collect();
        documented.sort();
        ours.sort();
        assert_eq!(ours, documented);
    }
}
