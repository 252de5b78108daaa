//! The document's operations as the transport sees them.

use reqwest::Url;

/// One operation of a document; build.rs lists them all in the `OPERATIONS` of its raw client.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// A success body is streamed: it is an archive or server-sent events, and no JSON.
    pub(crate) is_streamed: bool,
}

impl Operation {
    /// Finds the operation that the generated code speaks of.
    pub(crate) fn find(operations: &'static [Self], id: &str) -> &'static Self {
        let mut all = operations.iter();
        all.find(|operation| operation.id == id)
            .expect("build.rs lists every operation that it generates")
    }

    /// What may be done with it when its answer is lost.
    pub(crate) fn class(&self) -> Class {
        match (self.id, self.method) {
            ("job_events", _) => Class::Stream,
            ("export_scene" | "export_asset", _) => Class::Export,
            ("cancel_job" | "create_scene" | "place_asset", _) => Class::Once,
            (_, "GET" | "HEAD") => Class::Read,
            (_, "DELETE" | "PATCH") => Class::Change,
            // Also what a later document brings: nobody knows what it costs.
            _ => Class::Paid,
        }
    }

    /// The value of `{a parameter}` in a URL's path, as it stands there.
    pub(crate) fn parameter<'a>(&self, path: &'a str, name: &str) -> Option<&'a str> {
        let back = self.path.rsplit('/').position(|part| part == name)?;
        path.rsplit('/').nth(back)
    }

    /// Whether it begins to make something, which costs credits.
    pub(crate) fn is_generation(&self) -> bool {
        matches!(
            self.id,
            "generate_scene" | "generate_asset" | "edit_scene" | "create_asset"
        )
    }

    /// Whether a URL's path still has the shape of the operation's path: a parameter that is
    /// empty, `.` or `..` would have turned it into another operation's.
    pub(crate) fn matches(&self, url: &Url, base_path: &str) -> bool {
        if !self.path.contains('{') {
            return true;
        }
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

/// What may be done with a request whose answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It changes nothing: may be sent again.
    Read,
    /// It changes nothing and costs nothing, although it is a POST: may be sent again.
    Export,
    /// DELETE and PATCH: twice is the same as once.
    Change,
    /// Costs nothing, but twice is not the same as once.
    Once,
    /// Would be paid for twice.
    Paid,
    /// The event stream, which has its own way to go on.
    Stream,
}

/// The class of an operation, where all that is known is the name that an error has of it: what
/// the APIs call by one name is of one class. What is no operation is a file that was fetched.
pub(crate) fn class_of(id: Option<&str>) -> Class {
    let mut all = all();
    all.find(|operation| Some(operation.id) == id)
        .map_or(Class::Read, Operation::class)
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
    fn what_the_apis_call_by_one_name_is_of_one_class() {
        for operation in all() {
            assert_eq!(class_of(Some(operation.id)), operation.class());
        }
    }

    #[test]
    fn a_parameter_that_changes_the_route_is_noticed() {
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
