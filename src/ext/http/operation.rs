//! What the document states about its operations.

use reqwest::Url;

use crate::ext::drift::shape::Shape;
use crate::ext::error::Idempotency;

/// One operation of a document. `build.rs` lists them all in the `OPERATIONS` of its raw client.
#[derive(Debug)]
pub(crate) struct Operation<'a> {
    pub(crate) id: &'a str,
    /// Its path, with the names of parameters in braces. Empty if no document describes it.
    pub(crate) path: &'a str,
    pub(crate) idempotency: Idempotency,
    /// What a job of this operation makes (`x-starts`).
    pub(crate) starts: Option<Starts>,
    pub(crate) success: Success,
    /// `x-priority`; a paid operation has a high one.
    pub(crate) priority: Priority,
    /// What the type of its success knows.
    pub(crate) shape: &'static Shape,
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

impl Operation<'static> {
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
}

impl Operation<'_> {
    /// Returns the value of the path parameter `name`, still percent-encoded.
    pub(crate) fn parameter<'p>(&self, path: &'p str, name: &str) -> Option<&'p str> {
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

/// The operations of every API.
fn all() -> impl Iterator<Item = &'static Operation<'static>> {
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
