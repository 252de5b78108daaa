//! Draws an MJCF model as SVG, so that a person can look at it without a simulator.

mod draw;
mod drawing;
mod drawn;
mod frames;
mod from_above;
mod isometric;
mod labels;
mod marks;
mod meshes;
mod name;
mod order;
mod plan;
mod pose;
mod projection;
mod role;
mod shape;
mod solid;
mod view;

use super::mjcf::Models;
use super::{Bundle, BundleError, BundleErrorKind, ModelFormat};
use drawing::Drawing;
use meshes::Meshes;

impl Bundle {
    /// Draws an MJCF model from above and in an isometric view, and returns the text of an SVG file.
    ///
    /// The plan shows each geom as its footprint on the ground, the lower ones first. The isometric
    /// view shows heights, with a scale in metres. The viewer is at positive X, negative Y and
    /// positive Z. Near walls are cut to a low height and the ceiling is omitted, because they would
    /// hide the room. A mesh is drawn as its convex hull; the isometric view shows the sides of
    /// upright prisms and boxes, and otherwise the outline. It shows at most 3,000 geoms, the largest
    /// ones.
    ///
    /// The building is grey: floors, walls and ceilings, by their shape and by the names of their
    /// bodies. Each other child of the world has a colour, which those that differ only by the number
    /// in their name share. Robots and the largest objects are labelled where there is room, once for
    /// all that share a colour. A body that moves freely has a dashed outline. Hinges and slides are
    /// marked with their axes. A body without geometry, or whose meshes are all missing or cannot be
    /// read, is marked with a diamond, and a single such geom with a cross. A scale bar and a grid are
    /// in metres. The coordinates of the plan are metres, too, with Y upwards.
    ///
    /// Displayed at a width of up to 520 pixels, the picture has fewer and larger labels.
    ///
    /// The model is drawn in its initial state. As in `MuJoCo`'s viewer, geoms of group 3 and above
    /// are omitted if the model has others. Composites, flexes, skins and attached models that are
    /// missing are counted as not drawn; sites are omitted. The same files yield the same text. This
    /// reads the model and blocks.
    ///
    /// # Errors
    ///
    /// [`UnsupportedFormat`](BundleErrorKind::UnsupportedFormat) if the model is not MJCF,
    /// [`BadModel`](BundleErrorKind::BadModel) if it or an included file is not XML, or if a frame,
    /// a size or an axis is invalid, [`TooLarge`](BundleErrorKind::TooLarge) beyond its limits,
    /// 50,000 bodies, geoms and joints, 1 GiB for a mesh file, or 200 million vertices,
    /// [`NoModel`](BundleErrorKind::NoModel) and
    /// [`SeveralModels`](BundleErrorKind::SeveralModels), of which
    /// [`with_model`](Self::with_model) chooses one,
    /// [`Io`](BundleErrorKind::Io) if a file cannot be read.
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
        let model = self.single_model()?;
        if model.format != ModelFormat::Mjcf {
            let detail = format!("only MJCF is drawn, and this is {:?}", model.format);
            let kind = BundleErrorKind::UnsupportedFormat;
            return Err(BundleError::new(kind, &model.path, detail));
        }
        let models = Models::read(&self.dir, &model.inner)?;
        let plan = plan::read(&models, &model.path)?;
        let drawing = Drawing::of(&plan, Meshes::new(&self.dir))?;
        Ok(draw::svg(&plan, &drawing))
    }
}
