//! What can go wrong, with the exit code that says which kind it was.

use std::fmt;

/// The result of a step of the pipeline.
pub type Result<T> = std::result::Result<T, Error>;

/// The longest message shown; a generator's complaint can quote half a document.
const LONGEST: usize = 600;

/// The kinds of failure that a caller of the program can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The document, the overlay or a file cannot be used.
    Refused,
    /// The document could not be fetched.
    Network,
    /// A derived file is not what its inputs derive.
    Stale,
    /// The new document breaks what worked, and nobody has said that it may.
    Breaking,
}

/// One line that says what was wrong and, where it helps, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
}

impl Error {
    /// A document, overlay or file that cannot be used.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, &message.into())
    }

    /// A document that could not be fetched.
    pub fn network(message: impl Into<String>) -> Self {
        Self::new(Kind::Network, &message.into())
    }

    /// A derived file that is not what its inputs derive.
    pub fn stale(message: impl Into<String>) -> Self {
        Self::new(Kind::Stale, &message.into())
    }

    /// A change that breaks what worked.
    pub fn breaking(message: impl Into<String>) -> Self {
        Self::new(Kind::Breaking, &message.into())
    }

    fn new(kind: Kind, message: &str) -> Self {
        Self {
            kind,
            message: one_line(message),
        }
    }

    /// Which kind of failure it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The program's exit code: 1 refused, 3 network, 4 stale, 5 breaking (2 is a wrong command line).
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Refused => 1,
            Kind::Network => 3,
            Kind::Stale => 4,
            Kind::Breaking => 5,
        }
    }

    /// The same failure with `context` before its message.
    #[must_use]
    pub fn within(self, context: &str) -> Self {
        Self::new(self.kind, &format!("{context}: {}", self.message))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Joins the lines of a message and cuts it where it becomes a wall.
fn one_line(message: &str) -> String {
    let joined = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match joined.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{} …", &joined[..cut]),
        None => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_of_bounded_length() {
        let long = format!("first\n  second\n{}", "x".repeat(5_000));
        let shown = Error::refused(long).to_string();
        assert!(shown.starts_with("first second x"));
        assert!(!shown.contains('\n'));
        assert!(shown.chars().count() <= LONGEST + 2);
    }

    #[test]
    fn each_kind_has_its_exit_code() {
        assert_eq!(Error::refused("").exit_code(), 1);
        assert_eq!(Error::network("").exit_code(), 3);
        assert_eq!(Error::stale("").exit_code(), 4);
        assert_eq!(Error::breaking("").exit_code(), 5);
    }
}
