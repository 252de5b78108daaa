//! The shape of exports: where the model and its meshes are, and how large they become.

/// The shape of the exports of the current API. By default, that of the exports that were observed.
///
/// The fields other than [`layout`](Self::layout) apply to MJCF exports with [`Layout::Observed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportShape {
    /// The files of an MJCF or USD export.
    pub layout: Layout,
    /// Number of assets without geometry (default 0). The last assets of the scene become bodies with a
    /// position and without geoms, as those of the real service whose generation failed.
    pub empty_assets: usize,
    /// Whether the export of a scene with a robot contains the robot's directory (default: yes). Without it
    /// the model does not load until its user supplies the directory.
    pub robot_files: bool,
    /// Number of meshes in addition to those of the prompt (default 0): rocks on the floor.
    pub extra_meshes: usize,
    /// Number of triangles of each additional mesh (default 1,000), rounded up to whole rows of the rock. A
    /// triangle takes about 145 bytes: 3,000 meshes of 700 triangles take 300 MB.
    pub extra_faces: usize,
}

impl Default for ExportShape {
    fn default() -> Self {
        Self {
            layout: Layout::Observed,
            empty_assets: 0,
            robot_files: true,
            extra_meshes: 0,
            extra_faces: 1_000,
        }
    }
}

/// The files of an MJCF or USD export. An export as SDF always has a `model.sdf`, mesh files and textures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Layout {
    /// The files that were observed. MJCF: `<scene id>.xml`, or the name for an asset, with all meshes in it;
    /// `textures/`; and the directory of the robot, whose `robot.xml` the model includes. USD:
    /// `<name>.usda`, `_unisim_snapshot.json` with the scene graph, and `textures/`.
    #[default]
    Observed,
    /// `scene.xml` or `scene.usda`, `metadata.json`, `textures/`, and for MJCF `meshes/` with OBJ and STL
    /// files. The early-access API uses it always.
    Files,
}
