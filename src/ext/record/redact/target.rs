//! URLs: literal segments of the document's paths stay, and so do numbers and words of the document in queries.

use std::fmt::Write as _;

use reqwest::Url;

use super::Redactor;
use super::json::Meaning;
use crate::ext::record::vocabulary::template;

impl Redactor {
    /// Returns the path of a URL below the base URL of a client; `None` if it leads elsewhere.
    pub(in crate::ext::record) fn own_path<'u>(&self, url: &'u Url) -> Option<&'u str> {
        self.bases.iter().find_map(|base| {
            let below = url.path().strip_prefix(base.path().trim_end_matches('/'))?;
            let is_own = url.origin() == base.origin() && below.starts_with('/');
            is_own.then_some(below)
        })
    }

    /// Adds the private words of a request's URL: its parameters, and what its query searches for.
    pub(in crate::ext::record) fn collect_url(&mut self, url: &Url) {
        let Some(path) = self.own_path(url) else {
            return;
        };
        for (segment, is_literal) in segments(path) {
            if !is_literal && !self.vocabulary.is_segment(segment) {
                self.add_private(&decoded(segment));
            }
        }
        for (name, value) in url.query_pairs() {
            let is_private = matches!(Meaning::of(&name), Meaning::Private | Meaning::Id);
            let is_number = value.parse::<f64>().is_ok();
            if is_private || !is_number && !self.is_public_word(&value) {
                self.add_private(&value);
            }
        }
    }

    /// Replaces what is private in the URL of a request.
    pub(in crate::ext::record) fn url(&mut self, url: &Url) -> String {
        if let Some(path) = self.own_path(url) {
            let path = path.to_owned();
            return self.path_and_query(&path, url.query());
        }
        self.elsewhere(url)
    }

    /// Replaces what is private in a text that is a URL or an absolute path; `None` if it is neither.
    pub(super) fn target_in(&mut self, text: &str, may_be_path: bool) -> Option<String> {
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let scheme = text.get(..8).unwrap_or(text).to_ascii_lowercase();
        if scheme.starts_with("http://") || scheme.starts_with("https://") {
            let url = Url::parse(text).ok()?;
            let path = self.own_path(&url).map(str::to_owned);
            return Some(match path {
                // The address of the service itself may be private as well.
                Some(path) => {
                    let path = self.path_and_query(&path, url.query());
                    format!("{}://host-0{path}", url.scheme())
                }
                None => self.elsewhere(&url),
            });
        }
        if !may_be_path || !text.starts_with('/') || text.starts_with("//") {
            return None;
        }
        let text = text.split('#').next().unwrap_or_default();
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (text, None),
        };
        Some(self.path_and_query(path, query))
    }

    /// A URL on another host: `https://host-1/w2xx/w3.glb?…`. The query may contain a signature.
    fn elsewhere(&mut self, url: &Url) -> String {
        let next = self.hosts.len() + 1;
        let full = self.hosts.len() >= 10_000;
        let origin = url.origin().ascii_serialization();
        let number = if full {
            self.hosts.get(&origin).copied().unwrap_or(next)
        } else {
            *self.hosts.entry(origin).or_insert(next)
        };
        let mut replaced = format!("{}://host-{number}", url.scheme());
        let mut segments = url.path().split('/').skip(1).peekable();
        while let Some(segment) = segments.next() {
            let segment = decoded(segment);
            let segment = if segments.peek().is_none() {
                self.file_name(&segment)
            } else {
                self.text(&segment)
            };
            let _ = write!(replaced, "/{}", encoded(&segment));
        }
        if url.query().is_some() {
            replaced.push_str("?\u{2026}");
        }
        replaced
    }

    fn path_and_query(&mut self, path: &str, query: Option<&str>) -> String {
        let mut replaced = String::new();
        for (at, (segment, is_literal)) in segments(path).enumerate() {
            if at > 0 {
                replaced.push('/');
            }
            let is_known =
                is_literal || template(path).is_none() && self.vocabulary.is_segment(segment);
            if is_known && !self.contains_secret(segment) {
                replaced.push_str(segment);
            } else if template(path).is_some() {
                replaced.push_str(&encoded(&self.text(&decoded(segment))));
            } else {
                replaced.push_str(&encoded(&self.file_name(&decoded(segment))));
            }
        }
        if let Some(query) = query {
            replaced.push('?');
            replaced.push_str(&self.query(query));
        }
        replaced
    }

    fn query(&mut self, query: &str) -> String {
        let pairs: Vec<String> = query
            .split('&')
            .map(|pair| {
                let (name, value) = match pair.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (pair, None),
                };
                let (name, value) = (form_decoded(name), value.map(form_decoded));
                let is_public =
                    self.vocabulary.is_name(&name) || self.is_public_name(&name.replace('-', "_"));
                let is_public = is_public && !self.contains_secret(&name);
                let shown = if is_public {
                    name.clone()
                } else {
                    self.text(&name)
                };
                match value {
                    None => encoded(&shown),
                    Some(value) => {
                        let value = self.query_value(Meaning::of(&name), &value);
                        format!("{}={}", encoded(&shown), encoded(&value))
                    }
                }
            })
            .collect();
        pairs.join("&")
    }

    fn query_value(&mut self, meaning: Meaning, value: &str) -> String {
        let is_private = matches!(meaning, Meaning::Private | Meaning::Text | Meaning::Id);
        let is_number = !value.is_empty() && value.len() < 20 && {
            let digits = value.strip_prefix('-').unwrap_or(value);
            digits
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
        };
        let is_public =
            is_number || matches!(value, "true" | "false") || self.is_public_word(value);
        if is_public && !is_private && !self.contains_secret(value) {
            return value.to_owned();
        }
        self.text(value)
    }
}

/// The segments of a path, and whether each is literal in the path of an operation.
fn segments(path: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut expected = template(path).map(|template| template.split('/'));
    path.split('/').map(move |segment| {
        let expected = expected.as_mut().and_then(Iterator::next);
        let is_literal = segment.is_empty() || expected.is_some_and(|expected| expected == segment);
        (segment, is_literal)
    })
}

fn form_decoded(text: &str) -> String {
    decoded(&text.replace('+', " "))
}

/// Decodes `%20`. What is not valid UTF-8 becomes U+FFFD.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digit = |at: usize| char::from(*behind.get(at)?).to_digit(16);
        match (*first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits"));
                rest = &behind[2..];
            }
            (first, _, _) => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Encodes what cannot be part of a segment or of a query's value.
pub(super) fn encoded(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:@!$'()*,;[]".contains(&byte) {
            all.push(char::from(byte));
        } else {
            let _ = write!(all, "%{byte:02X}");
        }
    }
    all
}
