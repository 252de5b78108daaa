//! Secrets that are never printed.

use std::fmt;
use std::time::SystemTime;

use http::HeaderValue;
use memchr::memmem::Finder;

use crate::ext::error::{Error, ErrorKind, Fnv1a, redact_secret};

/// A Gizmo API key (`gzm_k1_…`) or service token.
///
/// It has no `Display`, and its `Debug` does not show it. Headers made from it are marked
/// sensitive.
#[derive(Clone)]
pub struct ApiKey {
    text: String,
    /// Finds the key in text. It is built once, because every response is searched.
    finder: Finder<'static>,
}

impl ApiKey {
    /// Creates a key. Surrounding white space is removed, because a pasted key may contain it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the key is empty or has a character that is not permitted in it.
    /// The message does not contain the key.
    pub fn new(key: impl AsRef<str>) -> Result<Self, Error> {
        let key = key.as_ref().trim();
        if key.is_empty() {
            return Err(Error::new(ErrorKind::Config, "the API key is empty"));
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message =
                "the API key contains a space or another invalid character; copy it again";
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(Self {
            text: key.to_owned(),
            finder: Finder::new(key).into_owned(),
        })
    }

    /// Returns the header value `{prefix}{key}`, marked sensitive.
    pub(crate) fn header(&self, prefix: &str) -> HeaderValue {
        let mut value = HeaderValue::try_from(format!("{prefix}{}", self.text))
            .expect("`new` permits only visible ASCII");
        value.set_sensitive(true);
        value
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a part of the hash is enough"
    )]
    pub(crate) fn hash(&self) -> u32 {
        Fnv1a::of(self.text.as_bytes()) as u32
    }

    /// Whether text may contain the key, also where JSON escapes a visible character.
    pub(crate) fn may_be_in(&self, text: &[u8]) -> bool {
        let has_escapes = || memchr::memmem::find(text, br"\u00").is_some();
        // Most responses contain no escape at all.
        self.finder.find(text).is_some() || memchr::memchr(b'\\', text).is_some() && has_escapes()
    }

    /// Returns the key, so that a recording can search for it.
    #[cfg(feature = "record")]
    pub(crate) fn reveal(&self) -> &str {
        &self.text
    }

    /// Removes the key from text of another origin, such as a server's message.
    pub(crate) fn redact(&self, text: &str) -> String {
        redact_secret(text, &self.text)
    }
}

/// A pre-signed URL. It permits a download without a key until it expires.
///
/// Its `Debug` omits the query, which contains the signature.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl {
    url: String,
    expires_at: Option<SystemTime>,
}

impl SignedUrl {
    /// Creates a pre-signed URL, with the time when it expires, if that is known.
    pub fn new(url: impl Into<String>, expires_at: Option<SystemTime>) -> Self {
        Self {
            url: url.into(),
            expires_at,
        }
    }

    /// Returns the URL with its signature, for a download. Do not log it.
    pub fn reveal(&self) -> &str {
        &self.url
    }

    /// Returns the time when it expires, if that is known.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    pub(crate) fn has_expired(&self, now: SystemTime) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public = self.url.split(['?', '#']).next().unwrap_or_default();
        write!(f, "SignedUrl({public}?[redacted])")
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_url_expires_and_does_not_show_its_signature() {
        let now = SystemTime::now();
        let url = SignedUrl::new("https://cdn.example/a.zip?token=canary", Some(now));
        assert_eq!(
            format!("{url:?}"),
            "SignedUrl(https://cdn.example/a.zip?[redacted])"
        );
        assert!(url.has_expired(now) && !url.has_expired(now - std::time::Duration::from_secs(1)));
        assert!(!SignedUrl::new("https://cdn.example/a.zip", None).has_expired(now));
    }

    #[test]
    fn a_key_is_trimmed_and_validated_and_is_not_shown() {
        let key = ApiKey::new(" gzm_k1_canary\n").unwrap();
        assert_eq!(
            key.header("Bearer ").to_str().unwrap(),
            "Bearer gzm_k1_canary"
        );
        assert!(!format!("{key:?} {:?}", key.header("Bearer ")).contains("canary"));
        for bad in ["", "  ", "gzm k1 canary", "gzm_k1_canary\u{e9}"] {
            let error = ApiKey::new(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }
}
