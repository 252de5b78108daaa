//! The geometry of each kind of furniture. Sizes vary between assets.

use super::brief::Kind;
use super::mesh::Mesh;
use super::model::{Body, Joint, JointKind, Material, Part};
use crate::random::Random;

/// Builds one body from its parts.
struct Builder {
    body: Body,
}

impl Builder {
    fn new(name: &str, position: [f64; 3]) -> Self {
        let body = Body {
            name: name.to_owned(),
            position,
            joint: None,
            parts: Vec::new(),
            children: Vec::new(),
        };
        Self { body }
    }

    fn joint(mut self, kind: JointKind, axis: [f64; 3], range: [f64; 2]) -> Self {
        let name = format!("{}_{}", self.body.name, kind.name());
        self.body.joint = Some(Joint {
            name,
            kind,
            axis,
            range,
        });
        self
    }

    fn free(self) -> Self {
        self.joint(JointKind::Free, [0.0; 3], [0.0; 2])
    }

    fn name(&self, part: &str) -> String {
        format!("{}_{part}", self.body.name)
    }

    fn part(mut self, mesh: Mesh, material: Material, position: [f64; 3]) -> Self {
        self.body.parts.push(Part {
            mesh,
            material,
            position,
        });
        self
    }

    fn cuboid(self, part: &str, material: Material, size: [f64; 3], position: [f64; 3]) -> Self {
        let mesh = Mesh::cuboid(self.name(part), size);
        self.part(mesh, material, position)
    }

    fn cylinder(
        self,
        part: &str,
        material: Material,
        (radius, height): (f64, f64),
        position: [f64; 3],
    ) -> Self {
        let mesh = Mesh::cylinder(self.name(part), radius, height, 24);
        self.part(mesh, material, position)
    }

    fn lathe(
        self,
        part: &str,
        material: Material,
        profile: &[(f64, f64)],
        position: [f64; 3],
    ) -> Self {
        let mesh = Mesh::lathe(self.name(part), profile, 32);
        self.part(mesh, material, position)
    }

    fn child(mut self, child: Self) -> Self {
        self.body.children.push(child.body);
        self
    }
}

/// Builds one piece of furniture.
pub(super) fn build(kind: Kind, name: &str, random: &mut Random) -> Body {
    let piece = match kind {
        Kind::Workbench => workbench(name, random),
        Kind::Toolbox => toolbox(name, random),
        Kind::Cabinet => cabinet(name, random),
        Kind::Drawers => drawers(name, random),
        Kind::Stool => stool(name, random),
        Kind::Crate => {
            let side = random.between(0.2, 0.35);
            Builder::new(name, [0.0, 0.0, side / 2.0 + 0.002])
                .free()
                .cuboid("body", Material::Wood, [side; 3], [0.0; 3])
        }
        Kind::Vase => {
            let (radius, height) = (random.between(0.05, 0.09), random.between(0.2, 0.35));
            let profile = [
                (0.0, 0.0),
                (radius * 0.7, 0.0),
                (radius, height * 0.4),
                (radius * 0.5, height * 0.8),
                (radius * 0.6, height),
                (0.0, height),
            ];
            Builder::new(name, [0.0, 0.0, 0.002]).free().lathe(
                "body",
                Material::Ceramic,
                &profile,
                [0.0; 3],
            )
        }
        Kind::Lamp => lamp(name, random),
        Kind::Bin => {
            let (radius, height) = (random.between(0.14, 0.2), random.between(0.3, 0.4));
            let inner = radius - 0.015;
            let profile = [
                (0.0, 0.0),
                (radius * 0.8, 0.0),
                (radius, height),
                (inner, height),
                (inner * 0.8, 0.02),
                (0.0, 0.02),
            ];
            Builder::new(name, [0.0; 3]).lathe("body", Material::Steel, &profile, [0.0; 3])
        }
        Kind::Shelf => shelf(name, random),
    };
    piece.body
}

fn workbench(name: &str, random: &mut Random) -> Builder {
    let (width, depth, height) = (
        random.between(1.2, 1.8),
        random.between(0.6, 0.8),
        random.between(0.8, 0.95),
    );
    let mut bench = Builder::new(name, [0.0; 3]).cuboid(
        "top",
        Material::Wood,
        [width, depth, 0.05],
        [0.0, 0.0, height - 0.025],
    );
    let (x, y) = (width / 2.0 - 0.05, depth / 2.0 - 0.05);
    for (leg, (x, y)) in [
        ("leg_1", (x, y)),
        ("leg_2", (-x, y)),
        ("leg_3", (-x, -y)),
        ("leg_4", (x, -y)),
    ] {
        bench = bench.cuboid(
            leg,
            Material::Steel,
            [0.06, 0.06, height - 0.05],
            [x, y, (height - 0.05) / 2.0],
        );
    }
    bench
}

/// Returns a box whose lid opens on a hinge at the back.
fn toolbox(name: &str, random: &mut Random) -> Builder {
    let (width, depth, height) = (
        random.between(0.4, 0.55),
        random.between(0.2, 0.28),
        random.between(0.15, 0.22),
    );
    let lid = Builder::new(&format!("{name}_lid"), [0.0, -depth / 2.0, height])
        .joint(JointKind::Hinge, [1.0, 0.0, 0.0], [0.0, 1.9])
        .cuboid(
            "plate",
            Material::Paint,
            [width, depth, 0.04],
            [0.0, depth / 2.0, 0.02],
        )
        .cuboid(
            "handle",
            Material::Steel,
            [width / 3.0, 0.03, 0.03],
            [0.0, depth / 2.0, 0.055],
        );
    Builder::new(name, [0.0; 3])
        .cuboid(
            "case",
            Material::Paint,
            [width, depth, height],
            [0.0, 0.0, height / 2.0],
        )
        .child(lid)
}

/// Returns a cabinet with a door on a hinge.
fn cabinet(name: &str, random: &mut Random) -> Builder {
    let (width, depth, height) = (
        random.between(0.5, 0.7),
        random.between(0.4, 0.5),
        random.between(0.8, 1.6),
    );
    let door = Builder::new(
        &format!("{name}_door"),
        [-width / 2.0, depth / 2.0, height / 2.0],
    )
    .joint(JointKind::Hinge, [0.0, 0.0, 1.0], [0.0, 2.0])
    .cuboid(
        "panel",
        Material::Wood,
        [width, 0.02, height - 0.02],
        [width / 2.0, 0.01, 0.0],
    )
    .cylinder(
        "knob",
        Material::Steel,
        (0.015, 0.1),
        [width - 0.06, 0.035, 0.0],
    );
    Builder::new(name, [0.0; 3])
        .cuboid(
            "carcass",
            Material::Wood,
            [width, depth, height],
            [0.0, 0.0, height / 2.0],
        )
        .child(door)
}

/// Returns a chest with two sliding drawers.
fn drawers(name: &str, random: &mut Random) -> Builder {
    let (width, depth) = (random.between(0.5, 0.7), random.between(0.45, 0.55));
    let (inner, height) = (width - 0.06, 0.56);
    let mut chest = Builder::new(name, [0.0; 3])
        .cuboid(
            "left",
            Material::Wood,
            [0.02, depth, height],
            [0.01 - width / 2.0, 0.0, height / 2.0],
        )
        .cuboid(
            "right",
            Material::Wood,
            [0.02, depth, height],
            [width / 2.0 - 0.01, 0.0, height / 2.0],
        )
        .cuboid(
            "back",
            Material::Wood,
            [width - 0.04, 0.02, height],
            [0.0, 0.01 - depth / 2.0, height / 2.0],
        )
        .cuboid(
            "top",
            Material::Wood,
            [width, depth, 0.02],
            [0.0, 0.0, height + 0.01],
        );
    for (drawer, z) in [("drawer_1", 0.14), ("drawer_2", 0.42)] {
        let drawer = Builder::new(&format!("{name}_{drawer}"), [0.0, 0.0, z])
            .joint(JointKind::Slide, [0.0, 1.0, 0.0], [0.0, depth * 0.7])
            .cuboid(
                "tray",
                Material::Wood,
                [inner, depth - 0.06, 0.2],
                [0.0, 0.01, 0.0],
            )
            .cuboid(
                "front",
                Material::Paint,
                [inner, 0.02, 0.26],
                [0.0, depth / 2.0 - 0.01, 0.0],
            )
            .cylinder(
                "knob",
                Material::Steel,
                (0.015, 0.03),
                [0.0, depth / 2.0 + 0.015, 0.0],
            );
        chest = chest.child(drawer);
    }
    chest
}

fn stool(name: &str, random: &mut Random) -> Builder {
    let (radius, height) = (random.between(0.16, 0.22), random.between(0.45, 0.7));
    let seat = [
        (0.0, 0.0),
        (radius * 0.9, 0.0),
        (radius, 0.02),
        (radius * 0.95, 0.05),
        (0.0, 0.06),
    ];
    let mut stool =
        Builder::new(name, [0.0; 3]).lathe("seat", Material::Fabric, &seat, [0.0, 0.0, height]);
    for (leg, turn) in [("leg_1", 0.0_f64), ("leg_2", 2.1), ("leg_3", 4.2)] {
        let (x, y) = (turn.cos() * radius * 0.7, turn.sin() * radius * 0.7);
        stool = stool.cylinder(leg, Material::Steel, (0.015, height), [x, y, height / 2.0]);
    }
    stool
}

/// Returns a lamp with an arm on a hinge.
fn lamp(name: &str, random: &mut Random) -> Builder {
    let height = random.between(1.3, 1.7);
    let shade = [(0.0, 0.0), (0.16, 0.0), (0.07, 0.16), (0.0, 0.16)];
    let arm = Builder::new(&format!("{name}_arm"), [0.0, 0.0, height])
        .joint(JointKind::Hinge, [0.0, 1.0, 0.0], [-0.8, 0.8])
        .cylinder("pole", Material::Steel, (0.012, 0.3), [0.0, 0.0, 0.15])
        .lathe("shade", Material::Fabric, &shade, [0.0, 0.0, 0.3]);
    Builder::new(name, [0.0; 3])
        .cylinder("foot", Material::Steel, (0.15, 0.03), [0.0, 0.0, 0.015])
        .cylinder(
            "stand",
            Material::Steel,
            (0.015, height - 0.03),
            [0.0, 0.0, 0.03 + (height - 0.03) / 2.0],
        )
        .child(arm)
}

fn shelf(name: &str, random: &mut Random) -> Builder {
    let (width, height) = (random.between(0.8, 1.2), random.between(1.2, 1.8));
    let mut shelf = Builder::new(name, [0.0; 3])
        .cuboid(
            "left",
            Material::Wood,
            [0.02, 0.3, height],
            [-width / 2.0, 0.0, height / 2.0],
        )
        .cuboid(
            "right",
            Material::Wood,
            [0.02, 0.3, height],
            [width / 2.0, 0.0, height / 2.0],
        );
    for (board, part) in [
        ("board_1", 0.1),
        ("board_2", 0.4),
        ("board_3", 0.7),
        ("board_4", 0.98),
    ] {
        shelf = shelf.cuboid(
            board,
            Material::Wood,
            [width - 0.02, 0.3, 0.02],
            [0.0, 0.0, height * part],
        );
    }
    shelf
}

/// Returns a small robot arm with three joints, named after its profile.
pub(super) fn robot(profile: &str) -> Body {
    let name = format!("robot_{}", super::model::identifier(profile));
    let gripper = Builder::new(&format!("{name}_gripper"), [0.0, 0.0, 0.3])
        .joint(JointKind::Hinge, [0.0, 0.0, 1.0], [-2.8, 2.8])
        .cuboid(
            "palm",
            Material::Steel,
            [0.08, 0.03, 0.05],
            [0.0, 0.0, 0.025],
        );
    let elbow = Builder::new(&format!("{name}_forearm"), [0.0, 0.0, 0.35])
        .joint(JointKind::Hinge, [0.0, 1.0, 0.0], [-2.2, 2.2])
        .cylinder("tube", Material::Paint, (0.035, 0.28), [0.0, 0.0, 0.15])
        .child(gripper);
    let shoulder = Builder::new(&format!("{name}_upper_arm"), [0.0, 0.0, 0.2])
        .joint(JointKind::Hinge, [0.0, 1.0, 0.0], [-1.6, 1.6])
        .cylinder("tube", Material::Paint, (0.045, 0.33), [0.0, 0.0, 0.17])
        .child(elbow);
    Builder::new(&name, [0.0; 3])
        .cylinder("base", Material::Steel, (0.1, 0.19), [0.0, 0.0, 0.095])
        .child(shoulder)
        .body
}
