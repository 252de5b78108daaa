//! Requests that were recorded on other hosts, such as those of signed links: the replay serves them itself.

use std::collections::BTreeSet;

/// The path below which the replay serves other hosts.
const PREFIX: &str = "/.elsewhere/";

/// The links of a recording to the recorded service itself start with these.
const OWN: [&str; 2] = ["http://host-0/", "https://host-0/"];

/// The most hosts whose links are rewritten.
const MAX_ORIGINS: usize = 16;

/// The hosts of a recording.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    /// The start of a link to each host, and its replacement.
    links: Vec<(String, String)>,
}

impl Elsewhere {
    /// Finds the hosts in the targets of a recording, which is served at `url`.
    pub(crate) fn new<'a>(targets: impl Iterator<Item = &'a str>, url: &str) -> Self {
        let origins: BTreeSet<(&str, &str)> = targets
            .filter_map(split)
            .map(|(scheme, host, _)| (scheme, host))
            .collect();
        let others = origins.into_iter().take(MAX_ORIGINS);
        let others = others.map(|(scheme, host)| {
            (
                format!("{scheme}://{host}/"),
                format!("{url}{PREFIX}{host}/"),
            )
        });
        let own = OWN.map(|link| (link.to_owned(), format!("{url}/")));
        Self {
            links: own.into_iter().chain(others).collect(),
        }
    }

    /// Makes the links in a text lead to the replay.
    pub(crate) fn rewrite(&self, mut text: String) -> String {
        for (link, local) in &self.links {
            if text.contains(link) {
                text = text.replace(link, local);
            }
        }
        text
    }
}

/// Returns the path and query at which the replay serves a recorded target.
pub(crate) fn local_target(target: &str) -> String {
    match split(target) {
        Some((_, host, rest)) => format!("{PREFIX}{host}{rest}"),
        None => target.to_owned(),
    }
}

/// Splits a URL into its scheme, its host with the port, and the rest.
fn split(target: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    if !matches!(scheme, "http" | "https") {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, rest) = rest.split_at(end);
    (!host.is_empty()).then_some((scheme, host, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_recorded_host_leads_to_the_path_at_which_it_is_served() {
        let target = "https://cdn.example:8443/w1.zip?sig=w2";
        let elsewhere = Elsewhere::new([target, "/v1/usage"].into_iter(), "http://127.0.0.1:1");
        for (text, expected) in [
            (
                target,
                "http://127.0.0.1:1/.elsewhere/cdn.example:8443/w1.zip?sig=w2",
            ),
            ("https://cdn.example/w1.zip", "https://cdn.example/w1.zip"),
            (
                "https://cdn.example:8443.other/",
                "https://cdn.example:8443.other/",
            ),
            ("https://host-0/v1/usage", "http://127.0.0.1:1/v1/usage"),
        ] {
            assert_eq!(elsewhere.rewrite(text.to_owned()), expected);
        }
        for (target, local) in [
            (target, "/.elsewhere/cdn.example:8443/w1.zip?sig=w2"),
            ("http://host?a=1", "/.elsewhere/host?a=1"),
            ("/v1/usage?url=https://a/b", "/v1/usage?url=https://a/b"),
            ("https://", "https://"),
        ] {
            assert_eq!(local_target(target), local);
        }
    }
}
