//! Replaces what is private in requests and responses. Nothing here reads or writes files.
//!
//! Text is private unless it is known to be public: a word of the document, a time, a number, or a word where only
//! words of the service's own are expected.

mod events;
mod headers;
mod json;
mod placeholders;
mod target;

use std::collections::{HashMap, HashSet};

use http::Method;
use reqwest::Url;

use self::placeholders::{Placeholders, words};
use super::vocabulary::{Vocabulary, parts};

/// The most private words that are remembered. After that, only words of the document are kept.
const MAX_PRIVATE: usize = 200_000;

/// The longest text whose words are replaced one by one. A longer one is replaced as one word.
const MAX_TEXT: usize = 64 * 1024;

/// The longest word that is kept where only words of the service's own are expected, and the longest name.
const MAX_WORD: usize = 48;

/// The shortest key that the text of a file is searched for. The format itself contains shorter words.
const MIN_SECRET: usize = 12;

/// The shortest key that is also found inside of a value. Requests with an invalid key may have a very short one.
const MIN_CONTAINED: usize = 6;

/// Private words of at least this length are also found at the start and at the end of longer ones.
const MIN_FRAGMENT: usize = 6;

/// Replaces private text, consistently throughout a recording.
#[derive(Debug)]
pub(super) struct Redactor {
    vocabulary: &'static Vocabulary,
    placeholders: Placeholders,
    /// Words of prompts, names, ids and requests, in lower case.
    private: HashSet<String>,
    /// Keys and tokens.
    secrets: Vec<String>,
    /// The base URLs of the clients.
    bases: Vec<Url>,
    /// The numbers of other origins.
    hosts: HashMap<String, usize>,
}

impl Redactor {
    pub(super) fn new() -> Self {
        Self {
            vocabulary: Vocabulary::of_documents(),
            placeholders: Placeholders::default(),
            private: HashSet::new(),
            secrets: Vec::new(),
            bases: Vec::new(),
            hosts: HashMap::new(),
        }
    }

    /// Adds the base URL of a client.
    pub(super) fn add_base(&mut self, base: &Url) {
        if !self.bases.contains(base) {
            self.bases.push(base.clone());
        }
    }

    /// Adds a key or token, which appears nowhere in the recording.
    pub(super) fn add_secret(&mut self, secret: &str) {
        let secret = secret.trim();
        if !secret.is_empty() && self.secrets.len() < 100 && !self.is_known_secret(secret) {
            self.secrets.push(secret.to_owned());
        }
        self.add_private(secret);
    }

    fn is_known_secret(&self, secret: &str) -> bool {
        self.secrets.iter().any(|known| known == secret)
    }

    /// Adds the words of a private text, so that they are not kept where words are expected.
    pub(super) fn add_private(&mut self, text: &str) {
        if text.len() > MAX_TEXT {
            return;
        }
        for word in words(text) {
            if self.private.len() < MAX_PRIVATE {
                let lower = word.to_lowercase();
                self.private.extend(singulars(&lower).map(str::to_owned));
                self.private.extend(parts(word));
                self.private.insert(lower);
            }
        }
    }

    /// Replaces every word of a text.
    pub(super) fn text(&mut self, text: &str) -> String {
        if text.len() > MAX_TEXT {
            return self.placeholders.word(text);
        }
        self.placeholders.text(text)
    }

    /// Replaces the words of a text of many lines.
    pub(super) fn long_text(&mut self, text: &str) -> String {
        let lines: Vec<String> = text.split('\n').map(|line| self.text(line)).collect();
        lines.join("\n")
    }

    /// Returns a method, unless it is not one of HTTP's.
    pub(super) fn method(&mut self, method: &Method) -> String {
        const KNOWN: [Method; 8] = [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::HEAD,
            Method::OPTIONS,
            Method::TRACE,
        ];
        if KNOWN.contains(method) {
            method.to_string()
        } else {
            self.text(method.as_str())
        }
    }

    /// Replaces every key in the text of a file. There is one only if a value was kept in error.
    pub(super) fn without_secrets(&mut self, mut text: String) -> String {
        for secret in &self.secrets {
            if secret.len() >= MIN_SECRET && text.contains(secret.as_str()) {
                let replacement = self.placeholders.text(secret);
                text = text.replace(secret.as_str(), &replacement);
            }
        }
        text
    }

    /// Whether a value is a word of the document, and no key.
    fn is_public_word(&self, value: &str) -> bool {
        self.vocabulary.is_word(value) && !self.contains_secret(value)
    }

    /// Whether a value has the form of a word of the service's own, and reveals nothing that is known to be private.
    fn is_harmless_word(&self, value: &str) -> bool {
        let may_follow = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        value.len() <= MAX_WORD
            && value.starts_with(|first: char| first.is_ascii_alphabetic())
            && value.chars().all(may_follow)
            && !self.reveals(value)
    }

    /// Whether a name of a member, a parameter or a field can be kept.
    fn is_public_name(&self, name: &str) -> bool {
        if self.contains_secret(name) {
            return false;
        }
        if self.vocabulary.is_name(name) || self.vocabulary.is_word(name) {
            return true;
        }
        let may_start = |c: char| c.is_ascii_alphabetic() || c == '_';
        let may_follow = |c: char| c.is_ascii_alphanumeric() || c == '_';
        // `conveyor_belt_2` is an object of a scene rather than a member of a type.
        let is_numbered = name.rsplit_once('_').is_some_and(|(_, last)| {
            !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
        });
        name.len() <= 40
            && name.starts_with(may_start)
            && name.chars().all(may_follow)
            && !is_numbered
            && !self.reveals(name)
    }

    /// Whether a word contains a key, looks like an id, or has a part that is known to be private.
    fn reveals(&self, value: &str) -> bool {
        self.contains_secret(value)
            || words(value).any(looks_like_id)
            || self.private.len() >= MAX_PRIVATE
            || self.private.contains(&value.to_lowercase())
            || words(value).any(|word| self.is_private(&word.to_lowercase()))
            || parts(value).iter().any(|part| self.is_private(part))
    }

    /// Whether a part of a word is private: one of the private words, also in the singular, or one with such a word
    /// at an end. Short words such as `of` are part of many names.
    fn is_private(&self, part: &str) -> bool {
        if part.len() < 3 || self.vocabulary.is_part(part) {
            return false;
        }
        let is_known =
            |fragment: &str| self.private.contains(fragment) && !self.vocabulary.is_part(fragment);
        let ends = part.char_indices().map(|(at, _)| at).skip(1);
        let mut fragments = ends
            .flat_map(|at| [&part[..at], &part[at..]])
            .filter(|fragment| fragment.len() >= MIN_FRAGMENT);
        is_known(part) || singulars(part).any(is_known) || fragments.any(is_known)
    }

    /// Whether a value contains a key, or is a short one.
    fn contains_secret(&self, value: &str) -> bool {
        self.secrets.iter().any(|secret| {
            value == secret || secret.len() >= MIN_CONTAINED && value.contains(secret.as_str())
        })
    }

    /// Replaces what is known to be private in text of a known grammar, such as the value of `server`.
    fn known_private(&mut self, text: &str) -> String {
        let is_secret = self.contains_secret(text);
        self.each_word(text, |redactor, word| {
            let lower = word.to_lowercase();
            let is_harmless = word.is_ascii() && !redactor.is_private(&lower);
            !is_secret && is_harmless && !looks_like_id(word)
        })
    }

    /// Replaces the words of a text that are not to be kept.
    fn each_word(&mut self, text: &str, keep: impl Fn(&Self, &str) -> bool) -> String {
        let mut replaced = String::with_capacity(text.len());
        let mut at = 0;
        for word in words(text) {
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            replaced.push_str(&text[at..start]);
            at = start + word.len();
            if keep(self, word) {
                replaced.push_str(word);
            } else {
                replaced.push_str(&self.placeholders.word(word));
            }
        }
        replaced.push_str(&text[at..]);
        replaced
    }

    /// Replaces a file name, and keeps its extension.
    fn file_name(&mut self, name: &str) -> String {
        match name.rsplit_once('.') {
            Some((stem, extension)) if self.is_extension(extension) => {
                format!("{}.{extension}", self.text(stem))
            }
            _ => self.text(name),
        }
    }

    fn is_extension(&self, extension: &str) -> bool {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        (1..=5).contains(&extension.len())
            && extension.bytes().all(is_letter)
            && !self.contains_secret(extension)
            && (self.vocabulary.is_word(extension) || !self.private.contains(extension))
    }

    /// Replaces the path of an archive's entry, except for names that every export may have.
    pub(super) fn entry(&mut self, path: &str) -> String {
        const STRUCTURE: [&str; 8] = [
            "scene.xml",
            "robot.xml",
            "textures",
            "meshes",
            "assets",
            "metadata.json",
            "_unisim_snapshot.json",
            "",
        ];
        let parts: Vec<String> = path
            .split('/')
            .map(|part| {
                if STRUCTURE.contains(&part) {
                    part.to_owned()
                } else {
                    self.file_name(part)
                }
            })
            .collect();
        parts.join("/")
    }
}

/// What a word may be in the singular: `benches` is `bench` or `benche`.
fn singulars(word: &str) -> impl Iterator<Item = &str> {
    let endings = ["s", "es"].iter();
    let singulars = endings.filter_map(|ending| word.strip_suffix(ending));
    singulars.filter(|singular| singular.len() >= 3)
}

/// Whether a word mixes letters with at least three digits, as ids do.
fn looks_like_id(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    digits >= 3 && digits < word.len()
}

#[cfg(test)]
mod tests;
