//! Draws the plan of an MJCF model as SVG, so that a person can look at it without a simulator.

mod attributes;
mod draw;
mod drawn;
mod elements;
mod labels;
mod marks;
mod mesh;
mod meshes;
mod plan;
mod pose;
mod shape;
mod view;

use super::mjcf::Model;
use super::{Budget, Bundle, BundleError, BundleErrorKind, ModelFormat};
use attributes::Defaults;

impl Bundle {
    /// Draws an MJCF model from above, and returns the text of an SVG file.
    ///
    /// Each geom is drawn as its footprint on the ground, the lower ones first; a mesh is drawn as
    /// its convex hull. Each child of the world has a colour, and a body that moves freely has a
    /// dashed outline. Hinges and slides are marked with their axes. Bodies are labelled where
    /// there is room. A scale bar and a grid are in metres. The coordinates of the drawing are
    /// metres, too, with Y upwards.
    ///
    /// The model is drawn in its initial state. As in `MuJoCo`'s viewer, geoms of group 3 and above
    /// are omitted if the model has others. Attached models, composites, flexes, skins and sites
    /// are not drawn. A geom whose mesh is missing or cannot be read is drawn as a cross. The same
    /// files yield the same text. This reads the model and blocks.
    ///
    /// # Errors
    ///
    /// [`UnsupportedFormat`](BundleErrorKind::UnsupportedFormat) if the model is not MJCF,
    /// [`BadModel`](BundleErrorKind::BadModel) if it or an included file is not XML, or if a frame,
    /// a size or an axis is invalid, [`TooLarge`](BundleErrorKind::TooLarge) beyond 64 MiB of XML,
    /// 10,000 files, 200,000 elements, 200 levels of elements, 50,000 bodies, geoms and joints, 512
    /// MiB of meshes, or 50 million vertices, [`Io`](BundleErrorKind::Io) if a file cannot be read.
    ///
    /// # Examples
    /// ```no_run
    /// use gizmo_client::bundle::Bundle;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let bundle = Bundle::open("lab")?;
    /// std::fs::write("lab.svg", bundle.preview()?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn preview(&self) -> Result<String, BundleError> {
        if self.format != ModelFormat::Mjcf {
            let detail = format!("only MJCF is drawn, and this is {:?}", self.format);
            let kind = BundleErrorKind::UnsupportedFormat;
            return Err(BundleError::new(kind, &self.model, detail));
        }
        let model = Model::read(&self.dir, &self.inner, &mut Budget::new())?;
        let tree = elements::tree(&self.dir, &model)?;
        let defaults = Defaults::of(&tree).ok_or_else(|| {
            let detail = "more than 1000 default classes";
            BundleError::new(BundleErrorKind::TooLarge, &self.model, detail)
        })?;
        let plan = plan::read(&self.dir, &model, &tree, &defaults)?;
        Ok(draw::svg(&plan))
    }
}
