//! Errors, and the exit codes of their kinds.

use std::fmt;

/// The result of a step of the pipeline.
pub type Result<T> = std::result::Result<T, Error>;

/// The maximum length of a message. Messages of the generator can quote large parts of a document.
const MAX_LENGTH: usize = 600;

/// The kinds of error, each with its own exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The document, the overlay or a file is unusable, or a command failed.
    Refused,
    /// The document could not be fetched.
    Network,
    /// A derived file differs from what its inputs derive.
    Stale,
    /// The new document requires a major release, and the options do not accept it.
    Breaking,
}

/// An error with a message of one line: what was wrong and, if useful, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
}

impl Error {
    /// Returns an error of the kind [`Kind::Refused`].
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, &message.into())
    }

    /// Returns an error of the kind [`Kind::Network`].
    pub fn network(message: impl Into<String>) -> Self {
        Self::new(Kind::Network, &message.into())
    }

    /// Returns an error of the kind [`Kind::Stale`].
    pub fn stale(message: impl Into<String>) -> Self {
        Self::new(Kind::Stale, &message.into())
    }

    /// Returns an error of the kind [`Kind::Breaking`].
    pub fn breaking(message: impl Into<String>) -> Self {
        Self::new(Kind::Breaking, &message.into())
    }

    fn new(kind: Kind, message: &str) -> Self {
        Self {
            kind,
            message: one_line(message),
        }
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the exit code of the program: 1 refused, 3 network, 4 stale, 5 breaking. Wrong
    /// usage, which is not an error of this type, exits with 2.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Refused => 1,
            Kind::Network => 3,
            Kind::Stale => 4,
            Kind::Breaking => 5,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<openapi_lowering::Error> for Error {
    fn from(error: openapi_lowering::Error) -> Self {
        Self::refused(error.to_string())
    }
}

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
        let shown = Error::refused(long).to_string();
        assert!(shown.starts_with("first second x"));
        assert!(!shown.contains('\n'));
        assert!(shown.chars().count() <= MAX_LENGTH + 2);
    }

    #[test]
    fn each_kind_has_its_exit_code() {
        assert_eq!(Error::refused("").exit_code(), 1);
        assert_eq!(Error::network("").exit_code(), 3);
        assert_eq!(Error::stale("").exit_code(), 4);
        assert_eq!(Error::breaking("").exit_code(), 5);
    }
}
