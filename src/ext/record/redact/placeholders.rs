//! The replacements of private words: the same word has the same replacement throughout a recording.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::ext::error::Fnv1a;

/// The most different words that are told apart. Each further one has the replacement of all others of its length,
/// so that a service that invents words does not fill the memory.
const MAX_WORDS: usize = 200_000;

/// The longest replacement, and the number of letters by which longer words are told apart, together with a hash.
const MAX_LENGTH: usize = 64;

/// Replaces words.
#[derive(Debug, Default)]
pub(super) struct Placeholders {
    /// By the word in lower case.
    known: HashMap<String, String>,
    words: usize,
    numbers: usize,
    /// Another bound, for tests.
    max: Option<usize>,
}

impl Placeholders {
    /// Replaces every maximal run of letters and digits. Punctuation and spaces stay.
    pub(super) fn text(&mut self, text: &str) -> String {
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let run = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
            if run > 0 {
                replaced.push_str(&self.word(&rest[..run]));
            }
            rest = &rest[run..];
            let gap = rest.find(is_of_word).unwrap_or(rest.len());
            replaced.push_str(&rest[..gap]);
            rest = &rest[gap..];
        }
        replaced
    }

    /// Replaces one word, which may contain any character.
    pub(super) fn word(&mut self, word: &str) -> String {
        let length = word.chars().count().min(MAX_LENGTH);
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        let max = self.max.unwrap_or(MAX_WORDS);
        let is_full = self.known.len() >= max;
        let key = key(word);
        let replacement = match self.known.entry(key) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(_) if is_full => filled(if is_number { "0" } else { "w" }, length),
            Entry::Vacant(vacant) => loop {
                let replacement = if is_number {
                    self.numbers += 1;
                    number(self.numbers, length)
                } else {
                    self.words += 1;
                    padded(format!("w{}", self.words), length)
                };
                // A word that looks like a replacement must not stay.
                if *vacant.key() != replacement {
                    break vacant.insert(replacement).clone();
                }
            },
        };
        if word.chars().next().is_some_and(char::is_uppercase) {
            return replacement.replacen('w', "W", 1);
        }
        replacement
    }
}

/// Whether a character belongs to a word: a letter, a digit, or anything outside of ASCII.
pub(super) fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii()
}

/// The words of a text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_of_word(c))
        .filter(|word| !word.is_empty())
}

/// The key of a word: itself in lower case, or if it is long, its start and its hash.
fn key(word: &str) -> String {
    let lower = word.to_lowercase();
    match lower.char_indices().nth(MAX_LENGTH) {
        None => lower,
        Some((end, _)) => format!("{} {:x}", &lower[..end], Fnv1a::of(lower.as_bytes())),
    }
}

/// `w1` with `x` up to a length.
fn padded(mut start: String, length: usize) -> String {
    while start.len() < length {
        start.push('x');
    }
    start
}

/// One replacement for all words of a length.
fn filled(first: &str, length: usize) -> String {
    let rest = if first == "0" { "0" } else { "x" };
    format!("{first}{}", rest.repeat(length.saturating_sub(1)))
}

/// A number of at least `length` digits, which does not begin with a zero: it may become a JSON number.
fn number(count: usize, length: usize) -> String {
    let width = length.saturating_sub(1);
    format!("1{count:0width$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_one_replacement_of_its_length_and_case() {
        let mut all = Placeholders::default();
        for (text, expected) in [
            ("a robotics lab", "w1 w2xxxxxx w3x"),
            ("A Robotics LAB!", "W1 W2xxxxxx W3x!"),
            ("a_robotics_lab.xml", "w1_w2xxxxxx_w3x.w4x"),
            ("a robotics l", "w1 w2xxxxxx w5"),
            ("7 robots, 12345", "11 w6xxxx, 10002"),
            ("caf\u{e9} \u{1f916}", "w7xx w8"),
            ("w9", "w10"),
            ("", ""),
            (" -- ", " -- "),
            ("gzm_k1_canary", "w11_w12_w13xxx"),
        ] {
            assert_eq!(all.text(text), expected, "{text}");
        }
        let id = "js7abcdefghijklmnopqrstuvwxyz012";
        let replaced = all.text(id);
        assert_eq!(replaced.len(), 32);
        assert!(
            replaced
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        );
    }

    #[test]
    fn numbers_have_different_replacements_of_at_least_their_length() {
        let mut all = Placeholders::default();
        let mut seen = std::collections::HashSet::new();
        for number in 0..3000_u32 {
            let replaced = all.text(&number.to_string());
            assert!(replaced.len() >= number.to_string().len() && !replaced.starts_with('0'));
            assert_ne!(replaced, number.to_string());
            assert!(seen.insert(replaced), "{number}");
        }
    }

    #[test]
    fn words_beyond_the_bound_are_replaced_without_being_told_apart() {
        let mut all = Placeholders {
            max: Some(2),
            ..Placeholders::default()
        };
        assert_eq!(
            all.text("one two three fours 77 One"),
            "w1x w2x wxxxx wxxxx 00 W1x"
        );
    }

    #[test]
    fn long_words_are_told_apart_and_have_a_short_replacement() {
        let mut all = Placeholders::default();
        let long = "a".repeat(100_000);
        let first = all.text(&long);
        assert_eq!(first.len(), MAX_LENGTH);
        assert_ne!(all.text(&format!("{long}b")), first);
        assert_eq!(all.text(&long), first);
        assert!(all.known.keys().all(|key| key.len() < 100));
    }
}
