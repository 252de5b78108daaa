//! What there is to draw: the bodies, geoms and joints of a model in the world's frame.

use std::path::{Path, PathBuf};

use super::attributes::{Compiler, Defaults, Given};
use super::elements;
use super::elements::Element;
use super::meshes::Meshes;
use super::pose;
use super::pose::{Pose, Vec3};
use super::shape::Shape;
use crate::ext::bundle::mjcf::Model;
use crate::ext::bundle::{BundleError, BundleErrorKind};

/// The most bodies, geoms, joints and frames of a model, copies included.
const PLACED: usize = 50_000;
/// The first group of geoms that viewers hide: it is of use in collisions only.
const HIDDEN: f64 = 3.0;

/// All that is drawn of a model.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    pub(super) name: Option<&'a str>,
    /// The world itself is the first.
    pub(super) bodies: Vec<Body<'a>>,
    pub(super) geoms: Vec<Geom<'a>>,
    pub(super) joints: Vec<Joint<'a>>,
    /// Geoms whose shape is not known: where they are.
    pub(super) unknown: Vec<Vec3>,
}

#[derive(Debug, Default)]
pub(super) struct Body<'a> {
    pub(super) name: Option<&'a str>,
    /// The child of the world that it belongs to, which may be itself.
    pub(super) top: usize,
    /// It moves freely in the world.
    pub(super) free: bool,
}

#[derive(Debug)]
pub(super) struct Geom<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) body: usize,
    pub(super) shape: Shape,
    pub(super) pose: Pose,
    hidden: bool,
}

#[derive(Debug)]
pub(super) struct Joint<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) kind: JointKind,
    pub(super) anchor: Vec3,
    /// Of length 1.
    pub(super) axis: Vec3,
}

/// A free joint is not a mark in the picture; its body is drawn as one that moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JointKind {
    Hinge,
    Slide,
    Ball,
}

/// Places everything that the model holds.
pub(super) fn read<'a>(
    root: &'a Path,
    model: &'a Model,
    tree: &'a Element<'a>,
    defaults: &'a Defaults<'a>,
) -> Result<Plan<'a>, BundleError> {
    let mut reading = Reading {
        main: root.join(&model.parts[0].path),
        compiler: Compiler::of(tree),
        defaults,
        meshes: Meshes::new(root, model, tree, defaults),
        tree,
        left: PLACED,
        plan: Plan {
            name: tree.value("model"),
            bodies: vec![Body::default()],
            ..Plan::default()
        },
    };
    let world = At {
        pose: Pose::IDENTITY,
        body: 0,
        class: None,
    };
    for section in tree.named("worldbody") {
        reading.children(section, world)?;
    }
    let mut plan = reading.plan;
    if plan.geoms.iter().any(|geom| !geom.hidden) {
        plan.geoms.retain(|geom| !geom.hidden);
    }
    Ok(plan)
}

/// What an element is in.
#[derive(Clone, Copy, Debug)]
struct At<'a> {
    pose: Pose,
    body: usize,
    /// The class of elements that name none.
    class: Option<&'a str>,
}

struct Reading<'a> {
    main: PathBuf,
    compiler: Compiler<'a>,
    defaults: &'a Defaults<'a>,
    meshes: Meshes<'a>,
    tree: &'a Element<'a>,
    /// How much may still be placed.
    left: usize,
    plan: Plan<'a>,
}

impl<'a> Reading<'a> {
    fn children(&mut self, element: &'a Element<'a>, at: At<'a>) -> Result<(), BundleError> {
        for child in &element.children {
            let kind = child.name();
            if matches!(
                kind,
                "body" | "frame" | "replicate" | "geom" | "joint" | "freejoint"
            ) {
                self.place(child, at).map_err(|refused| match refused {
                    Refused::Detail(detail) => {
                        BundleError::new(BundleErrorKind::BadModel, &self.main, detail)
                    }
                    Refused::Error(error) => error,
                })?;
            }
        }
        Ok(())
    }

    fn place(&mut self, element: &'a Element<'a>, at: At<'a>) -> Result<(), Refused> {
        self.count()?;
        let given = Given::new(element, self.defaults, at.class);
        match element.name() {
            "body" => {
                let index = self.plan.bodies.len();
                self.plan.bodies.push(Body {
                    name: element.value("name"),
                    top: if at.body == 0 {
                        index
                    } else {
                        self.plan.bodies[at.body].top
                    },
                    free: false,
                });
                let inner = self.inner(&given, at)?;
                self.children(
                    element,
                    At {
                        body: index,
                        ..inner
                    },
                )?;
            }
            "frame" => {
                let inner = self.inner(&given, at)?;
                self.children(element, inner)?;
            }
            "replicate" => self.replicate(element, &given, at)?,
            "geom" => self.geom(&given, at)?,
            "freejoint" => self.plan.bodies[at.body].free = true,
            _ => self.joint(&given, at)?,
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), BundleError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            let detail = format!("more than {PLACED} bodies, geoms and joints");
            BundleError::new(BundleErrorKind::TooLarge, &self.main, detail)
        })?;
        Ok(())
    }

    /// Where an element's own frame is in the world.
    fn pose(&self, given: &Given<'a>, at: &At<'a>) -> Result<Pose, String> {
        Ok(self.frame(at).then(&given.pose(&self.compiler)?))
    }

    /// The frame that poses are given in.
    fn frame(&self, at: &At<'a>) -> Pose {
        if self.compiler.global {
            Pose::IDENTITY
        } else {
            at.pose
        }
    }

    fn inner(&self, given: &Given<'a>, at: At<'a>) -> Result<At<'a>, String> {
        Ok(At {
            pose: self.pose(given, &at)?,
            class: given.value("childclass").or(at.class),
            ..at
        })
    }

    /// Copies, each a step from the one before.
    fn replicate(
        &mut self,
        element: &'a Element<'a>,
        given: &Given<'a>,
        at: At<'a>,
    ) -> Result<(), Refused> {
        let [count] = given.array("count")?.unwrap_or_default();
        let offset = given.array("offset")?.unwrap_or_default();
        let angles: Vec3 = given.array("euler")?.unwrap_or_default();
        let mut copy = Pose::IDENTITY;
        let mut index = 0.0;
        while index < count {
            self.count()?;
            let turned = given.euler("euler", &self.compiler, angles.map(|angle| angle * index));
            copy.rotation = turned?;
            let pose = at.pose.then(&copy);
            self.children(element, At { pose, ..at })?;
            copy.position = copy.point(offset);
            index += 1.0;
        }
        Ok(())
    }

    fn joint(&mut self, given: &Given<'a>, at: At<'a>) -> Result<(), Refused> {
        let kind = match given.value("type").unwrap_or("hinge") {
            "hinge" => JointKind::Hinge,
            "slide" => JointKind::Slide,
            "ball" => JointKind::Ball,
            "free" => {
                self.plan.bodies[at.body].free = true;
                return Ok(());
            }
            _ => return Err(given.wrong("type", "is not a kind of joint").into()),
        };
        let frame = self.frame(&at);
        let axis = given.array("axis")?.unwrap_or([0.0, 0.0, 1.0]);
        let axis = pose::unit(axis).ok_or_else(|| given.wrong("axis", "is not a direction"))?;
        self.plan.joints.push(Joint {
            name: given.value("name"),
            kind,
            anchor: frame.point(given.array("pos")?.unwrap_or_default()),
            axis: frame.direction(axis),
        });
        Ok(())
    }

    fn geom(&mut self, given: &Given<'a>, at: At<'a>) -> Result<(), Refused> {
        let mut pose = self.pose(given, &at)?;
        let kind = given.value("type").unwrap_or("sphere");
        let shape = if let Some(mesh) = given.value("mesh") {
            self.meshes.vertices(mesh)?.map(Shape::Mesh)
        } else if kind == "hfield" {
            let field = given.value("hfield").and_then(|name| self.hfield(name));
            field.map(|[x, y, top, bottom]| {
                pose.position = pose.point([0.0, 0.0, (top - bottom) / 2.0]);
                Shape::Box([x, y, f64::midpoint(top, bottom)])
            })
        } else {
            let (shape, along) = primitive(given, kind)?;
            if let Some(along) = along {
                pose = self.frame(&at).then(&along);
            }
            Some(shape)
        };
        let [group] = given.array("group")?.unwrap_or_default();
        match shape {
            Some(shape) => self.plan.geoms.push(Geom {
                name: given.value("name"),
                body: at.body,
                shape,
                pose,
                hidden: group >= HIDDEN,
            }),
            None => self.plan.unknown.push(pose.position),
        }
        Ok(())
    }

    /// Half the size of a height field along X and Y, its height and its depth.
    fn hfield(&self, name: &str) -> Option<[f64; 4]> {
        let sections = self.tree.named("asset");
        let mut fields = sections.flat_map(|section| section.named("hfield"));
        let field = fields.find(|field| field.value("name") == Some(name))?;
        elements::numbers(field.value("size")?)?.try_into().ok()
    }
}

/// A shape that needs no file and, when its ends are given, its frame.
fn primitive(given: &Given<'_>, kind: &str) -> Result<(Shape, Option<Pose>), String> {
    let mut size = given.numbers("size")?;
    let mut along = None;
    if let Some([a, b, c, d, e, f]) = given.array("fromto")? {
        let direction = [a - d, b - e, c - f];
        let rotation = pose::z_axis(direction);
        along = Some(Pose {
            position: [
                f64::midpoint(a, d),
                f64::midpoint(b, e),
                f64::midpoint(c, f),
            ],
            rotation: rotation.ok_or_else(|| given.wrong("fromto", "has no length"))?,
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
            return Err(given.wrong("size", &format!("is too short for a {kind}")));
        }
        _ => return Err(given.wrong("type", "is not a kind of geom")),
    };
    if size.iter().any(|size| *size < 0.0) {
        return Err(given.wrong("size", "is below 0"));
    }
    Ok((shape, along))
}

/// What stops the reading: a line about an element, or an error that is one already.
enum Refused {
    Detail(String),
    Error(BundleError),
}

impl From<String> for Refused {
    fn from(detail: String) -> Self {
        Self::Detail(detail)
    }
}

impl From<BundleError> for Refused {
    fn from(error: BundleError) -> Self {
        Self::Error(error)
    }
}
