//! Response headers about time and the rate limit.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName};

/// `Date` has whole seconds and is as old as the response was in transit. This machine's clock is
/// preferred if it differs by no more than this.
const DATE_PRECISION: Duration = Duration::from_secs(2);

/// A reset below this is a number of seconds from now, not a Unix time: 30 years.
const LEAST_EPOCH: f64 = 1e9;

/// A reset above this is in milliseconds: in seconds it would be the year 5138.
const LEAST_EPOCH_MILLISECONDS: f64 = 1e11;

/// The names of limit, remaining and reset: Gizmo's, and those of the early IETF drafts.
const RATE_LIMIT: [[HeaderName; 3]; 2] = [
    [
        HeaderName::from_static("x-ratelimit-limit"),
        HeaderName::from_static("x-ratelimit-remaining"),
        HeaderName::from_static("x-ratelimit-reset"),
    ],
    [
        HeaderName::from_static("ratelimit-limit"),
        HeaderName::from_static("ratelimit-remaining"),
        HeaderName::from_static("ratelimit-reset"),
    ],
];

/// The header of the current IETF draft: `"default";r=50;t=30`.
const STRUCTURED: HeaderName = HeaderName::from_static("ratelimit");

/// Returns the service's time of the response: this machine's, unless `Date` contradicts it.
// Assumption: date-header.
pub(crate) fn server_now(headers: &HeaderMap, now: SystemTime) -> SystemTime {
    let date = text(headers, &DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    match date {
        Some(date) if now < date || now > date + DATE_PRECISION => date,
        _ => now,
    }
}

/// Reads `Retry-After`: seconds, with or without a fraction, or a date in any of HTTP's three forms ([RFC 9110,
/// section 10.2.3][rfc]).
///
/// [rfc]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
// Assumption: rate-limit-retry-after.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = text(headers, &RETRY_AFTER)?;
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(until(date, headers, now))
}

/// The rate limit of a key in the current window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimit {
    pub(crate) limit: Option<u64>,
    pub(crate) remaining: u64,
    pub(crate) resets_in: Duration,
}

/// Reads the rate limit: `X-RateLimit-Limit`, `-Remaining` and `-Reset`, the same names without `X-`, or
/// `RateLimit` of the [IETF draft][draft].
///
/// [draft]: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
// Assumption: rate-limit-headers.
pub(crate) fn rate_limit(headers: &HeaderMap, now: SystemTime) -> Option<RateLimit> {
    let by_name = RATE_LIMIT.iter().find_map(|[limit, remaining, reset]| {
        Some(RateLimit {
            limit: text(headers, limit).and_then(count),
            remaining: count(text(headers, remaining)?)?,
            resets_in: resets_in(text(headers, reset)?, headers, now)?,
        })
    });
    by_name.or_else(|| structured(text(headers, &STRUCTURED)?))
}

/// Reads a reset: Unix seconds, Unix milliseconds, seconds from now, or a time in ISO 8601.
// Assumption: rate-limit-reset-unix.
fn resets_in(reset: &str, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let Ok(number) = reset.parse::<f64>() else {
        let time = reset.parse::<jiff::Timestamp>().ok()?;
        return Some(until(SystemTime::from(time), headers, now));
    };
    let seconds = if number >= LEAST_EPOCH_MILLISECONDS {
        number / 1e3
    } else {
        number
    };
    let duration = Duration::try_from_secs_f64(seconds).ok()?;
    Some(if number < LEAST_EPOCH {
        duration
    } else {
        until(UNIX_EPOCH.checked_add(duration)?, headers, now)
    })
}

/// Reads `"default";r=50;t=30`: of several limits the one with the fewest requests left.
fn structured(text: &str) -> Option<RateLimit> {
    let limits = text.split(',').filter_map(|limit| {
        let parameter = |name: &str| {
            let mut parameters = limit.split(';').skip(1).map(str::trim);
            let value = parameters.find_map(|one| one.strip_prefix(name)?.strip_prefix('='))?;
            count(value)
        };
        Some(RateLimit {
            limit: None,
            remaining: parameter("r")?,
            resets_in: Duration::from_secs(parameter("t")?),
        })
    });
    limits.min_by_key(|limit| limit.remaining)
}

/// A number of requests. A service that counts in floats may write `99.0`.
fn count(text: &str) -> Option<u64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = text.parse().ok().filter(|number| *number >= 0.0)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, and text that is not a number was rejected"
    )]
    let number = number as u64;
    Some(number)
}

/// The time from the response to a moment of the service's clock.
fn until(moment: SystemTime, headers: &HeaderMap, now: SystemTime) -> Duration {
    moment
        .duration_since(server_now(headers, now))
        .unwrap_or_default()
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    Some(headers.get(name)?.to_str().ok()?.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-06-08 00:00:00 UTC.
    const MIDNIGHT: u64 = 1_717_804_800;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    value.parse().expect("a header value"),
                )
            })
            .collect()
    }

    fn at(seconds: f64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn retry_after_is_read_in_every_form() {
        let now = UNIX_EPOCH + Duration::from_secs(MIDNIGHT);
        for (text, expected) in [
            ("0", Some(0.0)),
            ("120", Some(120.0)),
            (" 1.5 ", Some(1.5)),
            ("Sat, 08 Jun 2024 00:01:30 GMT", Some(90.0)),
            ("Saturday, 08-Jun-24 00:01:30 GMT", Some(90.0)),
            ("Sat Jun  8 00:01:30 2024", Some(90.0)),
            ("Fri, 07 Jun 2024 23:00:00 GMT", Some(0.0)),
            ("-1", None),
            ("inf", None),
            ("NaN", None),
            ("1e300", None),
            ("soon", None),
            ("", None),
        ] {
            let read = retry_after(&headers(&[("retry-after", text)]), now);
            assert_eq!(read.map(|wait| wait.as_secs_f64()), expected, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_skewed_clock_is_corrected_by_the_responses_date() {
        let midnight = 1_717_804_800.0;
        let headers = headers(&[
            ("date", "Sat, 08 Jun 2024 00:00:00 GMT"),
            ("retry-after", "Sat, 08 Jun 2024 00:00:30 GMT"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1717804830"),
        ]);
        for (now, resets_in) in [
            // Consistent with `Date`, so its fraction is used.
            (midnight + 0.75, 29.25),
            (midnight + 2.0, 28.0),
            // Behind and ahead: the wait is never too short.
            (midnight - 0.5, 30.0),
            (midnight - 3_600.0, 30.0),
            (midnight + 2.5, 30.0),
            (midnight + 86_400.0, 30.0),
        ] {
            let expected = Duration::from_secs_f64(resets_in);
            assert_eq!(retry_after(&headers, at(now)), Some(expected), "{now}");
            assert_eq!(
                rate_limit(&headers, at(now)).map(|it| it.resets_in),
                Some(expected)
            );
        }
    }

    #[test]
    fn a_reset_is_read_in_every_form() {
        let now = UNIX_EPOCH + Duration::from_secs(MIDNIGHT);
        for (limit, remaining, reset, expected) in [
            ("100", "7", "1717804860", Some((Some(100), 7, 60.0))),
            ("100", "7", "1717804860500", Some((Some(100), 7, 60.5))),
            ("100", "7", "60", Some((Some(100), 7, 60.0))),
            ("100", "7", "0.5", Some((Some(100), 7, 0.5))),
            ("100", "0", "1717804000", Some((Some(100), 0, 0.0))),
            ("many", "7", "60", Some((None, 7, 60.0))),
            ("100", "-1", "60", None),
            ("100", "NaN", "60", None),
            ("100", "7", "-60", None),
            ("100", "7", "NaN", None),
            ("100", "7", "1e300", None),
            ("100", "", "60", None),
        ] {
            let headers = headers(&[
                ("x-ratelimit-limit", limit),
                ("x-ratelimit-remaining", remaining),
                ("x-ratelimit-reset", reset),
            ]);
            let read = rate_limit(&headers, now)
                .map(|read| (read.limit, read.remaining, read.resets_in.as_secs_f64()));
            assert_eq!(read, expected, "{limit} {remaining} {reset}");
        }
        assert_eq!(rate_limit(&HeaderMap::new(), now), None);
        for (pairs, expected) in [
            (
                &[
                    ("ratelimit-limit", "100"),
                    ("ratelimit-remaining", "7"),
                    ("ratelimit-reset", "30"),
                ][..],
                Some((7, 30)),
            ),
            (
                &[
                    ("x-ratelimit-remaining", "7"),
                    ("x-ratelimit-reset", "2024-06-08T00:00:30Z"),
                ],
                Some((7, 30)),
            ),
            (&[("ratelimit", "\"default\";r=7;t=30")], Some((7, 30))),
            (
                &[("ratelimit", "\"hour\";r=90;t=900, \"minute\"; r=7; t=30")],
                Some((7, 30)),
            ),
            (&[("ratelimit", "limit=100, remaining=7")], None),
            (&[("ratelimit", "\"default\";r=;t=30")], None),
        ] {
            let read = rate_limit(&headers(pairs), now)
                .map(|read| (read.remaining, read.resets_in.as_secs()));
            assert_eq!(read, expected, "{pairs:?}");
        }
    }
}
