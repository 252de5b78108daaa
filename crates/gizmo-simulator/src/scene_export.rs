//! Exports that need no server.

use std::io::{self, Seek, Write};

use gizmo_client::types::Format;

use crate::export::{Brief, Export, Language};
use crate::job::furniture;
use crate::options::Options;
use crate::scenes::new_assets;
use crate::state::{AssetEntry, Tables, name_of};

/// The export of a scene, made without a server. It equals the export of the first scene that a simulator
/// with the same options generates from the same prompt.
///
/// ```
/// use gizmo_simulator::{Options, SceneExport};
///
/// let mut options = Options::default();
/// options.exports.extra_meshes = 40;
/// let export = SceneExport::new(&options, "a lab with a lamp");
/// let mut model = Vec::new();
/// export.write_model(&mut model)?;
/// assert!(model.len() > 5_000_000); // with 40 meshes of 1,000 triangles
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SceneExport(Export);

impl SceneExport {
    /// Makes the scene of a prompt, for an export as MJCF without a robot.
    pub fn new(options: &Options, prompt: &str) -> Self {
        let mut tables = Tables::new(options);
        let id = tables.scenes.new_id();
        let assets = new_assets(&mut tables, &id, prompt, &furniture(prompt), 0, true);
        let brief = Brief {
            id,
            name: name_of(prompt),
            prompt: prompt.to_owned(),
            revision: 1,
            robot_profile: None,
            items: assets.iter().map(AssetEntry::item).collect(),
            failed: 0,
        };
        Self(Export::new(options, brief, Language::Mjcf))
    }

    /// Sets the format. One that the simulator does not know is MJCF.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "as the client's builders take it"
    )]
    pub fn format(mut self, format: Format) -> Self {
        self.0.language = (&format).into();
        self
    }

    /// Adds the robot of a profile, such as `franka_panda`.
    #[must_use]
    pub fn robot_profile(mut self, profile: impl Into<String>) -> Self {
        self.0.brief.robot_profile = Some(profile.into());
        self
    }

    /// Writes the archive. One mesh or one other file at a time is in memory.
    ///
    /// # Errors
    ///
    /// Returns the error of `output`, or [`FileTooLarge`](io::ErrorKind::FileTooLarge) if the archive
    /// would require ZIP64, at 4 GiB.
    pub fn write_archive(&self, output: impl Write + Seek) -> io::Result<()> {
        self.0.write(output).map(drop)
    }

    /// Writes only the model. One mesh at a time is in memory.
    ///
    /// # Errors
    ///
    /// Returns the error of `output`.
    pub fn write_model(&self, mut output: impl Write) -> io::Result<()> {
        self.0.write_model(&mut output)
    }
}
