//! Draws the preview next to a baked model.

use std::fs::{self, File};
use std::io::{self, Write};

use tracing::debug;

use crate::bundle::ModelFormat;
use crate::ext::bundle::Bundle;
use crate::ext::error::Error;

/// Draws an MJCF model into `preview.svg` next to it, unless the export contains one. If that fails, the bundle
/// is complete without a picture.
pub(super) fn add(bundle: &Bundle) {
    if matches!(bundle.model().format(), Ok(ModelFormat::Mjcf))
        && let Err(error) = draw(bundle)
    {
        debug!(target: "gizmo_client::bake", error = format!("{error:#}"), "no preview");
    }
}

fn draw(bundle: &Bundle) -> Result<(), Error> {
    let svg = bundle.preview()?;
    let path = bundle.model().path()?.with_file_name("preview.svg");
    let failed = |error| Error::io(format!("`{}` could not be written", path.display()), error);
    let mut file = File::create_new(&path).map_err(failed)?;
    let written: io::Result<()> = file
        .write_all(svg.as_bytes())
        .and_then(|()| file.sync_all());
    written.map_err(|error| {
        let _ = fs::remove_file(&path);
        failed(error)
    })
}
