//! Reads the bodies, geoms and joints of a model, with their poses in the world.

use std::path::{Path, PathBuf};

use super::attributes::{Attributes, Compiler, Defaults};
use super::elements;
use super::elements::Element;
use super::meshes::Meshes;
use super::pose;
use super::pose::{Pose, Vec3};
use super::shape::Shape;
use crate::ext::bundle::mjcf::Model;
use crate::ext::bundle::{BundleError, BundleErrorKind};

/// The maximum number of bodies, geoms, joints and frames of a model, copies included.
const MAX_PLACED: usize = 50_000;
/// The first group of geoms that viewers hide, because they serve only for collisions.
const FIRST_HIDDEN: f64 = 3.0;

/// The parts of a model that are drawn.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    pub(super) name: Option<&'a str>,
    /// The bodies. The world is the first.
    pub(super) bodies: Vec<Body<'a>>,
    pub(super) geoms: Vec<Geom<'a>>,
    pub(super) joints: Vec<Joint<'a>>,
    /// The positions of geoms with an unknown shape.
    pub(super) unknown: Vec<Vec3>,
}

#[derive(Debug, Default)]
pub(super) struct Body<'a> {
    pub(super) name: Option<&'a str>,
    /// The index of the child of the world that contains it; its own index if it is one.
    pub(super) top: usize,
    /// Whether it has a free joint.
    pub(super) free: bool,
}

#[derive(Debug)]
pub(super) struct Geom<'a> {
    pub(super) name: Option<&'a str>,
    /// The index of its body.
    pub(super) body: usize,
    pub(super) shape: Shape,
    /// The pose in the world.
    pub(super) pose: Pose,
    hidden: bool,
}

#[derive(Debug)]
pub(super) struct Joint<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) kind: JointKind,
    /// The position in the world.
    pub(super) anchor: Vec3,
    /// The direction in the world, of length 1.
    pub(super) axis: Vec3,
}

/// The kind of a joint. A free joint has no symbol: it sets [`Body::free`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JointKind {
    Hinge,
    Slide,
    Ball,
}

/// Reads the plan of a model.
pub(super) fn read<'a>(
    root: &'a Path,
    model: &'a Model,
    tree: &'a Element<'a>,
    defaults: &'a Defaults<'a>,
) -> Result<Plan<'a>, BundleError> {
    let mut reader = Reader {
        main: root.join(&model.parts[0].path),
        compiler: Compiler::of(tree),
        defaults,
        meshes: Meshes::new(root, model, tree, defaults),
        tree,
        left: MAX_PLACED,
        plan: Plan {
            name: tree.value("model"),
            bodies: vec![Body::default()],
            ..Plan::default()
        },
    };
    let world = Context {
        pose: Pose::IDENTITY,
        body: 0,
        class: None,
    };
    for section in tree.named("worldbody") {
        reader.children(section, world)?;
    }
    let mut plan = reader.plan;
    if plan.geoms.iter().any(|geom| !geom.hidden) {
        plan.geoms.retain(|geom| !geom.hidden);
    }
    Ok(plan)
}

/// The surroundings of an element.
#[derive(Clone, Copy, Debug)]
struct Context<'a> {
    /// The pose of the parent frame in the world.
    pose: Pose,
    /// The index of the body.
    body: usize,
    /// The class of elements that do not name one.
    class: Option<&'a str>,
}

/// The state while a model is read.
struct Reader<'a> {
    /// The main file, which errors name.
    main: PathBuf,
    compiler: Compiler<'a>,
    defaults: &'a Defaults<'a>,
    meshes: Meshes<'a>,
    tree: &'a Element<'a>,
    /// The number of bodies, geoms, joints and frames that may still be added.
    left: usize,
    plan: Plan<'a>,
}

impl<'a> Reader<'a> {
    fn children(
        &mut self,
        element: &'a Element<'a>,
        context: Context<'a>,
    ) -> Result<(), BundleError> {
        for child in &element.children {
            let kind = child.name();
            if matches!(
                kind,
                "body" | "frame" | "replicate" | "geom" | "joint" | "freejoint"
            ) {
                self.place(child, context)
                    .map_err(|failure| match failure {
                        Failure::Detail(detail) => {
                            BundleError::new(BundleErrorKind::BadModel, &self.main, detail)
                        }
                        Failure::Error(error) => error,
                    })?;
            }
        }
        Ok(())
    }

    /// Adds an element and its children.
    fn place(&mut self, element: &'a Element<'a>, context: Context<'a>) -> Result<(), Failure> {
        self.count()?;
        let attributes = Attributes::new(element, self.defaults, context.class);
        match element.name() {
            "body" => {
                let index = self.plan.bodies.len();
                self.plan.bodies.push(Body {
                    name: element.value("name"),
                    top: if context.body == 0 {
                        index
                    } else {
                        self.plan.bodies[context.body].top
                    },
                    free: false,
                });
                let inner = self.inner(&attributes, context)?;
                self.children(
                    element,
                    Context {
                        body: index,
                        ..inner
                    },
                )?;
            }
            "frame" => {
                let inner = self.inner(&attributes, context)?;
                self.children(element, inner)?;
            }
            "replicate" => self.replicate(element, &attributes, context)?,
            "geom" => self.geom(&attributes, context)?,
            "freejoint" => self.plan.bodies[context.body].free = true,
            _ => self.joint(&attributes, context)?,
        }
        Ok(())
    }

    /// Counts one more element.
    fn count(&mut self) -> Result<(), BundleError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            let detail = format!("more than {MAX_PLACED} bodies, geoms and joints");
            BundleError::new(BundleErrorKind::TooLarge, &self.main, detail)
        })?;
        Ok(())
    }

    /// Returns the pose of an element's frame in the world.
    fn pose(&self, attributes: &Attributes<'a>, context: &Context<'a>) -> Result<Pose, String> {
        Ok(self.frame(context).then(&attributes.pose(&self.compiler)?))
    }

    /// Returns the frame to which the poses of elements are relative.
    fn frame(&self, context: &Context<'a>) -> Pose {
        if self.compiler.global {
            Pose::IDENTITY
        } else {
            context.pose
        }
    }

    /// Returns the context of an element's children.
    fn inner(
        &self,
        attributes: &Attributes<'a>,
        context: Context<'a>,
    ) -> Result<Context<'a>, String> {
        Ok(Context {
            pose: self.pose(attributes, &context)?,
            class: attributes.value("childclass").or(context.class),
            ..context
        })
    }

    /// Adds copies of the children, each at an offset from the previous one.
    fn replicate(
        &mut self,
        element: &'a Element<'a>,
        attributes: &Attributes<'a>,
        context: Context<'a>,
    ) -> Result<(), Failure> {
        let [count] = attributes.array("count")?.unwrap_or_default();
        let offset = attributes.array("offset")?.unwrap_or_default();
        let angles: Vec3 = attributes.array("euler")?.unwrap_or_default();
        let mut copy = Pose::IDENTITY;
        let mut index = 0.0;
        while index < count {
            self.count()?;
            let rotation =
                attributes.euler("euler", &self.compiler, angles.map(|angle| angle * index));
            copy.rotation = rotation?;
            let pose = context.pose.then(&copy);
            self.children(element, Context { pose, ..context })?;
            copy.position = copy.point(offset);
            index += 1.0;
        }
        Ok(())
    }

    fn joint(&mut self, attributes: &Attributes<'a>, context: Context<'a>) -> Result<(), Failure> {
        let kind = match attributes.value("type").unwrap_or("hinge") {
            "hinge" => JointKind::Hinge,
            "slide" => JointKind::Slide,
            "ball" => JointKind::Ball,
            "free" => {
                self.plan.bodies[context.body].free = true;
                return Ok(());
            }
            _ => return Err(attributes.invalid("type", "is not a joint type").into()),
        };
        let frame = self.frame(&context);
        let axis = attributes.array("axis")?.unwrap_or([0.0, 0.0, 1.0]);
        let axis =
            pose::unit(axis).ok_or_else(|| attributes.invalid("axis", "is not a direction"))?;
        self.plan.joints.push(Joint {
            name: attributes.value("name"),
            kind,
            anchor: frame.point(attributes.array("pos")?.unwrap_or_default()),
            axis: frame.direction(axis),
        });
        Ok(())
    }

    fn geom(&mut self, attributes: &Attributes<'a>, context: Context<'a>) -> Result<(), Failure> {
        let mut pose = self.pose(attributes, &context)?;
        let kind = attributes.value("type").unwrap_or("sphere");
        let shape = if let Some(mesh) = attributes.value("mesh") {
            self.meshes.vertices(mesh)?.map(Shape::Mesh)
        } else if kind == "hfield" {
            let field = attributes
                .value("hfield")
                .and_then(|name| self.hfield(name));
            field.map(|[x, y, top, bottom]| {
                pose.position = pose.point([0.0, 0.0, (top - bottom) / 2.0]);
                Shape::Box([x, y, f64::midpoint(top, bottom)])
            })
        } else {
            let (shape, along) = primitive(attributes, kind)?;
            if let Some(along) = along {
                pose = self.frame(&context).then(&along);
            }
            Some(shape)
        };
        let [group] = attributes.array("group")?.unwrap_or_default();
        match shape {
            Some(shape) => self.plan.geoms.push(Geom {
                name: attributes.value("name"),
                body: context.body,
                shape,
                pose,
                hidden: group >= FIRST_HIDDEN,
            }),
            None => self.plan.unknown.push(pose.position),
        }
        Ok(())
    }

    /// Returns half the size of a height field along X and Y, its height and its depth.
    fn hfield(&self, name: &str) -> Option<[f64; 4]> {
        let sections = self.tree.named("asset");
        let mut fields = sections.flat_map(|section| section.named("hfield"));
        let field = fields.find(|field| field.value("name") == Some(name))?;
        elements::numbers(field.value("size")?)?.try_into().ok()
    }
}

/// Returns a shape that needs no file. If its ends are specified, also returns its frame.
fn primitive(attributes: &Attributes<'_>, kind: &str) -> Result<(Shape, Option<Pose>), String> {
    let mut size = attributes.numbers("size")?;
    let mut along = None;
    if let Some([a, b, c, d, e, f]) = attributes.array("fromto")? {
        let direction = [a - d, b - e, c - f];
        let rotation = pose::z_axis(direction);
        along = Some(Pose {
            position: [
                f64::midpoint(a, d),
                f64::midpoint(b, e),
                f64::midpoint(c, f),
            ],
            rotation: rotation.ok_or_else(|| attributes.invalid("fromto", "has no length"))?,
        });
        // The first size is the radius, or half the width.
        size.truncate(1);
        if matches!(kind, "box" | "ellipsoid") {
            size.extend_from_within(..);
        }
        size.push(pose::dot(direction, direction).sqrt() / 2.0);
    }
    let shape = match (kind, size.as_slice()) {
        ("plane", [x, y, ..]) => return Ok((Shape::plane(*x, *y), along)),
        ("plane", _) => return Ok((Shape::plane(0.0, 0.0), along)),
        ("sphere", [radius, ..]) => Shape::Ellipsoid([*radius; 3]),
        ("capsule", [radius, half, ..]) => Shape::Capsule(*radius, *half),
        ("cylinder", [radius, half, ..]) => Shape::Cylinder(*radius, *half),
        ("ellipsoid", [x, y, z, ..]) => Shape::Ellipsoid([*x, *y, *z]),
        ("box", [x, y, z, ..]) => Shape::Box([*x, *y, *z]),
        ("sphere" | "capsule" | "cylinder" | "ellipsoid" | "box", _) => {
            return Err(attributes.invalid("size", &format!("is too short for a {kind}")));
        }
        _ => return Err(attributes.invalid("type", "is not a geom type")),
    };
    if size.iter().any(|size| *size < 0.0) {
        return Err(attributes.invalid("size", "is negative"));
    }
    Ok((shape, along))
}

/// The failure to read an element: the detail of an error, or an error.
enum Failure {
    Detail(String),
    Error(BundleError),
}

impl From<String> for Failure {
    fn from(detail: String) -> Self {
        Self::Detail(detail)
    }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        Self::Error(error)
    }
}
