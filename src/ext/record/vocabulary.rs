//! The words that a recording may keep, and the routes of the operations: both are public.

use std::collections::HashSet;
use std::sync::OnceLock;

use crate::ext::values::status_words::StatusWord;

mod document {
    include!(concat!(env!("OUT_DIR"), "/vocabulary.rs"));
}

#[cfg(feature = "alpha")]
mod alpha {
    include!(concat!(env!("OUT_DIR"), "/alpha_vocabulary.rs"));
}

#[cfg(not(feature = "alpha"))]
mod alpha {
    pub(super) const ROUTES: &[(&str, &str, &str)] = &[];
    pub(super) const WORDS: &[&str] = &[];
    pub(super) const NAMES: &[&str] = &[];
}

/// Values that the document does not list: names of events, families of such names, stages, error codes, formats
/// and the places of FastAPI's validation errors.
const KNOWN: &str = "\
    job_queued modal_dispatch job_claimed job_started job_succeeded job_failed job_cancelled job_canceled \
    stage_start stage_complete stage_started stage_completed asset_ready asset_failed asset_card_created ping done \
    error message end heartbeat keepalive progress log info warning status state update result event \
    scene_director asset_inventory floorplan task_plan placement_plan structure_path structure placement lighting \
    acceptance texture textures texturing scripting layout modal planning export exporting \
    authentication_required insufficient_credits no_scene scene_not_found asset_not_found job_not_found not_found \
    rate_limit_exceeded rate_limited unauthorized forbidden invalid_request validation_error internal_error \
    service_unavailable conflict bad_request method_not_allowed \
    missing string_type string_too_short string_too_long int_parsing int_type enum literal_error json_invalid \
    value_error extra_forbidden greater_than_equal less_than_equal bool_parsing list_type dict_type \
    body query path header cookie detail loc msg type ctx input url seq data result results page value \
    usda usdc usdz glb gltf urdf obj fbx zip png json xml scene asset edit unknown null none true false";

/// Values and names of HTTP. They stay also if a prompt has one of their words.
const HTTP: &str = "\
    application/json application/problem+json application/zip application/x-zip-compressed application/octet-stream \
    application/x-event-stream application/xml application/gzip text/event-stream text/plain text/html text/xml \
    model/gltf-binary model/vnd.usdz+zip image/png image/jpeg image/svg+xml */* utf-8 \
    no-store no-cache no-transform must-revalidate private public identity chunked gzip br deflate bytes none close \
    keep-alive Accept-Encoding Origin \
    accept accept-encoding accept-ranges age allow alt-svc authorization cache-control connection \
    content-disposition content-encoding content-language content-length content-range content-type date etag expires \
    host idempotency-key if-match if-modified-since if-none-match if-range last-event-id last-modified link location \
    origin range referrer-policy retry-after server server-timing set-cookie strict-transport-security \
    transfer-encoding user-agent vary via www-authenticate x-content-type-options x-frame-options x-request-id \
    request-id x-correlation-id cf-ray cf-cache-status x-powered-by x-accel-buffering x-gizmo-service-token \
    x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset ratelimit ratelimit-policy ratelimit-limit \
    ratelimit-remaining ratelimit-reset";

/// Parts of the names of events that are in no name above. What a prompt may contain is not among them.
const PARTS: &str = "\
    starting complete completing create creating build built building updated updating place placed placing planned \
    dispatched claim finish finished fail end ended step stages run job assets scenes generate generated generating \
    generation skip skipped retry retried validate validated validation check checked select selected found request \
    requested response submit submitted upload uploaded download downloaded";

/// What is public.
#[derive(Debug)]
pub(super) struct Vocabulary {
    words: HashSet<&'static str>,
    names: HashSet<&'static str>,
    /// The parts of words and names, in lower case.
    parts: HashSet<String>,
    segments: HashSet<&'static str>,
    http: HashSet<&'static str>,
}

impl Vocabulary {
    pub(super) fn of_documents() -> &'static Self {
        static ALL: OnceLock<Vocabulary> = OnceLock::new();
        ALL.get_or_init(Self::collect)
    }

    fn collect() -> Self {
        let mut words: HashSet<_> = document::WORDS
            .iter()
            .chain(alpha::WORDS)
            .copied()
            .collect();
        let names: HashSet<_> = document::NAMES
            .iter()
            .chain(alpha::NAMES)
            .copied()
            .collect();
        words.extend(KNOWN.split_whitespace());
        let all = words.iter().chain(&names).copied();
        let all = all.chain(PARTS.split_whitespace());
        let parts = all.flat_map(parts).collect();
        let segments = routes().flat_map(|(_, path, _)| path.split('/'));
        let segments = segments.filter(|segment| !segment.starts_with('{'));
        let segments = segments.chain(["openapi.json"]).collect();
        Self {
            words,
            names,
            parts,
            segments,
            http: HTTP.split_whitespace().collect(),
        }
    }

    /// Whether a value is a word of the document, or a status in any spelling.
    pub(super) fn is_word(&self, value: &str) -> bool {
        self.words.contains(value) || StatusWord::of(value).is_some()
    }

    /// Whether a value or a name is one of HTTP's own.
    pub(super) fn is_http(&self, text: &str) -> bool {
        self.http.contains(text)
    }

    /// Whether the document has a member or parameter of this name.
    pub(super) fn is_name(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Whether a word in lower case is part of a word or name of the document.
    pub(super) fn is_part(&self, part: &str) -> bool {
        self.parts.contains(part)
    }

    /// Whether a segment is literal in the path of any operation.
    pub(super) fn is_segment(&self, segment: &str) -> bool {
        self.segments.contains(segment)
    }
}

/// The method, path and id of every operation.
fn routes() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    document::ROUTES.iter().chain(alpha::ROUTES).copied()
}

/// Returns the operation with a method and a path below the base URL: the one named `hint` if it is one of them,
/// or else the one with the fewest parameters.
pub(super) fn operation(method: &str, path: &str, hint: &str) -> Option<&'static str> {
    let found = || {
        routes()
            .filter(|(its_method, template, _)| *its_method == method && matches(template, path))
    };
    let hinted = found().find(|(_, _, id)| *id == hint);
    let parameters = |(_, template, _): &(_, &str, _)| template.matches('{').count();
    let found = hinted.or_else(|| found().min_by_key(parameters));
    found.map(|(_, _, id)| id)
}

/// Returns the path of an operation that fits a path, that with the fewest parameters first.
pub(super) fn template(path: &str) -> Option<&'static str> {
    let templates = routes().map(|(_, template, _)| template);
    let found = templates.filter(|template| matches(template, path));
    found.min_by_key(|template| template.matches('{').count())
}

fn matches(template: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let all = template.split('/').all(|expected| {
        segments.next().is_some_and(|segment| {
            segment == expected || expected.starts_with('{') && !segment.is_empty()
        })
    });
    all && segments.next().is_none()
}

/// The parts of a word in lower case: between `_` and other punctuation, and at changes of case.
pub(super) fn parts(word: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for run in word.split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric()) {
        let mut part = String::new();
        let mut was_lower = false;
        for letter in run.chars() {
            if was_lower && letter.is_uppercase() {
                parts.push(std::mem::take(&mut part));
            }
            was_lower = !letter.is_uppercase();
            part.extend(letter.to_lowercase());
        }
        if !part.is_empty() {
            parts.push(part);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_operation_of_its_method_and_path() {
        for (method, path, hint, expected) in [
            ("GET", "/v1/scenes", "", Some("list_scenes")),
            ("POST", "/v1/scenes", "", Some("generate_scene")),
            ("GET", "/v1/scenes/js7", "", Some("get_scene")),
            ("GET", "/v1/catalog/categories", "", Some("list_categories")),
            ("GET", "/v1/catalog/chair", "", Some("get_catalog_item")),
            ("GET", "/v1/scenes/js7/", "", None),
            ("GET", "/v1/scenes/", "", None),
            ("PUT", "/v1/scenes", "", None),
            ("GET", "/v1/nothing", "get_job", None),
            ("GET", "", "", None),
        ] {
            assert_eq!(operation(method, path, hint), expected, "{method} {path}");
        }
        #[cfg(feature = "alpha")]
        assert_eq!(
            operation("POST", "/v1/assets", "create_asset"),
            Some("create_asset")
        );
        assert_eq!(
            operation("POST", "/v1/assets", "get_job"),
            Some("generate_asset")
        );
    }

    #[test]
    fn a_word_has_parts_between_punctuation_and_cases() {
        for (word, expected) in [
            ("scene_director", &["scene", "director"][..]),
            ("assetId", &["asset", "id"]),
            ("value_error.missing", &["value", "error", "missing"]),
            ("GPU", &["gpu"]),
            ("a1B2", &["a1", "b2"]),
            ("", &[]),
        ] {
            assert_eq!(parts(word), expected, "{word}");
        }
    }
}
