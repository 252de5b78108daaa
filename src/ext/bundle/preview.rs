//! A plan of an MJCF model as SVG: what a person sees of it without a simulator.

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
    /// Draws an MJCF model from above, as the text of an SVG file.
    ///
    /// Every geom is shown by what it covers of the ground, lower ones first, meshes by their
    /// convex hull; each body of the world has a colour of its own, and what may move freely a
    /// dashed outline. Hinges and slides are marked with their axes, bodies are named where there
    /// is room, and there are a scale bar and a grid in metres. The drawing's own coordinates are
    /// metres, too, with Y upwards.
    ///
    /// The model is drawn as it stands before anything has moved. As in `MuJoCo`'s viewer, geoms
    /// of the groups 3 and up are left out where there are others. Attached models, composites,
    /// flexes, skins and sites are not drawn, and a geom whose mesh is not there or cannot be read
    /// is a cross. The same files make the same text. This reads the model and blocks.
    ///
    /// # Errors
    /// [`UnsupportedFormat`](BundleErrorKind::UnsupportedFormat) when the model is not MJCF,
    /// [`BadModel`](BundleErrorKind::BadModel) when it or a file that it includes is not XML, or
    /// when a frame, a size or an axis in it makes no sense, [`TooLarge`](BundleErrorKind::TooLarge)
    /// beyond 64 MiB of XML, 10,000 files, 200,000 elements, 200 levels of them, 50,000 bodies,
    /// geoms and joints, 512 MiB of meshes, or 50 million vertices to draw,
    /// [`Io`](BundleErrorKind::Io) when a file cannot be read.
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
