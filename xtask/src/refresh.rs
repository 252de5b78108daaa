//! `refresh-spec`: fetch, derive, guard, replace; or check that nothing needs it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{
    Error, Result,
    derive::{self, Derived},
    fetch::{self, Fetched},
    lower::walk,
    replace,
};

const UPSTREAM: &str = "upstream.json";
const OVERLAY: &str = "overlay.json";
const DERIVED: &str = "openapi.json";
const LEDGER: &str = "ledger.json";
const LOCK: &str = "spec.lock";

/// Where the next document comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A URL, fetched conditionally.
    Url(String),
    /// A file of any name.
    File(PathBuf),
}

/// What a refresh did or, when dry, would do.
#[derive(Debug)]
pub struct Report {
    /// The files whose bytes changed.
    pub changed: Vec<String>,
    /// What changed in the derived document, a line each.
    pub differences: Vec<String>,
    /// What a maintainer should look at.
    pub warnings: Vec<String>,
    /// How many operations the derived document has.
    pub operations: usize,
    /// Each lowering rule with the number of its rewrites.
    pub rewrites: Vec<(&'static str, usize)>,
}

/// Fetches, derives, tries the generator, and replaces all files together.
///
/// Bytes that are the present document's leave `spec.lock` alone, so such a refresh writes only
/// what the overlay or the rules have changed since.
///
/// # Errors
/// Any step fails; then no file has been touched.
pub fn refresh(root: &Path, source: &Source, now: SystemTime, dry: bool) -> Result<Report> {
    let folder = root.join("openapi");
    replace::recover(&folder)?;
    let overlay = read(&folder, OVERLAY)?;
    let present = fs::read(folder.join(UPSTREAM)).ok();
    let lock = lock_of(&folder);
    let (bytes, etag) = obtain(source, present.as_deref(), &lock)?;
    let derived = derive::derive(&bytes, &overlay)?;

    let before = fs::read(folder.join(DERIVED))
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or(Value::Null);
    let mut files = vec![
        (DERIVED, derived.to_text().into_bytes()),
        (LEDGER, derived.ledger.to_text().into_bytes()),
    ];
    if present.as_ref() != Some(&bytes) || lock.is_null() {
        let lock = json!({
            "source": name_of(source),
            "etag": etag,
            "sha256": sha256(&bytes),
            "date": date(now),
        });
        files.push((LOCK, pretty(&lock)));
        files.push((UPSTREAM, bytes));
    }
    let changed = if dry {
        files
            .iter()
            .filter(|(name, bytes)| fs::read(folder.join(name)).ok().as_ref() != Some(bytes))
            .map(|(name, _)| (*name).to_owned())
            .collect()
    } else {
        replace::all(&folder, &files)?
    };
    Ok(Report {
        changed,
        differences: differences(&before, &derived.document),
        operations: walk::operations(&derived.document).len(),
        rewrites: derived.ledger.counts(),
        warnings: derived.warnings,
    })
}

/// Verifies, with no network, that every derived file is what its inputs derive.
///
/// # Errors
/// An input is refused, or a file is stale.
pub fn check(root: &Path) -> Result<Derived> {
    let folder = root.join("openapi");
    replace::recover(&folder)?;
    let upstream = read(&folder, UPSTREAM)?;
    let derived = derive::derive(&upstream, &read(&folder, OVERLAY)?)?;
    for (name, text) in [
        (DERIVED, derived.to_text()),
        (LEDGER, derived.ledger.to_text()),
    ] {
        if fs::read(folder.join(name)).ok().as_deref() != Some(text.as_bytes()) {
            return Err(Error::stale(format!(
                "openapi/{name} is not what upstream.json and overlay.json derive; run `cargo xtask \
                 refresh-spec --file openapi/upstream.json` and commit the result"
            )));
        }
    }
    if lock_of(&folder)["sha256"] != sha256(&upstream) {
        return Err(Error::stale(
            "openapi/spec.lock does not hold the sha256 of upstream.json; upstream.json changes only \
             by `cargo xtask refresh-spec`",
        ));
    }
    Ok(derived)
}

/// The document's bytes and their `ETag`.
fn obtain(
    source: &Source,
    present: Option<&[u8]>,
    lock: &Value,
) -> Result<(Vec<u8>, Option<String>)> {
    let address = match source {
        Source::File(path) => return Ok((fetch::file(path)?, None)),
        Source::Url(address) => address,
    };
    // An ETag speaks of the bytes we hold only if they are the ones that came with it.
    let held = present
        .filter(|bytes| lock["source"] == address.as_str() && lock["sha256"] == sha256(bytes));
    let etag = held.and(lock["etag"].as_str());
    match (fetch::url(address, etag)?, held) {
        (Fetched::Document { bytes, etag }, _) => Ok((bytes, etag)),
        (Fetched::NotModified, Some(bytes)) => Ok((bytes.to_vec(), etag.map(str::to_owned))),
        (Fetched::NotModified, None) => Err(Error::network(format!(
            "{address} answered 304 to a request without a condition"
        ))),
    }
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>> {
    fs::read(folder.join(name))
        .map_err(|error| Error::refused(format!("cannot read openapi/{name}: {error}")))
}

/// The lock, or null when there is none that can be read.
fn lock_of(folder: &Path) -> Value {
    fs::read(folder.join(LOCK))
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or(Value::Null)
}

/// A URL as it is; of a file its name only, since its folder means nothing elsewhere.
fn name_of(source: &Source) -> String {
    match source {
        Source::Url(address) => address.clone(),
        Source::File(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy());
            format!("file:{}", name.unwrap_or_default())
        }
    }
}

fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// The digest in the form of `sha256sum`.
fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes any text");
            text
        })
}

/// The day in UTC as `YYYY-MM-DD`.
fn date(now: SystemTime) -> String {
    let seconds = now
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    // Howard Hinnant's civil_from_days, for days after 1970.
    let days = seconds / 86_400 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Operations and types that were added, removed or changed.
fn differences(before: &Value, after: &Value) -> Vec<String> {
    let mut lines = compare("operation", &operations(before), &operations(after));
    lines.extend(compare("type", &types(before), &types(after)));
    lines
}

fn operations(document: &Value) -> BTreeMap<String, Value> {
    walk::operations(document)
        .into_iter()
        .filter_map(|operation| {
            let value = document.pointer(&operation.pointer)?;
            let name = value["operationId"].as_str()?.to_owned();
            let wire = json!([operation.method, operation.path, value]);
            Some((name, wire))
        })
        .collect()
}

fn types(document: &Value) -> BTreeMap<String, Value> {
    let empty = Map::new();
    document["components"]["schemas"]
        .as_object()
        .unwrap_or(&empty)
        .iter()
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect()
}

fn compare(
    kind: &str,
    before: &BTreeMap<String, Value>,
    after: &BTreeMap<String, Value>,
) -> Vec<String> {
    let removed = before
        .keys()
        .filter(|name| !after.contains_key(*name))
        .map(|name| format!("- {kind} {name}"));
    let rest = after
        .iter()
        .filter_map(|(name, value)| match before.get(name) {
            None => Some(format!("+ {kind} {name}")),
            Some(old) if old != value => Some(format!("~ {kind} {name}")),
            Some(_) => None,
        });
    removed.chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_that_of_the_day_in_utc() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_799, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_735_689_599, "2024-12-31"),
            (1_735_689_600, "2025-01-01"),
            (4_102_444_800, "2100-01-01"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn a_digest_is_written_as_sha256sum_does() {
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
