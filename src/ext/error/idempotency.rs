//! Whether a request may be sent again.

use http::Method;

/// Whether a request may be sent again when its response is lost.
///
/// The document states it as `x-idempotency`. Otherwise the method decides ([RFC 9110, section
/// 9.2][rfc]); a POST counts as paid, because its cost is unknown.
///
/// [rfc]: https://www.rfc-editor.org/rfc/rfc9110#section-9.2
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Idempotency {
    /// It changes nothing and costs nothing.
    Safe,
    /// It costs nothing, and sending it twice has the effect of sending it once.
    Idempotent,
    /// It costs nothing, but sending it twice has another effect than sending it once.
    Once,
    /// Sending it twice may be paid for twice.
    Paid,
}

impl Idempotency {
    /// Returns what the method says.
    pub(crate) fn of(method: &Method) -> Self {
        match *method {
            // Assumption: reads-are-free.
            Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE => Self::Safe,
            // Assumption: update-delete-idempotent.
            Method::PUT | Method::DELETE => Self::Idempotent,
            // Assumption: generation-paid.
            _ => Self::Paid,
        }
    }
}
