//! Draws the preview next to a baked model.

use std::fs::{self, File};
use std::io::{self, Write};

use tokio::task::spawn_blocking;
use tracing::debug;

use crate::bundle::ModelFormat;
use crate::ext::bundle::Bundle;
use crate::ext::error::Error;

/// Draws an MJCF model into `preview.svg` next to it, unless the export contains one. If that
/// fails, the bundle is returned unchanged: it is complete without a picture.
pub(super) async fn add(bundle: Bundle) -> Bundle {
    if !matches!(bundle.model().format(), Ok(ModelFormat::Mjcf)) {
        return bundle;
    }
    let plain = bundle.clone();
    let drawn = spawn_blocking(move || draw(&bundle)).await;
    let drawn = drawn.map_err(|error| Error::io("the preview could not be drawn", error.into()));
    drawn.and_then(|drawn| drawn).unwrap_or_else(|error| {
        debug!(target: "gizmo_client::bake", error = format!("{error:#}"), "no preview");
        plain
    })
}

/// Returns the bundle with its picture.
fn draw(bundle: &Bundle) -> Result<Bundle, Error> {
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
    })?;
    Ok(Bundle::open(bundle.dir())?)
}
