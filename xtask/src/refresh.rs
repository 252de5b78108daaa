//! `refresh-spec`: fetch, derive, compare, try, replace; or check that nothing needs it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::Value;

use crate::{
    Error, Result,
    derive::{self, Derived},
    diff::{self, Class, Diff, Side},
    fetch::{self, Fetched},
    guard, lock,
    lower::walk,
    overlay, replace, trial,
};

const UPSTREAM: &str = "upstream.json";
const OVERLAY: &str = "overlay.json";
const DERIVED: &str = "openapi.json";
const LEDGER: &str = "ledger.json";
const ALPHA: &str = "alpha.json";

/// Where the next document comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A URL, fetched conditionally.
    Url(String),
    /// A file of any name.
    File(PathBuf),
}

/// What a refresh is to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the next document comes from.
    pub source: Source,
    /// The date for `spec.lock`.
    pub now: SystemTime,
    /// Fetch, derive and compare, and change nothing.
    pub is_dry: bool,
    /// Compile the crate in a copy below this directory first.
    pub trial: Option<PathBuf>,
    /// Take a document that breaks what worked.
    pub allows_breaking: bool,
    /// Drop what upstream has made redundant from the overlay.
    pub accepts: bool,
}

/// What a refresh did or, when dry or refused, would do.
#[derive(Debug)]
pub struct Report {
    /// The files whose bytes changed.
    pub changed: Vec<String>,
    /// What changed, at three levels.
    pub diff: Diff,
    /// What a maintainer should look at.
    pub warnings: Vec<String>,
    /// What `--accept` has dropped from the overlay.
    pub dropped: Vec<String>,
    /// How many operations the derived document has.
    pub operations: usize,
    /// Each lowering rule with the number of its rewrites.
    pub rewrites: Vec<(&'static str, usize)>,
    /// Why nothing was changed after all: the new document breaks what worked.
    pub refusal: Option<Error>,
}

/// Fetches, derives, compares, tries the crate, and replaces all files together.
///
/// Bytes that are the present document's leave `spec.lock` alone, so such a refresh writes only
/// what the overlay or the rules have changed since.
///
/// # Errors
/// Any step fails; then no file has been touched.
pub fn refresh(root: &Path, options: &Options) -> Result<Report> {
    let directory = root.join("openapi");
    replace::recover(&directory)?;
    let mut overlay = read(&directory, OVERLAY)?;
    let present = fs::read(directory.join(UPSTREAM)).ok();
    let lock = lock::read(&directory);
    let (bytes, etag) = obtain(&options.source, present.as_deref(), &lock)?;
    let mut files = Vec::new();
    let mut dropped = Vec::new();
    if options.accepts {
        (overlay, dropped) = accepted(&bytes, &overlay)?;
        files.push((OVERLAY, overlay.clone()));
    }
    let derived = derive::derive(&bytes, &overlay)?;
    let mut diff = compare(&directory, present.as_deref(), &overlay, &derived);
    diff.version = diff::present_version(root);

    files.push((DERIVED, derived.to_text().into_bytes()));
    files.push((LEDGER, derived.ledger.to_text().into_bytes()));
    if present.as_ref() != Some(&bytes) || lock.is_null() {
        let source = name_of(&options.source);
        files.push((
            lock::NAME,
            lock::text(&source, etag.as_deref(), &bytes, options.now),
        ));
        files.push((UPSTREAM, bytes));
    }
    let refusal = (diff.class() == Class::Major && !options.allows_breaking).then(|| {
        Error::breaking(format!(
            "the new document {}; `--allow-breaking` takes it all the same",
            diff.summary()
        ))
    });
    let changed = if options.is_dry || refusal.is_some() {
        let differs = |(name, bytes): &&(&str, Vec<u8>)| !is_same(&directory.join(name), bytes);
        files
            .iter()
            .filter(differs)
            .map(|(name, _)| (*name).to_owned())
            .collect()
    } else {
        let text = derived.to_text();
        if let Some(target) = &options.trial
            && !is_same(&directory.join(DERIVED), text.as_bytes())
        {
            trial::build(root, &text, target)?;
        }
        replace::all(&directory, &files)?
    };
    Ok(Report {
        changed,
        diff,
        operations: walk::operations(&derived.document).len(),
        rewrites: derived.ledger.counts(),
        warnings: derived.warnings,
        dropped,
        refusal,
    })
}

fn is_same(path: &Path, bytes: &[u8]) -> bool {
    fs::read(path).is_ok_and(|present| present == bytes)
}

/// The overlay without what upstream has made redundant.
fn accepted(upstream: &[u8], overlay: &[u8]) -> Result<(Vec<u8>, Vec<String>)> {
    let document = derive::parse_upstream(upstream)?;
    let before = derive::parse_overlay(overlay)?;
    let (after, dropped) = overlay::without_redundant(&document, &before)?;
    if after == before {
        return Ok((overlay.to_vec(), dropped));
    }
    Ok((format!("{after:#}\n").into_bytes(), dropped))
}

/// Compares what is in place with what is derived; a tree without a derived document has nothing
/// that could break.
fn compare(directory: &Path, upstream: Option<&[u8]>, overlay: &[u8], after: &Derived) -> Diff {
    let json = |name: &str| -> Value {
        fs::read(directory.join(name))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or(Value::Null)
    };
    let (document, ledger) = (json(DERIVED), json(LEDGER));
    if document.is_null() {
        return Diff::default();
    }
    let after_ledger: Value = serde_json::from_str(&after.ledger.to_text()).unwrap_or(Value::Null);
    // Without the document that the present one came from, the wire has nothing to compare.
    let wire = upstream.map_or_else(|| after.wire.clone(), |bytes| derive::wire(bytes, overlay));
    let code = guard::client(&document).unwrap_or_default();
    Diff::between(
        Side {
            wire: &wire,
            derived: &document,
            ledger: &ledger,
            code: &code,
        },
        Side {
            wire: &after.wire,
            derived: &after.document,
            ledger: &after_ledger,
            code: &after.code.client,
        },
    )
}

/// Verifies, with no network, that every derived file is what its inputs derive, and that the
/// generator takes the early-access API's document.
///
/// # Errors
/// An input is refused, or a file is stale.
pub fn check(root: &Path) -> Result<Derived> {
    let directory = root.join("openapi");
    replace::recover(&directory)?;
    let upstream = read(&directory, UPSTREAM)?;
    let derived = derive::derive(&upstream, &read(&directory, OVERLAY)?)?;
    for (name, text) in [
        (DERIVED, derived.to_text()),
        (LEDGER, derived.ledger.to_text()),
    ] {
        if fs::read(directory.join(name)).ok().as_deref() != Some(text.as_bytes()) {
            return Err(Error::stale(format!(
                "openapi/{name} is not what upstream.json and overlay.json derive; run `cargo xtask \
                 refresh-spec --file openapi/upstream.json` and commit the result"
            )));
        }
    }
    if lock::read(&directory)["sha256"] != lock::sha256(&upstream) {
        return Err(Error::stale(
            "openapi/spec.lock does not hold the sha256 of upstream.json; upstream.json changes only \
             by `cargo xtask refresh-spec`",
        ));
    }
    check_alpha(&read(&directory, ALPHA)?)
        .map_err(|error| Error::refused(format!("openapi/{ALPHA}: {error}")))?;
    Ok(derived)
}

/// Tries the generator on the document that is written by hand.
fn check_alpha(text: &[u8]) -> Result<()> {
    let document = serde_json::from_slice(text);
    let document = document.map_err(|error| Error::refused(format!("not JSON: {error}")))?;
    guard::generate(&document).map(drop)
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
    let held = present.filter(|bytes| {
        lock["source"] == address.as_str() && lock["sha256"] == lock::sha256(bytes)
    });
    let etag = held.and(lock["etag"].as_str());
    match (fetch::url(address, etag)?, held) {
        (Fetched::Document { bytes, etag }, _) => Ok((bytes, etag)),
        (Fetched::NotModified, Some(bytes)) => Ok((bytes.to_vec(), etag.map(str::to_owned))),
        (Fetched::NotModified, None) => Err(Error::network(format!(
            "{address} returned 304 to a request without a condition"
        ))),
    }
}

fn read(directory: &Path, name: &str) -> Result<Vec<u8>> {
    fs::read(directory.join(name))
        .map_err(|error| Error::refused(format!("cannot read openapi/{name}: {error}")))
}

/// A URL as it is; of a file its name only, since its directory means nothing elsewhere.
fn name_of(source: &Source) -> String {
    match source {
        Source::Url(address) => address.clone(),
        Source::File(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy());
            format!("file:{}", name.unwrap_or_default())
        }
    }
}
