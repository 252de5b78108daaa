//! Reads the bodies, geoms and joints of a model, with their poses in the world.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::pose;
use super::pose::{Pose, Vec3};
use super::shape::Shape;
use crate::ext::bundle::mjcf::{Attributes, Defaults, Element, Model, Models, numbers};
use crate::ext::bundle::path::stem;
use crate::ext::bundle::{BundleError, BundleErrorKind};

/// The maximum number of bodies, geoms, joints and frames of a model, copies included.
const MAX_PLACED: usize = 50_000;
/// The maximum depth of nested elements, with those that attach models.
const MAX_DEPTH: usize = 500;
/// The first group of geoms that viewers hide, because they serve only for collisions.
const FIRST_HIDDEN: f64 = 3.0;
/// The visible elements that are counted instead of drawn.
const UNDRAWN: [&str; 4] = ["composite", "flexcomp", "flex", "skin"];

/// The parts of a model that are drawn.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    pub(super) name: Option<String>,
    /// The bodies. The world is the first.
    pub(super) bodies: Vec<Body>,
    pub(super) geoms: Vec<Geom>,
    pub(super) joints: Vec<Joint>,
    /// The mesh assets that geoms use.
    pub(super) meshes: Vec<MeshAsset<'a>>,
    /// The numbers of elements that are not drawn, by their kind.
    pub(super) undrawn: BTreeMap<&'static str, usize>,
}

#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) name: Option<String>,
    /// The index of its parent.
    pub(super) parent: usize,
    /// The index of the child of the world that contains it; its own index if it is one.
    pub(super) top: usize,
    /// Its position in the world.
    pub(super) position: Vec3,
    /// Whether it has a free joint.
    pub(super) free: bool,
    /// The number of joints with a symbol in it and in the bodies below it, if it is a child of the
    /// world.
    pub(super) joints: usize,
    /// Whether it has geometry that is not drawn, such as a hidden geom or a composite.
    pub(super) has_undrawn: bool,
}

#[derive(Debug)]
pub(super) struct Geom {
    pub(super) name: Option<String>,
    /// The index of its body.
    pub(super) body: usize,
    pub(super) form: Form,
    /// The pose in the world.
    pub(super) pose: Pose,
    hidden: bool,
}

/// The form of a geom.
#[derive(Debug)]
pub(super) enum Form {
    Shape(Shape),
    /// The index of a mesh asset.
    Mesh(usize),
    /// The asset that has the shape is missing.
    Unknown,
}

/// A mesh asset of a model.
#[derive(Debug)]
pub(super) struct MeshAsset<'a> {
    pub(super) model: &'a Model,
    pub(super) element: &'a Element,
    /// The scale that the default class sets.
    pub(super) default_scale: Option<String>,
}

#[derive(Debug)]
pub(super) struct Joint {
    pub(super) name: Option<String>,
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

/// A model whose elements are drawn.
#[derive(Debug)]
struct Source<'a> {
    model: &'a Model,
    defaults: Defaults<'a>,
    /// The mesh assets and the height fields, by name.
    meshes: HashMap<&'a str, &'a Element>,
    fields: HashMap<&'a str, &'a Element>,
    /// The bodies and frames by their kind and name, and the class around each.
    named: HashMap<(&'a str, &'a str), (&'a Element, Option<&'a str>)>,
}

impl<'a> Source<'a> {
    fn new(model: &'a Model) -> Self {
        let assets = |kind| {
            let sections = model.tree.named("asset");
            let assets = sections.flat_map(move |section| section.named(kind));
            let named = assets.filter_map(|asset| {
                let name = asset.value("name");
                Some((name.or_else(|| asset.value("file").map(stem))?, asset))
            });
            named.collect()
        };
        let mut named = HashMap::new();
        for world in model.tree.named("worldbody") {
            index(world, None, &mut named);
        }
        Self {
            model,
            defaults: Defaults::of(&model.tree),
            meshes: assets("mesh"),
            fields: assets("hfield"),
            named,
        }
    }

    /// Returns half the size of a height field along X and Y, its height and its depth.
    fn field(&self, name: &str) -> Option<[f64; 4]> {
        numbers(self.fields.get(name)?.value("size")?)?
            .try_into()
            .ok()
    }
}

/// Adds the bodies and frames below `element`, and the class around each.
fn index<'a>(
    element: &'a Element,
    class: Option<&'a str>,
    named: &mut HashMap<(&'a str, &'a str), (&'a Element, Option<&'a str>)>,
) {
    let class = element.value("childclass").or(class);
    for child in &element.children {
        if matches!(child.name(), "body" | "frame")
            && let Some(name) = child.value("name")
        {
            named.entry((child.name(), name)).or_insert((child, class));
        }
        index(child, class, named);
    }
}

/// Reads the plan of a model, and of the models that it attaches.
pub(super) fn read<'a>(models: &'a Models, main: &'a Path) -> Result<Plan<'a>, BundleError> {
    let sources: Vec<Source<'_>> = models.all().iter().map(Source::new).collect();
    let mut reader = Reader {
        main,
        models,
        sources: &sources,
        assets: HashMap::new(),
        prefix: String::new(),
        left: MAX_PLACED,
        plan: Plan {
            name: models.all()[0].tree.value("model").map(str::to_owned),
            bodies: vec![Body::default()],
            ..Plan::default()
        },
    };
    let world = Context {
        source: &sources[0],
        pose: Pose::IDENTITY,
        body: 0,
        class: None,
        depth: 0,
    };
    for section in world.source.model.tree.named("worldbody") {
        reader.children(section, world)?;
    }
    for model in models.all().iter().filter(|model| model.is_loaded()) {
        for section in model.tree.named("deformable") {
            for child in &section.children {
                reader.skip(child);
            }
        }
        for section in model.tree.named("asset") {
            for skin in section.named("skin") {
                reader.skip(skin);
            }
        }
    }
    let mut plan = reader.plan;
    if plan.geoms.iter().any(|geom| !geom.hidden) {
        plan.geoms.retain(|geom| !geom.hidden);
    }
    Ok(plan)
}

/// The surroundings of an element.
#[derive(Clone, Copy, Debug)]
struct Context<'s, 'a> {
    /// The model that contains it.
    source: &'s Source<'a>,
    /// The pose of the parent frame in the world.
    pose: Pose,
    /// The index of the body.
    body: usize,
    /// The class of elements that do not name one.
    class: Option<&'s str>,
    /// The number of elements around it, with those that attach models.
    depth: usize,
}

impl Context<'_, '_> {
    /// Returns the frame to which the poses of elements are relative.
    fn frame(&self) -> Pose {
        if self.source.model.compiler.global {
            Pose::IDENTITY
        } else {
            self.pose
        }
    }

    /// Returns the pose of an element's frame in the world.
    fn pose_of(&self, attributes: &Attributes<'_>) -> Result<Pose, String> {
        let pose = attributes.pose(&self.source.model.compiler)?;
        Ok(self.frame().then(&pose))
    }
}

/// The state while a model is read.
struct Reader<'s, 'a> {
    /// The main file, which errors name.
    main: &'a Path,
    models: &'a Models,
    /// The models, with the indices of `models`.
    sources: &'s [Source<'a>],
    /// The indices in the plan of the mesh assets that geoms use, by their addresses.
    assets: HashMap<*const Element, usize>,
    /// What attached models add to the names of their elements.
    prefix: String,
    /// The number of bodies, geoms, joints and frames that may still be added.
    left: usize,
    plan: Plan<'a>,
}

impl<'s, 'a> Reader<'s, 'a> {
    fn children(
        &mut self,
        element: &'a Element,
        context: Context<'s, 'a>,
    ) -> Result<(), BundleError> {
        element
            .children
            .iter()
            .try_for_each(|child| self.child(child, context))
    }

    /// Adds an element that is drawn, and counts one that should be.
    fn child(&mut self, child: &'a Element, context: Context<'s, 'a>) -> Result<(), BundleError> {
        if context.depth == MAX_DEPTH {
            return Err(self.too_large(format!("more than {MAX_DEPTH} levels of elements")));
        }
        let context = Context {
            depth: context.depth + 1,
            ..context
        };
        let placed = match child.name() {
            "body" | "frame" | "replicate" | "geom" | "joint" | "freejoint" => {
                self.place(child, context)
            }
            "attach" => self.attach(child, context),
            _ => {
                self.plan.bodies[context.body].has_undrawn |= self.skip(child);
                Ok(())
            }
        };
        placed.map_err(|failure| match failure {
            Failure::Detail(detail) => {
                BundleError::new(BundleErrorKind::BadModel, self.main, detail)
            }
            Failure::Error(error) => error,
        })
    }

    /// Counts an element that is visible, but not drawn. Returns whether it is one.
    fn skip(&mut self, element: &Element) -> bool {
        let kind = UNDRAWN.iter().find(|kind| **kind == element.name());
        if let Some(kind) = kind {
            *self.plan.undrawn.entry(kind).or_default() += 1;
        }
        kind.is_some()
    }

    /// Adds an element and its children.
    fn place(&mut self, element: &'a Element, context: Context<'s, 'a>) -> Result<(), Failure> {
        self.count()?;
        let attributes = Attributes::new(element, &context.source.defaults, context.class);
        match element.name() {
            "body" => {
                let index = self.plan.bodies.len();
                let inner = Self::inner(&attributes, context)?;
                self.plan.bodies.push(Body {
                    name: self.name(element),
                    parent: context.body,
                    top: if context.body == 0 {
                        index
                    } else {
                        self.plan.bodies[context.body].top
                    },
                    position: inner.pose.position,
                    ..Body::default()
                });
                self.children(
                    element,
                    Context {
                        body: index,
                        ..inner
                    },
                )?;
            }
            "frame" => {
                let inner = Self::inner(&attributes, context)?;
                self.children(element, inner)?;
            }
            "replicate" => self.replicate(element, &attributes, context)?,
            "geom" => self.geom(&attributes, context)?,
            "freejoint" => self.plan.bodies[context.body].free = true,
            _ => self.joint(&attributes, context)?,
        }
        Ok(())
    }

    /// Returns the name of an element, with the prefixes of attached models.
    fn name(&self, element: &Element) -> Option<String> {
        let name = element.value("name")?;
        Some(format!("{}{name}", self.prefix))
    }

    /// Counts one more element.
    fn count(&mut self) -> Result<(), BundleError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            self.too_large(format!("more than {MAX_PLACED} bodies, geoms and joints"))
        })?;
        Ok(())
    }

    fn too_large(&self, detail: String) -> BundleError {
        BundleError::new(BundleErrorKind::TooLarge, self.main, detail)
    }

    /// Returns the context of an element's children.
    fn inner(
        attributes: &Attributes<'s>,
        context: Context<'s, 'a>,
    ) -> Result<Context<'s, 'a>, String> {
        Ok(Context {
            pose: context.pose_of(attributes)?,
            class: attributes.value("childclass").or(context.class),
            ..context
        })
    }

    /// Adds a body, a frame or all of a model.
    fn attach(&mut self, element: &'a Element, context: Context<'s, 'a>) -> Result<(), Failure> {
        self.count()?;
        let Some(index) = self.models.attached(context.source.model, element) else {
            *self.plan.undrawn.entry("attached model").or_default() += 1;
            self.plan.bodies[context.body].has_undrawn = true;
            return Ok(());
        };
        let length = self.prefix.len();
        self.prefix
            .push_str(element.value("prefix").unwrap_or_default());
        let source = &self.sources[index];
        let context = Context {
            source,
            class: None,
            ..context
        };
        let wanted = ["body", "frame"].into_iter().find_map(|kind| {
            let name = element.value(kind)?;
            (name != "world").then_some((kind, name))
        });
        match wanted {
            None => {
                for world in source.model.tree.named("worldbody") {
                    self.children(world, context)?;
                }
            }
            Some(wanted) => {
                if let Some((child, class)) = source.named.get(&wanted).copied() {
                    self.child(child, Context { class, ..context })?;
                }
            }
        }
        self.prefix.truncate(length);
        Ok(())
    }

    /// Adds copies of the children, each at an offset from the previous one.
    fn replicate(
        &mut self,
        element: &'a Element,
        attributes: &Attributes<'s>,
        context: Context<'s, 'a>,
    ) -> Result<(), Failure> {
        let [count] = attributes.array("count")?.unwrap_or_default();
        let offset = attributes.array("offset")?.unwrap_or_default();
        let angles: Vec3 = attributes.array("euler")?.unwrap_or_default();
        let compiler = &context.source.model.compiler;
        let mut copy = Pose::IDENTITY;
        let mut index = 0.0;
        while index < count {
            self.count()?;
            let rotation = attributes.euler("euler", compiler, angles.map(|angle| angle * index));
            copy.rotation = rotation?;
            let pose = context.pose.then(&copy);
            self.children(element, Context { pose, ..context })?;
            copy.position = copy.point(offset);
            index += 1.0;
        }
        Ok(())
    }

    fn joint(
        &mut self,
        attributes: &Attributes<'s>,
        context: Context<'s, 'a>,
    ) -> Result<(), Failure> {
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
        let top = self.plan.bodies[context.body].top;
        self.plan.bodies[top].joints += 1;
        let frame = context.frame();
        let axis = attributes.array("axis")?.unwrap_or([0.0, 0.0, 1.0]);
        let axis =
            pose::unit(axis).ok_or_else(|| attributes.invalid("axis", "is not a direction"))?;
        self.plan.joints.push(Joint {
            name: self.name(attributes.element),
            kind,
            anchor: frame.point(attributes.array("pos")?.unwrap_or_default()),
            axis: frame.direction(axis),
        });
        Ok(())
    }

    fn geom(
        &mut self,
        attributes: &Attributes<'s>,
        context: Context<'s, 'a>,
    ) -> Result<(), Failure> {
        let mut pose = context.pose_of(attributes)?;
        let kind = attributes.value("type").unwrap_or("sphere");
        let form = if let Some(mesh) = attributes.value("mesh") {
            self.mesh(context.source, mesh)
        } else if kind == "hfield" {
            let field = attributes
                .value("hfield")
                .and_then(|name| context.source.field(name));
            field.map_or(Form::Unknown, |[x, y, top, bottom]| {
                pose.position = pose.point([0.0, 0.0, (top - bottom) / 2.0]);
                Form::Shape(Shape::Box([x, y, f64::midpoint(top, bottom)]))
            })
        } else {
            let (shape, along) = primitive(attributes, kind)?;
            if let Some(along) = along {
                pose = context.frame().then(&along);
            }
            Form::Shape(shape)
        };
        let [group] = attributes.array("group")?.unwrap_or_default();
        let hidden = group >= FIRST_HIDDEN;
        self.plan.bodies[context.body].has_undrawn |= hidden;
        self.plan.geoms.push(Geom {
            name: self.name(attributes.element),
            body: context.body,
            form,
            pose,
            hidden,
        });
        Ok(())
    }

    /// Returns the form of a geom that uses a mesh asset.
    fn mesh(&mut self, source: &'s Source<'a>, name: &str) -> Form {
        let Some(asset) = source.meshes.get(name).copied() else {
            return Form::Unknown;
        };
        let index = self.assets.entry(asset).or_insert_with(|| {
            let class = Attributes::new(asset, &source.defaults, None);
            self.plan.meshes.push(MeshAsset {
                model: source.model,
                element: asset,
                default_scale: class.inherited("scale").map(str::to_owned),
            });
            self.plan.meshes.len() - 1
        });
        Form::Mesh(*index)
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
