//! The operations, and the routing of requests to them.

use http::{Method, StatusCode};

use crate::call::{Call, decode};
use crate::response::{HandlerResult, Refusal};
use crate::{account, assets, catalog, exports, feed, jobs, scenes};

/// The operations of the current API: id, method and path template.
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

/// Operations that no document describes, as a service has before its clients know of them: id, method and
/// path template. They do what `edit_scene`, `update_scene` and `usage` do.
pub const UNDOCUMENTED_OPERATIONS: &[(&str, &str, &str)] = &[
    ("vary_scene", "POST", "/v1/scenes/{scene_id}/vary"),
    ("tag_scene", "PATCH", "/v1/scenes/{scene_id}/tags"),
    ("limits", "GET", "/v1/limits"),
];

/// The operations of the early-access API: id, method and path template.
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

/// The operations that spend credits.
const PAID: &[&str] = &[
    "generate_scene",
    "edit_scene",
    "generate_asset",
    "create_asset",
    "vary_scene",
];

/// The operation id, in faults and in the record, of a download from the early-access API's CDN.
pub(crate) const CDN: &str = "cdn";

/// The API that a request addresses. Its key selects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Current,
    Alpha,
}

/// The destination of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// An operation, with the path parameter.
    Operation(&'static str, String),
    /// A file of the catalog, by its name.
    CatalogFile(String),
    /// The `OpenAPI` document.
    Document,
    /// A file on the early-access API's CDN.
    Linked,
    /// This path, which is the requested one without its trailing slash.
    Redirect(String),
    /// A path that supports only these other methods.
    WrongMethod(String),
    Unknown,
}

impl Route {
    /// Returns the operation by which requests are recorded and faults are injected.
    pub(crate) fn operation(&self) -> Option<&'static str> {
        match self {
            Self::Operation(id, _) => Some(id),
            Self::Linked => Some(CDN),
            _ => None,
        }
    }
}

/// Returns the route of a request. A template without parameters takes precedence.
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
    let (operations, undocumented) = match api {
        Api::Current => (OPERATIONS, UNDOCUMENTED_OPERATIONS),
        Api::Alpha => (ALPHA_OPERATIONS, &[][..]),
    };
    let operations = operations.iter().chain(undocumented);
    let mut matching: Vec<_> = operations
        .filter_map(|(id, method, template)| {
            Some((*id, *method, *template, parameter(template, path)?))
        })
        .collect();
    if matching.iter().any(|(_, _, template, _)| *template == path) {
        matching.retain(|(_, _, template, _)| *template == path);
    }
    if let Some((id, _, _, parameter)) =
        matching.iter().find(|(_, of, _, _)| *of == method.as_str())
    {
        return Route::Operation(id, parameter.clone());
    }
    let allowed: Vec<&str> = matching.iter().map(|(_, method, _, _)| *method).collect();
    if allowed.is_empty() {
        Route::Unknown
    } else {
        Route::WrongMethod(allowed.join(", "))
    }
}

/// Returns whether a request may spend credits: one of an operation that does, or a POST of an unknown one. If
/// the operation is not given, the path of the current API selects it.
pub(crate) fn is_paid(operation: Option<&str>, method: &Method, path: &str) -> bool {
    let routed = || match route(Api::Current, method, path) {
        Route::Operation(id, _) => Some(id),
        _ => None,
    };
    let tables = [OPERATIONS, UNDOCUMENTED_OPERATIONS, ALPHA_OPERATIONS];
    let known = |id: &&str| {
        tables
            .iter()
            .any(|table| table.iter().any(|(known, ..)| known == id))
    };
    match operation.or_else(routed).filter(known) {
        Some(id) => PAID.contains(&id),
        None => method == Method::POST,
    }
}

/// Returns the parameter if the path matches the template, or an empty string if the template has none.
fn parameter(template: &str, path: &str) -> Option<String> {
    let mut parameter = String::new();
    let mut segments = path.split('/');
    for expected in template.split('/') {
        let segment = segments.next()?;
        if expected.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            parameter = decode(segment);
        } else if expected != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(parameter)
}

/// Runs the handler of an operation.
pub(crate) async fn dispatch(operation: &str, call: Call, faults: feed::Faults) -> HandlerResult {
    match operation {
        "list_scenes" => scenes::list(&call),
        "generate_scene" => scenes::generate(&call),
        "get_scene" => scenes::get(&call),
        "update_scene" | "tag_scene" => scenes::update(&call),
        "delete_scene" => scenes::delete(&call),
        "edit_scene" | "vary_scene" => scenes::edit(&call),
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
        "usage" | "limits" => account::usage(&call),
        _ => Err(Refusal::detail(StatusCode::NOT_FOUND, "Not Found")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_routed_to_its_operation() {
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
    fn the_operations_match_the_openapi_documents() {
        assert_documented(OPERATIONS, include_str!("../openapi/openapi.json"));
        assert_documented(ALPHA_OPERATIONS, include_str!("../openapi/alpha.json"));
    }

    #[test]
    fn the_paid_operations_match_the_openapi_documents() {
        for (document, operations) in [
            (include_str!("../openapi/openapi.json"), OPERATIONS),
            (include_str!("../openapi/alpha.json"), ALPHA_OPERATIONS),
        ] {
            let document: serde_json::Value = serde_json::from_str(document).unwrap();
            for (id, method, path) in operations {
                let operation = &document["paths"][*path][method.to_lowercase()];
                let documented = operation["x-idempotency"] == "paid";
                let method = method.parse().unwrap();
                assert_eq!(is_paid(Some(id), &method, path), documented, "{id}");
            }
        }
    }

    #[test]
    fn a_post_of_an_unknown_operation_may_be_paid() {
        for (operation, method, path, paid) in [
            (None, Method::POST, "/v1/scenes", true),
            (None, Method::POST, "/v1/scenes/x/export", false),
            (None, Method::POST, "/v1/scenes/x/paint", true),
            (None, Method::GET, "/v1/scenes/x/paint", false),
            (Some("paint_scene"), Method::POST, "/v1/scenes", true),
            (Some("create_scene"), Method::POST, "/v1/scenes", false),
        ] {
            assert_eq!(is_paid(operation, &method, path), paid, "{path}");
        }
    }

    fn assert_documented(operations: &[(&str, &str, &str)], document: &str) {
        let document: serde_json::Value = serde_json::from_str(document).unwrap();
        let mut documented = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let id = operation["operationId"].as_str().unwrap().to_owned();
                documented.push((id, method.to_uppercase(), path.clone()));
            }
        }
        let mut listed: Vec<_> = operations
            .iter()
            .map(|(id, method, path)| ((*id).to_owned(), (*method).to_owned(), (*path).to_owned()))
            .collect();
        documented.sort();
        listed.sort();
        assert_eq!(listed, documented);
    }
}
