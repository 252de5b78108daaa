//! The document's operations as the transport sees them.

use reqwest::Url;

/// One operation of the document; build.rs lists them all in `raw::OPERATIONS`.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: &'static str,
    pub(crate) path: &'static str,
    /// A success body is streamed: it is an archive or server-sent events, and no JSON.
    pub(crate) is_streamed: bool,
}

impl Operation {
    /// Finds the operation by its id.
    pub(crate) fn find(id: &str) -> &'static Self {
        let mut all = crate::raw::OPERATIONS.iter();
        all.find(|operation| operation.id == id)
            .expect("build.rs lists every operation that it generates")
    }

    /// Whether a URL's path still has the shape of the operation's path: a parameter that is
    /// empty, `.` or `..` would have turned it into another operation's.
    pub(crate) fn matches(&self, url: &Url, base_path: &str) -> bool {
        let Some(path) = url.path().strip_prefix(base_path.trim_end_matches('/')) else {
            return false;
        };
        let mut segments = path.split('/');
        for wanted in self.path.split('/') {
            match segments.next() {
                Some(segment) if wanted.starts_with('{') && !segment.is_empty() => {}
                Some(segment) if segment == wanted => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }
}

/// Whether a repeated request would be paid for twice.
pub(crate) fn is_paid(id: &str) -> bool {
    matches!(id, "generate_scene" | "generate_asset" | "edit_scene")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_changes_the_route_is_noticed() {
        let get_scene = Operation::find("get_scene");
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
