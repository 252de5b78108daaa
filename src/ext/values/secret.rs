//! Secrets that cannot be printed.

use std::fmt;
use std::time::SystemTime;

use http::HeaderValue;

use crate::ext::error::{Error, ErrorKind, redact_secret};

/// A Gizmo API key (`gzm_k1_…`) or service token.
///
/// It has no `Display` and its `Debug` shows nothing of it; headers made from it are marked sensitive.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// Takes a key as people paste it: surrounding white space goes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the key is empty or has a character that no HTTP header can
    /// carry. The message does not repeat the key.
    pub fn new(key: impl AsRef<str>) -> Result<Self, Error> {
        let key = key.as_ref().trim();
        if key.is_empty() {
            return Err(Error::new(ErrorKind::Config, "the API key is empty"));
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = "the API key has a space or another character that a header cannot carry; copy it again";
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(Self(key.to_owned()))
    }

    /// The header value `{prefix}{key}`, marked sensitive.
    pub(crate) fn header(&self, prefix: &str) -> HeaderValue {
        let mut value = HeaderValue::try_from(format!("{prefix}{}", self.0))
            .expect("`new` admits only visible ASCII");
        value.set_sensitive(true);
        value
    }

    /// Takes the key out of text that came from outside, such as a server's message.
    pub(crate) fn redact(&self, text: &str) -> String {
        redact_secret(text, &self.0)
    }
}

/// A pre-signed URL: whoever has it may download, until it expires.
///
/// Its `Debug` leaves out the query, which holds the signature.
#[derive(Clone)]
pub struct SignedUrl {
    url: String,
    expires_at: Option<SystemTime>,
}

impl SignedUrl {
    /// Takes a URL from a service, and when it expires, where that is known.
    pub fn new(url: impl Into<String>, expires_at: Option<SystemTime>) -> Self {
        Self {
            url: url.into(),
            expires_at,
        }
    }

    /// The URL with its signature: for whoever is to download, and for no log.
    pub fn reveal(&self) -> &str {
        &self.url
    }

    /// When it expires, where that is known.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    pub(crate) fn has_expired(&self, now: SystemTime) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = self.url.split(['?', '#']).next().unwrap_or_default();
        write!(f, "SignedUrl({open}?[redacted])")
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
    fn a_signed_url_shows_no_signature_and_expires() {
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
    fn a_key_is_trimmed_checked_and_never_shown() {
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
