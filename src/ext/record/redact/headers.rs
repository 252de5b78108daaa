//! Headers: their names stay, and the values of those that say how HTTP works.

use std::fmt::Write as _;

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};

use super::Redactor;
use super::placeholders::words;
use super::target::{decoded, encoded};
use crate::ext::record::vocabulary::parts;

/// The longest value that is kept.
const MAX_VALUE: usize = 256;

/// Words in the values of rate-limit headers, and in names of headers.
const GRAMMAR: [&str; 20] = [
    "limit",
    "remaining",
    "reset",
    "policy",
    "default",
    "q",
    "w",
    "r",
    "t",
    "qu",
    "window",
    "burst",
    "requests",
    "request",
    "seconds",
    "minute",
    "hour",
    "day",
    "second",
    "bytes",
];

impl Redactor {
    /// Adds the keys and tokens that a request carries.
    pub(in crate::ext::record) fn collect_headers(&mut self, headers: &HeaderMap) {
        for (name, value) in headers {
            let name = name.as_str();
            let is_secret = [
                AUTHORIZATION.as_str(),
                COOKIE.as_str(),
                "proxy-authorization",
            ]
            .contains(&name)
                || value.is_sensitive()
                || parts(name)
                    .iter()
                    .any(|part| matches!(part.as_str(), "token" | "key" | "secret"));
            let Ok(value) = value.to_str() else { continue };
            if is_secret {
                let secret = value.split_once(' ').map_or(value, |(_, secret)| secret);
                self.add_secret(secret);
            }
        }
    }

    /// Replaces what is private in the headers of a request.
    pub(in crate::ext::record) fn request_headers(
        &mut self,
        headers: &HeaderMap,
    ) -> Vec<(String, String)> {
        let all = headers.iter();
        all.map(|(name, value)| {
            let text = text_of(value);
            let value = match name.as_str() {
                "authorization" => scheme(&text),
                "accept" | "accept-encoding" | "cache-control" => self.grammar(&text),
                "content-type" => self.media_type(&text),
                "range" => self.range(&text),
                "if-range" | "if-none-match" => self.tag_or_date(&text),
                "last-event-id" => self.number_or_text(&text),
                _ => String::new(),
            };
            (self.header_name(name.as_str()), value)
        })
        .collect()
    }

    /// Replaces what is private in the headers of a response.
    pub(in crate::ext::record) fn response_headers(
        &mut self,
        headers: &HeaderMap,
    ) -> Vec<(String, String)> {
        let all = headers.iter();
        all.map(|(name, value)| {
            let text = text_of(value);
            let value = match name.as_str() {
                "content-type" => self.media_type(&text),
                "content-length" | "age" => self.number_or_text(&text),
                "date" | "last-modified" | "expires" => self.date(&text),
                "retry-after" if !is_digits(&text) => self.date(&text),
                "retry-after" => text,
                "content-encoding" | "transfer-encoding" | "accept-ranges" | "cache-control"
                | "vary" | "server" | "connection" => self.grammar(&text),
                "content-range" => self.range(&text),
                "etag" => self.tag_or_date(&text),
                "content-disposition" => self.disposition(&text),
                "location" => self.location(&text),
                other if other.contains("ratelimit") || other.contains("rate-limit") => {
                    self.rate_limit(&text)
                }
                _ => self.text(&text),
            };
            (self.header_name(name.as_str()), value)
        })
        .collect()
    }

    fn header_name(&mut self, name: &str) -> String {
        self.grammar(name)
    }

    /// A value that consists of words of HTTP's own.
    fn grammar(&mut self, text: &str) -> String {
        if self.vocabulary.is_http(text.trim()) && !self.contains_secret(text) {
            return text.to_owned();
        }
        if text.len() > MAX_VALUE || !text.is_ascii() {
            return self.text(text);
        }
        self.known_private(text)
    }

    /// `text/html; charset=utf-8`: other parameters are replaced.
    fn media_type(&mut self, text: &str) -> String {
        let mut parameters = text.split(';');
        let essence = parameters.next().unwrap_or_default();
        let mut value = self.grammar(essence);
        for parameter in parameters {
            value.push(';');
            match parameter.split_once('=') {
                Some((name, set)) if name.trim().eq_ignore_ascii_case("charset") => {
                    value.push_str(name);
                    value.push('=');
                    value.push_str(&self.grammar(set));
                }
                Some((name, set)) => {
                    value.push_str(&self.grammar(name));
                    value.push('=');
                    value.push_str(&self.text(set));
                }
                None => value.push_str(&self.text(parameter)),
            }
        }
        value
    }

    fn range(&mut self, text: &str) -> String {
        self.each_word(text, |_, word| word == "bytes" || is_digits(word))
    }

    fn date(&mut self, text: &str) -> String {
        if httpdate::parse_http_date(text).is_ok() {
            return text.to_owned();
        }
        self.text(text)
    }

    /// `W/"abc"`, or a date. The quotes and the `W/` stay.
    fn tag_or_date(&mut self, text: &str) -> String {
        if httpdate::parse_http_date(text).is_ok() {
            return text.to_owned();
        }
        match text.strip_prefix("W/") {
            Some(tag) => format!("W/{}", self.text(tag)),
            None => self.text(text),
        }
    }

    fn number_or_text(&mut self, text: &str) -> String {
        if is_digits(text) && text.len() <= 20 {
            return text.to_owned();
        }
        self.text(text)
    }

    fn rate_limit(&mut self, text: &str) -> String {
        self.each_word(text, |redactor, word| {
            let is_known = GRAMMAR.contains(&word.to_ascii_lowercase().as_str()) || is_digits(word);
            is_known && !redactor.contains_secret(word)
        })
    }

    /// `attachment; filename="lab.zip"`: file names are replaced, and their extensions stay.
    fn disposition(&mut self, text: &str) -> String {
        let mut parameters = text.split(';');
        let kind = parameters.next().unwrap_or_default();
        let mut value = if ["attachment", "inline", "form-data"].contains(&kind.trim()) {
            kind.to_owned()
        } else {
            self.text(kind)
        };
        for parameter in parameters {
            value.push(';');
            let Some((name, set)) = parameter.split_once('=') else {
                value.push_str(&self.text(parameter));
                continue;
            };
            let is_known = ["filename", "filename*", "name", "size"].contains(&name.trim());
            let name = if is_known {
                name.to_owned()
            } else {
                self.text(name)
            };
            let set = self.file_parameter(set);
            let _ = write!(value, "{name}={set}");
        }
        value
    }

    fn file_parameter(&mut self, set: &str) -> String {
        if let Some(quoted) = set.strip_prefix('"').and_then(|set| set.strip_suffix('"')) {
            return format!("\"{}\"", self.file_name(quoted));
        }
        // RFC 8187: `UTF-8''a%20lab.zip`.
        let mut parts = set.splitn(3, '\'');
        if let (Some(charset), Some(_), Some(name)) = (parts.next(), parts.next(), parts.next()) {
            let is_known = ["utf-8", "iso-8859-1"].contains(&charset.to_ascii_lowercase().as_str());
            let charset = if is_known {
                charset.to_owned()
            } else {
                self.text(charset)
            };
            return format!("{charset}''{}", encoded(&self.file_name(&decoded(name))));
        }
        self.file_name(set)
    }

    fn location(&mut self, text: &str) -> String {
        if let Some(target) = self.target_in(text, true) {
            return target;
        }
        self.text(text)
    }
}

/// The scheme of a credential, such as `Bearer`.
fn scheme(text: &str) -> String {
    match text.split_once(' ') {
        Some((scheme, _))
            if ["bearer", "basic"].contains(&scheme.to_ascii_lowercase().as_str()) =>
        {
            scheme.to_owned()
        }
        _ => String::new(),
    }
}

fn text_of(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty()
        && words(text).next() == Some(text)
        && text.bytes().all(|byte| byte.is_ascii_digit())
}
