//! Checks of refusals, and of what every response has.

use serde_json::Value;

use super::{Check, kind};
use crate::evidence::{Evidence, Seen};
use crate::note;
use crate::tally::Tally;

pub(super) const CHECKS: &[Check] = &[
    ("error-envelope", envelope),
    ("error-validation", validation),
    ("error-detail-text", detail_text),
    ("error-not-found", not_found),
    ("error-rate-limit-exceeded", rate_limited),
    ("error-from-service", from_service),
    ("error-request-id", request_id),
    ("no-redirects", no_redirects),
    ("rate-limit-headers", limit_headers),
    ("rate-limit-reset-unix", reset),
    ("rate-limit-minute", minute),
    ("rate-limit-hundred", hundred),
    ("rate-limit-per-key", per_key),
    ("rate-limit-retry-after", retry_after),
    ("date-header", date),
];

/// The longest window of the rate limit, in seconds, with the imprecision of `Date`.
const WINDOW: f64 = 62.0;

/// The largest deviation of a reset from the time of its response, in seconds. A day covers every window.
const DAY: f64 = 86_400.0;

/// The notes of requests that the framework refuses, not the service.
const OF_FRAMEWORK: [&str; 5] = [
    note::NO_ROUTE,
    note::WRONG_METHOD,
    note::INVALID_LIMIT,
    note::INVALID_FORMAT,
    note::TOO_LARGE,
];

fn errors(evidence: &Evidence) -> impl Iterator<Item = Seen<'_>> {
    of_service(evidence).filter(|seen| seen.status() >= 400)
}

/// Whether a response is the service's own: not that of another host.
fn of_service(evidence: &Evidence) -> impl Iterator<Item = Seen<'_>> {
    let is_own = |seen: &Seen<'_>| seen.exchange.request.target.starts_with('/');
    evidence.seen().filter(is_own)
}

fn envelope(evidence: &Evidence, tally: &mut Tally) {
    for seen in errors(evidence) {
        // 422 has a form of its own, and the early-access API as well.
        let is_other = OF_FRAMEWORK.contains(&seen.note())
            || seen.note() == note::EARLY_ACCESS
            || seen.status() == 422;
        if is_other {
            continue;
        }
        let Some(body) = seen.json() else {
            tally.fails(seen, "", "not JSON");
            continue;
        };
        for (name, holds) in [
            ("code", body["error"]["code"].is_string()),
            ("message", body["error"]["message"].is_string()),
            (
                "status",
                body["error"]["status"].as_u64() == Some(u64::from(seen.status())),
            ),
        ] {
            let pointer = format!("/error/{name}");
            let found = match body.pointer(&pointer) {
                None if name == "code" => members(body),
                found => kind(found),
            };
            tally.expect(holds, seen, &pointer, found);
        }
    }
}

/// Names the members of an object.
fn members(value: &Value) -> String {
    let names = value.as_object().map(|map| {
        let names: Vec<_> = map.keys().take(10).map(String::as_str).collect();
        format!("the members {}", names.join(", "))
    });
    names.unwrap_or_else(|| kind(Some(value)))
}

fn validation(evidence: &Evidence, tally: &mut Tally) {
    for note in [note::INVALID_LIMIT, note::INVALID_FORMAT] {
        for seen in evidence.noted(note) {
            if seen.status() != 422 {
                tally.expect_status(false, seen);
                continue;
            }
            let detail = seen.json().and_then(|body| body.get("detail"));
            let Some(details) = detail.and_then(Value::as_array) else {
                tally.fails(seen, "/detail", kind(detail));
                continue;
            };
            for (index, one) in details.iter().enumerate() {
                for (name, holds) in [
                    ("loc", one["loc"].is_array()),
                    ("msg", one["msg"].is_string()),
                    ("type", one["type"].is_string()),
                ] {
                    let place = format!("/detail/{index}/{name}");
                    tally.expect(holds, seen, &place, kind(one.get(name)));
                }
            }
        }
    }
}

fn detail_text(evidence: &Evidence, tally: &mut Tally) {
    for seen in evidence
        .noted(note::NO_ROUTE)
        .chain(evidence.noted(note::WRONG_METHOD))
    {
        let detail = seen.json().and_then(|body| body.get("detail"));
        let holds = detail.is_some_and(Value::is_string);
        let found = match seen.json() {
            Some(body) if detail.is_none() => members(body),
            _ => kind(detail),
        };
        tally.expect(holds, seen, "/detail", found);
    }
}

fn not_found(evidence: &Evidence, tally: &mut Tally) {
    for seen in evidence.noted(note::UNKNOWN_ID) {
        let is_read = seen.exchange.request.method == "GET";
        if is_read {
            tally.expect_status(seen.status() == 404, seen);
        }
    }
}

fn rate_limited(evidence: &Evidence, tally: &mut Tally) {
    for seen in errors(evidence) {
        let code = seen.json().and_then(|body| body.pointer("/error/code"));
        let is_named = code.and_then(Value::as_str) == Some("rate_limit_exceeded");
        if seen.status() == 429 {
            tally.expect(is_named, seen, "/error/code", kind(code));
        } else if is_named {
            tally.expect_status(false, seen);
        }
    }
}

fn from_service(evidence: &Evidence, tally: &mut Tally) {
    for seen in errors(evidence) {
        let body = seen.body();
        let has_code = body["error"]["code"].is_string() || body["code"].is_string();
        let is_temporary = matches!(seen.status(), 429 | 500..);
        let holds = has_code || (!is_temporary && body.get("detail").is_some());
        let found = match seen.json() {
            Some(body) => members(body),
            None => "not JSON".to_owned(),
        };
        tally.expect(holds, seen, "", found);
    }
}

fn request_id(evidence: &Evidence, tally: &mut Tally) {
    const NAMES: [&str; 4] = ["x-request-id", "request-id", "x-correlation-id", "cf-ray"];
    for seen in of_service(evidence) {
        let holds = NAMES.iter().any(|name| seen.header(name).is_some());
        let others = names(seen, "id");
        tally.expect(holds, seen, "x-request-id", others);
    }
}

/// Names the headers of a response whose names contain a word.
fn names(seen: Seen<'_>, word: &str) -> String {
    let headers = seen.response.headers.iter().map(|(name, _)| name.as_str());
    let found: Vec<_> = headers
        .filter(|name| name.split('-').any(|part| part.contains(word)))
        .collect();
    if found.is_empty() {
        return "nothing like it".to_owned();
    }
    found.join(", ")
}

fn no_redirects(evidence: &Evidence, tally: &mut Tally) {
    for seen in of_service(evidence) {
        let may_redirect = matches!(
            seen.operation(),
            "export_scene" | "export_asset" | "job_events"
        ) || matches!(seen.note(), note::FILE | note::FILE_RANGE);
        if !may_redirect {
            let is_redirect = (300..400).contains(&seen.status());
            tally.expect_status(!is_redirect, seen);
        }
    }
}

fn number(seen: Seen<'_>, name: &str) -> Option<f64> {
    seen.header(name)?.trim().parse().ok()
}

/// The responses of operations. A file, the document or an unknown path may be served without a limit.
fn limited(evidence: &Evidence) -> impl Iterator<Item = Seen<'_>> {
    let is_limited = |seen: &Seen<'_>| {
        !seen.operation().is_empty() && !matches!(seen.note(), note::NO_KEY | note::WRONG_KEY)
    };
    of_service(evidence).filter(is_limited)
}

fn limit_headers(evidence: &Evidence, tally: &mut Tally) {
    for seen in limited(evidence) {
        for name in [
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "x-ratelimit-reset",
        ] {
            let found = match seen.header(name) {
                Some(value) => format!("`{value}`"),
                None => names(seen, "rate"),
            };
            tally.expect(number(seen, name).is_some(), seen, name, found);
        }
    }
}

/// The time of a response in Unix seconds: that of its `Date`, or of the client.
fn now(evidence: &Evidence, seen: Seen<'_>) -> f64 {
    let date = seen.header("date").and_then(http_date);
    date.unwrap_or_else(|| {
        #[expect(clippy::cast_precision_loss, reason = "Unix seconds are small")]
        let began_at = evidence.about.began_at as f64;
        began_at + seen.responded_at()
    })
}

fn http_date(date: &str) -> Option<f64> {
    let time = httpdate::parse_http_date(date).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(since.as_secs_f64())
}

fn reset(evidence: &Evidence, tally: &mut Tally) {
    for seen in limited(evidence) {
        if let Some(reset) = number(seen, "x-ratelimit-reset") {
            let distance = reset - now(evidence, seen);
            let holds = (-DAY..DAY).contains(&distance);
            tally.expect(holds, seen, "x-ratelimit-reset", format!("`{reset}`"));
        }
    }
}

fn minute(evidence: &Evidence, tally: &mut Tally) {
    for seen in limited(evidence) {
        if let Some(reset) = number(seen, "x-ratelimit-reset") {
            let distance = reset - now(evidence, seen);
            // A reset in another unit is the matter of another check.
            if (-DAY..DAY).contains(&distance) {
                let found = format!("a reset in {distance:.0} s");
                tally.expect(distance <= WINDOW, seen, "x-ratelimit-reset", found);
            }
        }
    }
}

/// Another limit does not contradict: each key has its own.
fn hundred(evidence: &Evidence, tally: &mut Tally) {
    if limited(evidence).any(|seen| number(seen, "x-ratelimit-limit") == Some(100.0)) {
        tally.holds();
    }
}

fn per_key(evidence: &Evidence, tally: &mut Tally) {
    let mut last: Option<(Seen<'_>, f64, f64)> = None;
    for seen in limited(evidence) {
        let (Some(remaining), Some(reset)) = (
            number(seen, "x-ratelimit-remaining"),
            number(seen, "x-ratelimit-reset"),
        ) else {
            continue;
        };
        if let Some((before, before_remaining, before_reset)) = last {
            let is_sequential = seen.exchange.sent_at >= before.responded_at();
            // A reset is rounded to seconds, so a window that is about to end may be the next one.
            let is_same_window =
                (reset - before_reset).abs() < f64::EPSILON && now(evidence, seen) + 2.0 < reset;
            if is_sequential && is_same_window && before.operation() != seen.operation() {
                let found = format!(
                    "`{remaining}` after `{before_remaining}` of {}",
                    before.operation()
                );
                let holds = remaining < before_remaining || before_remaining == 0.0;
                tally.expect(holds, seen, "x-ratelimit-remaining", found);
            }
        }
        last = Some((seen, remaining, reset));
    }
}

fn retry_after(evidence: &Evidence, tally: &mut Tally) {
    for seen in of_service(evidence).filter(|seen| seen.status() == 429) {
        let holds = ["retry-after", "x-ratelimit-reset"]
            .iter()
            .any(|name| seen.header(name).is_some());
        tally.expect(holds, seen, "retry-after", names(seen, "rate"));
    }
}

fn date(evidence: &Evidence, tally: &mut Tally) {
    for seen in of_service(evidence) {
        let date = seen.header("date");
        let found = date.map_or_else(|| "nothing".to_owned(), |date| format!("`{date}`"));
        tally.expect(date.and_then(http_date).is_some(), seen, "date", found);
    }
}
