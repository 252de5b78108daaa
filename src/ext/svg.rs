//! The basics of SVG drawings: colours, escaped text, short numbers, and round steps for scales.

use std::fmt;

/// The background, and three greys for text and lines.
pub(crate) const PAPER: &str = "#fcfbf8";
pub(crate) const INK: &str = "#2b2f36";
pub(crate) const FAINT: &str = "#767c86";
pub(crate) const LINE: &str = "#e3dfd6";

/// The colour of objects without a colour of their own.
pub(crate) const GREY: [u8; 3] = [0x8f, 0x94, 0x9e];

/// Colours that are distinguishable on the background, also with a colour vision deficiency.
pub(crate) const PALETTE: [[u8; 3]; 8] = [
    [0x44, 0x77, 0xaa],
    [0xee, 0x8a, 0x3c],
    [0x22, 0x88, 0x33],
    [0xaa, 0x55, 0x99],
    [0x3a, 0xa5, 0xb5],
    [0xc9, 0xa2, 0x27],
    [0xcc, 0x66, 0x77],
    [0x8c, 0x6d, 0x53],
];

/// Escapes text for content and attributes. Characters that XML 1.0 does not permit become U+FFFD.
/// Text longer than `limit` characters is truncated and ends with an ellipsis.
pub(crate) fn text(text: &str, limit: usize) -> String {
    let mut escaped = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == limit {
            escaped.push('…');
            break;
        }
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\0'..'\x20' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Estimates the width of a text, in units of its font size.
pub(crate) fn width(text: &str) -> f64 {
    text.chars()
        .map(|character| if character.is_ascii() { 0.56 } else { 1.0 })
        .sum()
}

/// A number, and the maximum number of decimals. It is written without trailing zeros.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number(pub(crate) f64, pub(crate) usize);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.*}", self.1, self.0);
        let short = if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.')
        } else {
            &text
        };
        f.write_str(if short == "-0" { "0" } else { short })
    }
}

/// Formats a number of pixels with one decimal.
pub(crate) fn px(value: f64) -> Number {
    Number(value, 1)
}

/// Mixes `colour` with white: 0 is the colour, 1 is white.
pub(crate) fn tint(colour: [u8; 3], white: f64) -> String {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part);
        Number(part + (255.0 - part) * white, 0)
    });
    format!("rgb({red},{green},{blue})")
}

/// Returns the smallest of 1, 2 and 5 times a power of ten that is at least `min`, which is
/// positive.
pub(crate) fn round_step(min: f64) -> f64 {
    let power = 10_f64.powf(min.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|step| step * power);
    // The logarithm may have a rounding error.
    let enough = |step: &f64| *step >= min * (1.0 - 1e-9);
    steps.into_iter().find(enough).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_truncated() {
        for (input, limit, expected) in [
            ("a<b & \"c\"", 20, "a&lt;b &amp; &quot;c&quot;"),
            ("'d'>", 20, "&#39;d&#39;&gt;"),
            ("a\u{1}b\nc\u{ffff}", 20, "a\u{fffd}b c\u{fffd}"),
            ("0123456789", 4, "0123…"),
            ("äöü€", 4, "äöü€"),
        ] {
            assert_eq!(text(input, limit), expected);
        }
    }

    #[test]
    fn a_number_is_written_without_trailing_zeros_or_a_negative_zero() {
        for (value, decimals, expected) in [
            (1.0, 3, "1"),
            (-0.0001, 3, "0"),
            (100.0, 0, "100"),
            (1.2345, 3, "1.234"),
            (-1.5, 3, "-1.5"),
        ] {
            assert_eq!(Number(value, decimals).to_string(), expected);
        }
    }

    #[test]
    fn a_step_is_1_2_or_5_times_a_power_of_ten() {
        for (min, step) in [
            (0.3, 0.5),
            (1.0, 1.0),
            (1.1, 2.0),
            (70.0, 100.0),
            (0.02, 0.02),
        ] {
            let found = round_step(min);
            assert!((found / step - 1.0).abs() < 1e-9, "{min}: {found}");
        }
    }
}
