//! Text from outside, made safe to print.

/// Returns text on one line: control characters become spaces, and the rest after `max_chars`
/// characters is cut.
pub(crate) fn one_line(text: &str, max_chars: usize) -> String {
    let mut line: String = text
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(max_chars + 1)
        .collect();
    if line.chars().count() > max_chars {
        line.pop();
        line.push('…');
    }
    line
}

/// What replaces a secret.
const REDACTED: &str = "[redacted]";

/// Replaces every occurrence of a secret in text from outside, also where its characters are escaped
/// as in JSON (`\\u005f`), URLs (`%5f`) or HTML (`&#95;`, `&#x5f;`).
pub(crate) fn redact_secret(text: &str, secret: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = strip_escaped(rest, secret) {
            redacted.push_str(REDACTED);
            rest = after;
        } else {
            redacted.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    redacted
}

/// Strips a prefix whose characters may be escaped.
fn strip_escaped<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    prefix.chars().try_fold(text, |rest, wanted| {
        let (found, rest) = next_character(rest)?;
        (found == wanted).then_some(rest)
    })
}

/// Reads a character that may be escaped, and returns the text after it.
fn next_character(text: &str) -> Option<(char, &str)> {
    let escaped = |digits: &str, radix: u32, after: usize| {
        let character = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
        Some((character, text.get(after..)?))
    };
    let unescaped = match text.as_bytes() {
        [b'\\', b'u', ..] => text.get(2..6).and_then(|digits| escaped(digits, 16, 6)),
        [b'\\', b'x', ..] => text.get(2..4).and_then(|digits| escaped(digits, 16, 4)),
        [b'%', ..] => text.get(1..3).and_then(|digits| escaped(digits, 16, 3)),
        [b'&', b'#', ..] => {
            text.find(';')
                .filter(|end| *end < 12)
                .and_then(|end| match &text[2..end] {
                    hexadecimal if hexadecimal.starts_with(['x', 'X']) => {
                        escaped(&hexadecimal[1..], 16, end + 1)
                    }
                    decimal => escaped(decimal, 10, end + 1),
                })
        }
        _ => None,
    };
    unescaped.or_else(|| {
        let first = text.chars().next()?;
        Some((first, &text[first.len_utf8()..]))
    })
}

/// Replaces the query of every URL in text from outside: it may be the signature of a signed URL.
pub(crate) fn redact_queries(text: &str) -> String {
    let ends_url = |c: char| c.is_whitespace() || c.is_control() || "\"'<>`".contains(c);
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    // JSON may escape the slashes.
    while let Some(scheme) = [rest.find("://"), rest.find(":\\/\\/")]
        .into_iter()
        .flatten()
        .min()
    {
        let end = rest[scheme..]
            .find(ends_url)
            .map_or(rest.len(), |end| scheme + end);
        let url = &rest[..end];
        match url[scheme..].find(['?', '#']) {
            Some(query) => {
                redacted.push_str(&url[..=scheme + query]);
                redacted.push_str(REDACTED);
            }
            None => redacted.push_str(url),
        }
        rest = &rest[end..];
    }
    redacted + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_redacted_in_every_notation() {
        for text in [
            "a gzm_k1_canary b",
            r"a gzm\u005fk1\u005Fcanary b",
            "a gzm%5Fk1_canary b",
            "a gzm&#95;k1&#x5f;canary b",
            r"a \u0067\u007a\u006d_k1_canary b",
        ] {
            assert_eq!(
                redact_secret(text, "gzm_k1_canary"),
                "a [redacted] b",
                "{text}"
            );
        }
        for text in ["", "gzm_k1", "é%", "\\u", "&#;", "&#x;", "%zz gzm%5"] {
            assert_eq!(redact_secret(text, "gzm_k1_canary"), text);
        }
        let twice = "gzm_k1_canarygzm_k1_canary";
        assert_eq!(
            redact_secret(twice, "gzm_k1_canary"),
            "[redacted][redacted]"
        );
    }

    #[test]
    fn the_query_of_a_url_is_redacted() {
        for (text, expected) in [
            (
                "https://cdn/a.zip?sig=canary",
                "https://cdn/a.zip?[redacted]",
            ),
            (
                r#"{"url":"https://cdn/a.zip?sig=canary&x=1","n":1}"#,
                r#"{"url":"https://cdn/a.zip?[redacted]","n":1}"#,
            ),
            (
                r#"{"url":"https:\/\/cdn\/a.zip?sig=canary"}"#,
                r#"{"url":"https:\/\/cdn\/a.zip?[redacted]"}"#,
            ),
            (
                "one https://a/b?canary two http://c/d#canary three",
                "one https://a/b?[redacted] two http://c/d#[redacted] three",
            ),
            ("what? no URL", "what? no URL"),
            ("https://a/b and what?", "https://a/b and what?"),
            ("://", "://"),
        ] {
            assert_eq!(redact_queries(text), expected);
        }
    }
}
