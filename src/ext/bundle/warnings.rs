//! What an export lacks.

use std::fmt;
use std::path::PathBuf;

use super::MissingFile;

/// Something that a model lacks, although a simulator may open it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// What is missing or empty.
    pub kind: WarningKind,
    /// The file that contains the element, relative to the bundle's directory.
    pub file: PathBuf,
    /// The name of the element, if it has one.
    pub name: Option<String>,
}

/// What a model lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarningKind {
    /// A body has neither a geom nor a site, camera or light, and the same is true of all bodies
    /// within it. Gizmo exports such bodies for assets that failed or are not finished.
    BodyWithoutGeometry,
    /// A body moves freely, but neither it nor a body within it has a mass. `MuJoCo` rejects it, or
    /// gives it the mass `boundmass`.
    FreeBodyWithoutMass,
    /// A material refers to a texture that does not exist, or sets how to map a texture and has
    /// none.
    MaterialWithoutTexture,
    /// A mesh has no faces. `MuJoCo` uses the convex hull of its vertices.
    MeshWithoutFaces,
    /// A file that the model refers to is missing.
    MissingFile(MissingFile),
    /// A file is in binary form, so it is not known which files it refers to.
    NotChecked,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, problem) = match &self.kind {
            WarningKind::MissingFile(missing) => return missing.fmt(f),
            WarningKind::NotChecked => {
                let file = self.file.display();
                return write!(
                    f,
                    "{file} is in binary form; the files that it refers to were not checked"
                );
            }
            WarningKind::BodyWithoutGeometry => ("body", "has no geometry"),
            WarningKind::FreeBodyWithoutMass => ("body", "moves freely, but has no mass"),
            WarningKind::MaterialWithoutTexture => ("material", "lacks its texture"),
            WarningKind::MeshWithoutFaces => ("mesh", "has no faces"),
        };
        match &self.name {
            Some(name) => write!(f, "{what} {name:?}")?,
            None => write!(f, "an unnamed {what}")?,
        }
        write!(f, " in {} {problem}", self.file.display())
    }
}
