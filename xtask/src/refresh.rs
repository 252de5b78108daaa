//! `refresh-spec`: fetches, derives, compares, runs the trial build and replaces the files, or
//! checks that they are up to date.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use openapi_lowering::{Class, Diff, Document, Ledger, LeftOut, Lowered, Side};
use serde_json::Value;

use crate::{
    Error, Result, derive,
    fetch::{self, Fetched},
    generator::Gizmo,
    handwritten, lock, replace, trial,
};

const UPSTREAM: &str = "upstream.json";
const OVERLAY: &str = "overlay.json";
const DERIVED: &str = "openapi.json";
const LEDGER: &str = "ledger.json";
const ALPHA: &str = "alpha.json";

/// The source of the new document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A URL. The request is conditional.
    Url(String),
    /// The path of a file.
    File(PathBuf),
}

/// The options of a refresh.
#[derive(Clone, Debug)]
pub struct Options {
    /// The source of the new document.
    pub source: Source,
    /// The time whose date is written to `spec.lock`.
    pub now: SystemTime,
    /// Fetch, derive and compare, but change nothing.
    pub is_dry: bool,
    /// The directory of the trial build. `None` skips it.
    pub trial: Option<PathBuf>,
    /// Accept a document that requires a major release.
    pub allows_breaking: bool,
    /// Remove the actions of the overlay that upstream has made redundant.
    pub accepts: bool,
}

/// The result of a refresh, or of a dry run.
#[derive(Debug)]
pub struct Report {
    /// The names of the files that changed or, after a dry run or a refusal, would change.
    pub changed: Vec<String>,
    /// The changes from the old document to the new one.
    pub diff: Diff,
    /// Differences between upstream and the overlay that a maintainer should check.
    pub warnings: Vec<String>,
    /// The removed actions of the overlay, one line each.
    pub dropped: Vec<String>,
    /// The number of operations in the derived document.
    pub operations: usize,
    /// What no rule could lower and the generator does not support.
    pub left_out: Vec<LeftOut>,
    /// The number of rewrites of each rule of lowering.
    pub rewrites: Vec<(String, usize)>,
    /// The error if the new document requires a major release and the options do not accept it. In
    /// this case, no file was changed.
    pub refusal: Option<Error>,
}

/// Fetches, derives, compares, runs the trial build, and replaces all files atomically.
///
/// If the fetched bytes are those of the current document, `spec.lock` is not written. Only
/// the files that a changed overlay or rule affects are written then.
///
/// # Errors
/// If a step fails. If that happens before the replacement is committed, no file is changed.
pub fn refresh(root: &Path, options: &Options) -> Result<Report> {
    let directory = root.join("openapi");
    replace::recover(&directory)?;
    let mut overlay = read(&directory, OVERLAY)?;
    let current = fs::read(directory.join(UPSTREAM)).ok();
    let lock = lock::read(&directory);
    let (bytes, etag) = obtain(&options.source, current.as_deref(), &lock)?;
    let mut files = Vec::new();
    let mut dropped = Vec::new();
    if options.accepts {
        (overlay, dropped) = without_redundant(&bytes, &overlay)?;
        files.push((OVERLAY, overlay.clone()));
    }
    let previous = previous(&directory);
    let generator = generator(root)?;
    let derived = derive::derive(&generator, &bytes, &overlay, previous.as_ref())?;
    check_calls(root, &derived.left_out)?;
    let mut diff = match &previous {
        Some(previous) => {
            let new_wire = derive::wire(&bytes, &overlay);
            let wire = current.as_ref().map(|bytes| derive::wire(bytes, &overlay));
            let before = (wire.as_ref().unwrap_or(&new_wire), previous);
            compare(&directory, before, (&new_wire, &derived))
        }
        None => Diff::default(),
    };
    diff.version = current_version(root);

    files.push((DERIVED, derived.to_text().into_bytes()));
    files.push((LEDGER, derived.ledger.to_text().into_bytes()));
    if current.as_ref() != Some(&bytes) || lock.is_null() {
        let source = source_name(&options.source);
        files.push((
            lock::NAME,
            lock::text(&source, etag.as_deref(), &bytes, options.now),
        ));
        files.push((UPSTREAM, bytes));
    }
    let refusal = (diff.class() == Class::Major && !options.allows_breaking).then(|| {
        Error::breaking(format!(
            "the new document {}; use `--allow-breaking` to accept it",
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
        operations: derived.operations(),
        rewrites: rewrites(&derived.ledger),
        left_out: derived.left_out,
        warnings: derived.warnings,
        dropped,
        refusal,
    })
}

fn generator(root: &Path) -> Result<Gizmo> {
    Gizmo::of(root).map_err(|error| unreadable(&error))
}

fn unreadable(error: &io::Error) -> Error {
    Error::refused(format!("cannot read the crate's sources: {error}"))
}

/// Refuses to leave out an operation that the handwritten layer calls.
fn check_calls(root: &Path, left_out: &[LeftOut]) -> Result<()> {
    for found in left_out {
        let Some(operation_id) = &found.operation_id else {
            continue;
        };
        let caller = handwritten::caller(&root.join("src"), operation_id)
            .map_err(|error| unreadable(&error))?;
        if let Some(caller) = caller {
            let caller = caller.strip_prefix(root).unwrap_or(&caller).display();
            return Err(Error::refused(format!(
                "{found}; {caller} needs this operation"
            )));
        }
    }
    Ok(())
}

fn is_same(path: &Path, bytes: &[u8]) -> bool {
    fs::read(path).is_ok_and(|current| current == bytes)
}

/// Returns the overlay without the actions that upstream has made redundant, and the removed
/// actions. If there are none, the bytes of the overlay are unchanged.
fn without_redundant(upstream: &[u8], overlay: &[u8]) -> Result<(Vec<u8>, Vec<String>)> {
    let document = Document::parse(upstream)?.value;
    let before = derive::parse_overlay(overlay)?;
    let (after, dropped) = openapi_lowering::without_redundant(&document, &before)?;
    if after == before {
        return Ok((overlay.to_vec(), dropped));
    }
    Ok((format!("{after:#}\n").into_bytes(), dropped))
}

/// Returns the current derived document, if there is one.
fn previous(directory: &Path) -> Option<Value> {
    let text = fs::read(directory.join(DERIVED)).ok()?;
    serde_json::from_slice(&text).ok()
}

fn rewrites(ledger: &Ledger) -> Vec<(String, usize)> {
    let counts = ledger.counts().into_iter();
    counts
        .map(|(rule, count)| (rule.to_owned(), count))
        .collect()
}

/// Compares the current derivation with the new one, each with what it states on the wire. Without the
/// upstream document of the current one, both state the same.
fn compare(
    directory: &Path,
    (wire, document): (&Value, &Value),
    (new_wire, after): (&Value, &Lowered),
) -> Diff {
    let ledger = fs::read_to_string(directory.join(LEDGER)).ok();
    let ledger = ledger.and_then(|text| Ledger::parse(&text).ok());
    let code = openapi_lowering::client(document, &Gizmo::default()).unwrap_or_default();
    Diff::between(
        Side {
            wire,
            derived: document,
            ledger: &ledger.unwrap_or_default(),
            code: &code,
        },
        Side::new(new_wire, after, &after.code.client()),
    )
}

/// Returns the version in the `[package]` of the manifest at `root`, if there is one.
fn current_version(root: &Path) -> Option<String> {
    let manifest = fs::read_to_string(root.join("Cargo.toml")).ok()?;
    let package = manifest.split("[package]").nth(1)?;
    let line = package
        .lines()
        .find_map(|line| line.strip_prefix("version = \""))?;
    Some(line.split('"').next()?.to_owned())
}

/// Checks, without network, that the derived files are up to date, and that the generator accepts
/// the document of the early-access API.
///
/// # Errors
/// If an input is refused, or a file is stale.
pub fn check(root: &Path) -> Result<Lowered> {
    let directory = root.join("openapi");
    replace::recover(&directory)?;
    let upstream = read(&directory, UPSTREAM)?;
    let previous = previous(&directory);
    let derived = derive::derive(
        &generator(root)?,
        &upstream,
        &read(&directory, OVERLAY)?,
        previous.as_ref(),
    )?;
    check_calls(root, &derived.left_out)?;
    for (name, text) in [
        (DERIVED, derived.to_text()),
        (LEDGER, derived.ledger.to_text()),
    ] {
        if fs::read(directory.join(name)).ok().as_deref() != Some(text.as_bytes()) {
            return Err(Error::stale(format!(
                "openapi/{name} is stale: it differs from what upstream.json and overlay.json derive; run \
                 `cargo xtask refresh-spec --file openapi/upstream.json` and commit the result"
            )));
        }
    }
    if lock::read(&directory)["sha256"] != lock::sha256(&upstream) {
        return Err(Error::stale(
            "openapi/spec.lock does not contain the sha256 of upstream.json; restore both files: only \
             `cargo xtask refresh-spec` may change them",
        ));
    }
    check_alpha(&read(&directory, ALPHA)?)
        .map_err(|error| Error::refused(format!("openapi/{ALPHA}: {error}")))?;
    Ok(derived)
}

/// Runs the generator on the handwritten document of the early-access API.
fn check_alpha(text: &[u8]) -> Result<()> {
    let document = serde_json::from_slice(text);
    let document = document.map_err(|error| Error::refused(format!("not JSON: {error}")))?;
    openapi_lowering::generate(&document, &Gizmo::default())?;
    Ok(())
}

/// Reads or fetches the document, and returns its bytes and its `ETag`.
fn obtain(
    source: &Source,
    current: Option<&[u8]>,
    lock: &Value,
) -> Result<(Vec<u8>, Option<String>)> {
    let address = match source {
        Source::File(path) => return Ok((fetch::file(path)?, None)),
        Source::Url(address) => address,
    };
    // The ETag in the lock is valid for these bytes only if they were served with it.
    let cached = current.filter(|bytes| {
        lock["source"] == address.as_str() && lock["sha256"] == lock::sha256(bytes)
    });
    let etag = cached.and(lock["etag"].as_str());
    match (fetch::url(address, etag)?, cached) {
        (Fetched::Document { bytes, etag }, _) => Ok((bytes, etag)),
        (Fetched::NotModified, Some(bytes)) => Ok((bytes.to_vec(), etag.map(str::to_owned))),
        (Fetched::NotModified, None) => Err(Error::network(format!(
            "{address} returned 304 to an unconditional request"
        ))),
    }
}

fn read(directory: &Path, name: &str) -> Result<Vec<u8>> {
    fs::read(directory.join(name))
        .map_err(|error| Error::refused(format!("cannot read openapi/{name}: {error}")))
}

/// Returns the source for `spec.lock`: a URL, or only the name of a file, since its directory has
/// no meaning on another machine.
fn source_name(source: &Source) -> String {
    match source {
        Source::Url(address) => address.clone(),
        Source::File(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy());
            format!("file:{}", name.unwrap_or_default())
        }
    }
}
