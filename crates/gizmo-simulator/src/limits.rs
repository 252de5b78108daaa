//! Authentication and rate limits.

use std::collections::HashMap;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::options::{Options, ResetForm};
use crate::record::ReportedLimit;
use crate::response::Refusal;

/// The current window of one key.
#[derive(Debug, Clone, Copy)]
struct Window {
    ends: Instant,
    used: u32,
}

/// Counts the requests of each key in windows of fixed length.
#[derive(Debug)]
pub(crate) struct Limits {
    limit: u32,
    length: Duration,
    form: ResetForm,
    windows: HashMap<String, Window>,
}

/// The rate limit of a key, which every response reports.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RateLimit {
    limit: u32,
    remaining: u32,
    resets_in: Duration,
    form: ResetForm,
    exceeded: bool,
}

impl Limits {
    pub(crate) fn new(options: &Options, clock: &Clock) -> Self {
        let length = clock.scaled_at_least(options.rate_window);
        Self {
            limit: options.rate_limit,
            length,
            form: options.rate_reset,
            windows: HashMap::new(),
        }
    }

    /// Counts a request of this key. For a request without a key, it only returns the limit.
    pub(crate) fn count(&mut self, key: Option<&str>) -> RateLimit {
        let (limit, form) = (self.limit, self.form);
        let Some(key) = key else {
            return RateLimit {
                limit,
                remaining: limit,
                resets_in: self.length,
                form,
                exceeded: false,
            };
        };
        let now = Instant::now();
        let fresh = Window {
            ends: now + self.length,
            used: 0,
        };
        let window = self.windows.entry(key.to_owned()).or_insert(fresh);
        if window.ends <= now {
            *window = fresh;
        }
        let exceeded = window.used >= limit;
        if !exceeded {
            window.used += 1;
        }
        RateLimit {
            limit,
            remaining: limit - window.used,
            resets_in: window.ends - now,
            form,
            exceeded,
        }
    }

    /// Uses up the key's current window, as another process with the same key would.
    pub(crate) fn exhaust(&mut self, key: &str) {
        self.count(Some(key));
        if let Some(window) = self.windows.get_mut(key) {
            window.used = self.limit;
        }
    }
}

impl RateLimit {
    pub(crate) fn reported(&self) -> ReportedLimit {
        ReportedLimit {
            remaining: self.remaining,
            resets_at: Instant::now() + self.resets_in,
            is_refused: self.exceeded,
        }
    }

    /// Refuses the request if the window is used up.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if !self.exceeded {
            return Ok(());
        }
        let message = format!("Rate limit of {} requests exceeded", self.limit);
        let mut refusal = Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limit_exceeded",
            message,
        );
        refusal.retry_after = Some(seconds_up(self.resets_in));
        Err(refusal)
    }

    /// Sets the `X-RateLimit-*` headers.
    pub(crate) fn write(&self, headers: &mut HeaderMap, clock: &Clock) {
        let reset = match self.form {
            // Assumption: rate-limit-reset-unix.
            ResetForm::EpochSeconds => seconds_up(clock.now() + self.resets_in),
            ResetForm::EpochMilliseconds => {
                u64::try_from((clock.now() + self.resets_in).as_millis()).unwrap_or(u64::MAX) + 1
            }
            ResetForm::SecondsFromNow => seconds_up(self.resets_in),
        };
        // Assumption: rate-limit-headers.
        headers.insert("x-ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(self.remaining));
        headers.insert("x-ratelimit-reset", HeaderValue::from(reset));
    }
}

/// Returns a duration in seconds, rounded up.
fn seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// Returns the valid API key or service token of a request. A request must not carry both.
pub(crate) fn credential(
    headers: &HeaderMap,
    api_keys: &[&str],
    service_token: &str,
) -> Result<String, Refusal> {
    let text = |name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or_default())
    };
    let refuse = |message: &str| {
        Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "authentication_required",
            message,
        ))
    };
    match (text("authorization"), text("x-gizmo-service-token")) {
        (None, None) => refuse("Authentication required: send an API key"),
        (Some(_), Some(_)) => refuse("Send either an API key or a service token, not both"),
        (Some(value), None) => match value.split_once(' ') {
            Some((scheme, key))
                if scheme.eq_ignore_ascii_case("bearer") && api_keys.contains(&key) =>
            {
                Ok(key.to_owned())
            }
            _ => refuse("The API key is not valid"),
        },
        (None, Some(token)) if token == service_token => Ok(token.to_owned()),
        (None, Some(_)) => refuse("The service token is not valid"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_are_refused_until_a_used_up_window_ends() {
        let clock = Clock::new(60.0, 0);
        let mut limits = Limits::new(
            &Options::default().with_speed(60.0).with_rate_limit(2),
            &clock,
        );
        assert!(limits.count(Some("a")).check().is_ok());
        assert_eq!(limits.count(Some("a")).remaining, 0);
        assert_eq!(
            limits.count(Some("a")).check().unwrap_err().retry_after,
            Some(1)
        );
        assert!(limits.count(Some("b")).check().is_ok());
        assert!(limits.count(None).check().is_ok());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(limits.count(Some("a")).check().is_ok());
        limits.exhaust("a");
        assert!(limits.count(Some("a")).check().is_err());
    }

    #[test]
    fn a_request_must_carry_exactly_one_valid_credential() {
        for (authorization, token, ok) in [
            (Some("Bearer k"), None, true),
            (Some("bearer k"), None, true),
            (None, Some("t"), true),
            (Some("Bearer k"), Some("t"), false),
            (Some("k"), None, false),
            (Some("Bearer t"), None, false),
            (None, Some("k"), false),
            (None, None, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = authorization {
                headers.insert("authorization", value.parse().unwrap());
            }
            if let Some(value) = token {
                headers.insert("x-gizmo-service-token", value.parse().unwrap());
            }
            assert_eq!(credential(&headers, &["k"], "t").is_ok(), ok, "{headers:?}");
        }
    }
}
