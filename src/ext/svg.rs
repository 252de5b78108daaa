//! What every picture needs: numbers and text that are safe in SVG, and round steps for scales.

use std::fmt;

/// The paper, and three greys of ink.
pub(crate) const PAPER: &str = "#fcfbf8";
pub(crate) const INK: &str = "#2b2f36";
pub(crate) const FAINT: &str = "#767c86";
pub(crate) const LINE: &str = "#e3dfd6";

/// What is nothing in particular.
pub(crate) const GREY: [u8; 3] = [0x8f, 0x94, 0x9e];

/// Colours that are distinguishable on paper, and by people with a colour vision deficiency too.
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

/// Text for content and attributes. What XML 1.0 has no way to write becomes U+FFFD; beyond `most`
/// characters an ellipsis stands for the rest.
pub(crate) fn text(text: &str, most: usize) -> String {
    let mut escaped = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == most {
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

/// About how wide a text is, in units of its font size.
pub(crate) fn width(text: &str) -> f64 {
    text.chars()
        .map(|character| if character.is_ascii() { 0.56 } else { 1.0 })
        .sum()
}

/// A number with so many decimals at most, without a tail of zeros.
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

/// A number of pixels, to the tenth.
pub(crate) fn px(value: f64) -> Number {
    Number(value, 1)
}

/// `colour` with so much white in it: 0 is none, 1 is nothing else.
pub(crate) fn tint(colour: [u8; 3], white: f64) -> String {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part);
        Number(part + (255.0 - part) * white, 0)
    });
    format!("rgb({red},{green},{blue})")
}

/// The smallest of 1, 2 and 5 times a power of ten that is at least `least`, which is above 0.
pub(crate) fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|step| step * power);
    // The logarithm may be off by a hair.
    let enough = |step: &f64| *step >= least * (1.0 - 1e-9);
    steps.into_iter().find(enough).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_place() {
        for (given, most, shown) in [
            ("a<b & \"c\"", 20, "a&lt;b &amp; &quot;c&quot;"),
            ("'d'>", 20, "&#39;d&#39;&gt;"),
            ("a\u{1}b\nc\u{ffff}", 20, "a\u{fffd}b c\u{fffd}"),
            ("0123456789", 4, "0123…"),
            ("äöü€", 4, "äöü€"),
        ] {
            assert_eq!(text(given, most), shown);
        }
    }

    #[test]
    fn numbers_are_short_and_never_minus_zero() {
        for (value, decimals, shown) in [
            (1.0, 3, "1"),
            (-0.0001, 3, "0"),
            (100.0, 0, "100"),
            (1.2345, 3, "1.234"),
            (-1.5, 3, "-1.5"),
        ] {
            assert_eq!(Number(value, decimals).to_string(), shown);
        }
    }

    #[test]
    fn steps_are_round() {
        for (least, step) in [
            (0.3, 0.5),
            (1.0, 1.0),
            (1.1, 2.0),
            (70.0, 100.0),
            (0.02, 0.02),
        ] {
            let found = round_step(least);
            assert!((found / step - 1.0).abs() < 1e-9, "{least}: {found}");
        }
    }
}
