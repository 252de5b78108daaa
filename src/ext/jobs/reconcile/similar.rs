//! Whether a prompt, as a service shows it, is the one that was requested. Pure.

use icu_normalizer::ComposingNormalizerBorrowed;

/// How much of a shortened prompt must be shown, in characters.
const MIN_SHOWN: usize = 16;

/// How much must be shown if an ellipsis states that it is shortened.
const MIN_SHOWN_BEFORE_ELLIPSIS: usize = 8;

/// How a prompt is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Similarity {
    /// As it was requested, except for white space.
    Equal,
    /// In another case, with another Unicode normalization, escaped, or shortened.
    Altered,
    /// It is another prompt.
    Different,
}

/// Compares the prompt that a service shows with the one that was requested.
// Assumption: list-prompt.
pub(crate) fn similarity(shown: &str, requested: &str) -> Similarity {
    if shown.split_whitespace().eq(requested.split_whitespace()) {
        return Similarity::Equal;
    }
    let requested = normal_form(requested);
    let forms = [normal_form(shown), normal_form(&unescaped(shown))];
    if forms
        .iter()
        .any(|shown| is_same_or_start(shown, &requested))
    {
        Similarity::Altered
    } else {
        Similarity::Different
    }
}

/// Whether a prompt is shown completely, or enough of its start.
fn is_same_or_start(shown: &str, requested: &str) -> bool {
    let (start, min_shown) = match shown.strip_suffix('…').or(shown.strip_suffix("...")) {
        Some(start) => (start.trim_end(), MIN_SHOWN_BEFORE_ELLIPSIS),
        None => (shown, MIN_SHOWN),
    };
    let is_shortened = start.chars().count() >= min_shown && requested.starts_with(start);
    shown == requested || is_shortened
}

/// Lower case in NFC, with single spaces.
fn normal_form(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ").to_lowercase();
    ComposingNormalizerBorrowed::new_nfc()
        .normalize(&text)
        .into_owned()
}

/// Replaces the character references that escaping text for HTML produces.
fn unescaped(text: &str) -> String {
    const REFERENCES: [(&str, &str); 9] = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&apos;", "'"),
        ("&#x2F;", "/"),
        // The last, so that `&amp;lt;` is `&lt;`.
        ("&amp;", "&"),
    ];
    if !text.contains('&') {
        return text.to_owned();
    }
    let replace = |text: String, (reference, character)| text.replace(reference, character);
    REFERENCES.into_iter().fold(text.to_owned(), replace)
}

#[cfg(test)]
mod tests {
    use super::Similarity::{Altered, Different, Equal};
    use super::*;

    #[test]
    fn a_prompt_is_recognized_however_a_list_shows_it() {
        let cafe = "A café with two robots & a <desk> that isn't \"new\"";
        for (shown, requested, expected) in [
            ("a lab", "a lab", Equal),
            ("  a\n lab ", "a lab", Equal),
            ("A Lab", "a lab", Altered),
            ("a lab", "a lab with a robot", Different),
            (
                "a robotics lab with",
                "a robotics lab with a robot",
                Altered,
            ),
            ("a robotic…", "a robotics lab with a robot", Altered),
            ("A robotics ...", "a robotics lab with a robot", Altered),
            ("a robot…", "a robotics lab with a robot", Different),
            (
                "a robotics lab with two",
                "a robotics lab with a robot",
                Different,
            ),
            (
                "a robotics lab with a robot and more",
                "a robotics lab with a robot",
                Different,
            ),
            (
                "A cafe\u{301} with two robots &amp; a &lt;desk&gt; that isn&#39;t &quot;new&quot;",
                cafe,
                Altered,
            ),
            ("…", "a lab", Different),
            ("", "a lab", Different),
            ("&amp;lt;", "&lt;", Altered),
        ] {
            assert_eq!(similarity(shown, requested), expected, "{shown}");
        }
    }
}
