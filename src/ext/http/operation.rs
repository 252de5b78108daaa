//! What the document states about its operations.

use reqwest::Url;

/// One operation of a document. `build.rs` lists them all in the `OPERATIONS` of its raw client.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: &'static str,
    pub(crate) path: &'static str,
    pub(crate) idempotency: Idempotency,
    /// What a job of this operation makes (`x-starts`).
    pub(crate) starts: Option<Starts>,
    pub(crate) success: Success,
    /// `x-priority`; a paid operation has a high one.
    pub(crate) priority: Priority,
}

/// The order of requests that wait for the rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    Normal,
    /// Paid operations and the status of jobs.
    High,
    /// Cancelling a job, which may be spending credits.
    Highest,
}

impl Priority {
    pub(crate) const ALL: [Self; 3] = [Self::Normal, Self::High, Self::Highest];

    /// The priorities above this one.
    pub(crate) fn higher(self) -> &'static [Self] {
        const ALL: &[Priority] = &Priority::ALL;
        &ALL[self as usize + 1..]
    }
}

/// Whether a request may be sent again when its response is lost.
///
/// The document states it as `x-idempotency`. Otherwise the method decides ([RFC 9110, section
/// 9.2][rfc]); a POST counts as paid, because its cost is unknown.
///
/// [rfc]: https://www.rfc-editor.org/rfc/rfc9110#section-9.2
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Idempotency {
    /// It changes nothing and costs nothing.
    Safe,
    /// It costs nothing, and sending it twice has the effect of sending it once.
    Idempotent,
    /// It costs nothing, but sending it twice has another effect than sending it once.
    Once,
    /// Sending it twice may be paid for twice.
    Paid,
}

/// What a job makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Starts {
    Scene,
    Asset,
    /// A change of a scene.
    Edit,
}

/// The body of a successful response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Success {
    /// JSON, or nothing. It is read completely.
    Json,
    /// A file. It is streamed.
    File,
    /// Server-sent events. A reader that reconnects follows them.
    Events,
}

impl Operation {
    /// Finds the operation by the id in the generated code.
    pub(crate) fn find(operations: &'static [Self], id: &str) -> &'static Self {
        let mut all = operations.iter();
        all.find(|operation| operation.id == id)
            .expect("build.rs lists every operation that it generates")
    }

    /// Finds the operation of any API by its id.
    pub(crate) fn by_id(id: &str) -> Option<&'static Self> {
        all().find(|operation| operation.id == id)
    }

    /// Returns the value of the path parameter `name`, still percent-encoded.
    pub(crate) fn parameter<'a>(&self, path: &'a str, name: &str) -> Option<&'a str> {
        let from_end = self.path.rsplit('/').position(|part| part == name)?;
        path.rsplit('/').nth(from_end)
    }

    /// Whether a URL still has the shape of the operation's path.
    ///
    /// A parameter that is empty, `.` or `..` would address another operation.
    pub(crate) fn matches(&self, url: &Url, base_path: &str) -> bool {
        if !self.path.contains('{') {
            return true;
        }
        let Some(path) = url.path().strip_prefix(base_path.trim_end_matches('/')) else {
            return false;
        };
        let mut segments = path.split('/');
        for expected in self.path.split('/') {
            match segments.next() {
                Some(segment) if expected.starts_with('{') && !segment.is_empty() => {}
                Some(segment) if segment == expected => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }
}

/// Returns the idempotency of an operation by the name that an error carries. An error without an
/// operation concerns the download of a file, which is safe. Operations of both APIs with one name
/// have one idempotency.
pub(crate) fn idempotency_of(id: Option<&str>) -> Idempotency {
    id.and_then(Operation::by_id)
        .map_or(Idempotency::Safe, |operation| operation.idempotency)
}

/// The operations of every API.
pub(crate) fn all() -> impl Iterator<Item = &'static Operation> {
    #[cfg(feature = "alpha")]
    let alpha = crate::alpha::raw::OPERATIONS;
    #[cfg(not(feature = "alpha"))]
    let alpha: &[Operation] = &[];
    crate::raw::OPERATIONS.iter().chain(alpha)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_with_one_name_have_one_idempotency_in_both_apis() {
        for operation in all() {
            assert_eq!(idempotency_of(Some(operation.id)), operation.idempotency);
        }
    }

    #[test]
    fn a_parameter_that_changes_the_route_is_detected() {
        let get_scene = Operation::find(crate::raw::OPERATIONS, "get_scene");
        for (url, ok) in [
            ("http://h/v1/scenes/sc_1", true),
            ("http://h/v1/scenes/a%2Fb", true),
            ("http://h/v1/scenes/", false),
            ("http://h/v1/scenes/..", false),
            ("http://h/v1/scenes/.", false),
            ("http://h/v1/scenes/%2e%2e", false),
            ("http://h/v1/scenes/a/b", false),
        ] {
            assert_eq!(
                get_scene.matches(&Url::parse(url).unwrap(), "/"),
                ok,
                "{url}"
            );
        }
        assert!(get_scene.matches(&Url::parse("http://h/proxy/v1/scenes/x").unwrap(), "/proxy"));
    }
}
