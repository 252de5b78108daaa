//! What `cargo xtask refresh-spec` would report for the served document.

use std::time::SystemTime;

use openapi_lowering::Format;
use serde::Serialize;
use xtask::refresh::{Options, Source, refresh};

use crate::evidence::Evidence;
use crate::note;
use crate::repository::Repository;

/// The result of a dry run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Refresh {
    /// The files that would change.
    pub(crate) changed: Vec<String>,
    pub(crate) warnings: Vec<String>,
    /// The operations that could not be generated.
    pub(crate) left_out: Vec<String>,
    /// The changes in Markdown, or why the document is refused.
    pub(crate) changes: String,
}

/// Compares the served document with the vendored one.
pub(crate) fn compare(evidence: &Evidence, repository: &Repository) -> Option<Refresh> {
    let served = evidence.noted(note::DOCUMENT);
    let document = served.filter(|seen| seen.is_success()).last()?.json()?;
    if *document == repository.upstream {
        return Some(Refresh {
            changes: "Nothing has changed.\n".to_owned(),
            ..Refresh::default()
        });
    }
    let file = tempfile::Builder::new()
        .suffix(".json")
        .tempfile()
        .and_then(|file| {
            std::fs::write(file.path(), document.to_string())?;
            Ok(file)
        });
    let refused = |why: String| Refresh {
        changes: format!("The document is refused: {why}\n"),
        ..Refresh::default()
    };
    let file = match file {
        Ok(file) => file,
        Err(error) => return Some(refused(error.to_string())),
    };
    let options = Options {
        source: Source::File(file.path().to_owned()),
        now: SystemTime::UNIX_EPOCH,
        is_dry: true,
        trial: None,
        allows_breaking: true,
        accepts: false,
    };
    let report = match refresh(&repository.root, &options) {
        Ok(report) => report,
        Err(error) => return Some(refused(error.to_string())),
    };
    // The lock and the bytes of the file always differ from a recorded document.
    let derived = ["openapi.json", "ledger.json"];
    let changed = report.changed.into_iter();
    Some(Refresh {
        changed: changed
            .filter(|name| derived.contains(&name.as_str()))
            .collect(),
        warnings: report.warnings,
        left_out: report.left_out.iter().map(ToString::to_string).collect(),
        changes: report.diff.show(Format::Markdown),
    })
}
