//! The memory that an export takes while it is written.

use std::io::{self, Write};

use allocation_counter::measure;
use gizmo_simulator::{ExportShape, Options, SceneExport};

/// Counts bytes and discards them.
struct Sink(usize);

impl Write for Sink {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0 += data.len();
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_large_export_is_written_in_little_memory() {
    let options = Options {
        exports: ExportShape {
            extra_meshes: 200,
            extra_faces: 700,
            ..ExportShape::default()
        },
        texture_bytes: 6_000_000,
        ..Options::default()
    };
    let export = SceneExport::new(&options, "a lab");
    let (mut model, mut archive) = (Sink(0), tempfile::tempfile().unwrap());
    let of_model = measure(|| export.write_model(&mut model).unwrap());
    let of_archive = measure(|| export.write_archive(&mut archive).unwrap());

    let length = archive.metadata().unwrap().len();
    assert!(
        model.0 > 20_000_000 && length > 10_000_000,
        "{} {length}",
        model.0
    );
    for memory in [of_model, of_archive] {
        assert!(memory.bytes_max < 6_000_000, "{memory:?}");
    }
}
