//! The error of every step.

use std::fmt;

use crate::refusal::Refusal;

/// The result of a step.
pub type Result<T> = std::result::Result<T, Error>;

/// The maximum length of a message. Messages of the generator can quote large parts of a document.
const MAX_LENGTH: usize = 600;

/// The reason why a document or an overlay is unusable, in one line: what was wrong and, if useful,
/// what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    message: String,
    refusals: Vec<Refusal>,
}

impl Error {
    pub(crate) fn new(message: impl AsRef<str>) -> Self {
        Self {
            message: one_line(message.as_ref()),
            refusals: Vec::new(),
        }
    }

    /// Returns an error that names the first of the refused places.
    pub(crate) fn of_refusals(refusals: Vec<Refusal>) -> Self {
        let message = refusals.first().map_or_else(String::new, |first| {
            format!("{first}; remove or replace it in the overlay")
        });
        Self {
            refusals,
            ..Self::new(message)
        }
    }

    /// Returns the places in the document that were refused. Empty for any other error.
    pub fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    /// Puts `context` before the message.
    pub(crate) fn within(self, context: &str) -> Self {
        Self::new(format!("{context}: {}", self.message))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Joins the lines of a message and truncates it.
fn one_line(message: &str) -> String {
    let joined = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match joined.char_indices().nth(MAX_LENGTH) {
        Some((end, _)) => format!("{} …", &joined[..end]),
        None => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_of_bounded_length() {
        let long = format!("first\n  second\n{}", "x".repeat(5_000));
        let shown = Error::new(long).to_string();
        assert!(shown.starts_with("first second x"));
        assert!(!shown.contains('\n'));
        assert!(shown.chars().count() <= MAX_LENGTH + 2);
    }
}
