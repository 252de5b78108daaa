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
