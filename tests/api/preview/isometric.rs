//! The isometric view: what covers what, which faces are visible, and what is cut away.

use regex::Regex;

use super::{preview, titles, views, world};

/// A solid of the isometric view: its name, and the fill and the corners of each face on the page.
type Solid = (String, Vec<(String, Vec<[f64; 2]>)>);

/// Returns the solids of the isometric view, from the back to the front.
fn solids(svg: &str) -> Vec<Solid> {
    let solid =
        Regex::new(r#"<g stroke="[^"]+" stroke-width="0.8">(.*)<title>(?:[^<]* / )?(\S+) \("#)
            .unwrap();
    let face = Regex::new(r#"<path d="M([^"]*)Z" fill="([^"]+)""#).unwrap();
    let (_, isometric) = views(svg);
    let solids = solid.captures_iter(isometric).map(|solid| {
        let faces = face.captures_iter(solid.get(1).unwrap().as_str());
        let faces = faces.filter(|face| &face[2] != "none").map(|face| {
            let corners = face[1].split('L').map(|corner| {
                let (x, y) = corner.split_once(' ').unwrap();
                [x, y].map(|number| number.parse().unwrap())
            });
            (face[2].to_owned(), corners.collect())
        });
        (solid[2].to_owned(), faces.collect())
    });
    solids.collect()
}

/// Returns the height of a solid on the page, in pixels.
fn height((_, faces): &Solid) -> f64 {
    let corners = || faces.iter().flat_map(|(_, corners)| corners);
    let ys = || corners().map(|[_, y]| *y);
    ys().fold(f64::MIN, f64::max) - ys().fold(f64::MAX, f64::min)
}

fn named<'s>(solids: &'s [Solid], name: &str) -> Option<&'s Solid> {
    solids.iter().find(|(other, _)| other == name)
}

#[test]
fn a_solid_covers_those_behind_and_below_it() {
    let cube = |name: &str, at: &str| {
        format!("<geom name='{name}' type='box' size='0.5 0.5 0.5' pos='{at}'/>")
    };
    let slab = |name: &str, size: &str, at: &str| {
        format!("<geom name='{name}' type='box' size='{size}' pos='{at}'/>")
    };
    for (model, expected) in [
        // The viewer is at positive X, negative Y and positive Z.
        (
            [cube("near", "2 0 0"), cube("far", "0 0 0")],
            ["far", "near"],
        ),
        (
            [cube("near", "0 -2 0"), cube("far", "0 0 0")],
            ["far", "near"],
        ),
        (
            [cube("high", "0 0 2"), cube("low", "0 0 0")],
            ["low", "high"],
        ),
        // The centre of the slab is nearer.
        (
            [cube("on_it", "-3 3 0.6"), slab("slab", "4 4 0.1", "0 0 0")],
            ["slab", "on_it"],
        ),
        // It sinks in a little, as what rests on a floor does.
        (
            [cube("on_it", "-3 3 0.58"), slab("slab", "4 4 0.1", "0 0 0")],
            ["slab", "on_it"],
        ),
        (
            [
                cube("before_it", "3 -1 0"),
                slab("long", "4 0.1 1", "0 0 0"),
            ],
            ["long", "before_it"],
        ),
        (
            [slab("long", "4 0.1 1", "0 0 0"), cube("behind_it", "3 1 0")],
            ["behind_it", "long"],
        ),
    ] {
        // A free body is no part of the building.
        let body = |geom: &String| format!("<body><freejoint/>{geom}</body>");
        let svg = preview(&world(&model.iter().map(body).collect::<String>())).unwrap();
        assert_eq!(titles(views(&svg).1), expected, "{model:?}");
    }
}

#[test]
fn the_visible_faces_of_a_shape_are_drawn() {
    for (geom, faces) in [
        ("type='box' size='1 1 1'", 3),
        ("type='box' size='1 1 1' euler='0 0 45'", 2),
        ("type='box' size='1 1 1' euler='20 30 40'", 3),
        ("type='box' size='1 1 0'", 3),
        // The parts of the side have different shades, and the upper end is the last face.
        ("type='cylinder' size='1 1'", 9),
        ("type='cylinder' size='1 1' euler='40 0 0'", 1),
        ("type='sphere' size='1'", 1),
        ("type='ellipsoid' size='1 2 3' euler='20 30 40'", 1),
        ("type='capsule' size='1 1'", 1),
        ("type='sphere' size='0'", 1),
        ("type='mesh' mesh='cube'", 3),
        ("type='mesh' mesh='cube' euler='0 40 0'", 1),
        ("type='mesh' mesh='pyramid'", 1),
        ("type='mesh' mesh='flat'", 1),
    ] {
        let model = format!(
            "<mujoco><asset>\
             <mesh name='cube' vertex='0 0 0 1 0 0 0 1 0 1 1 0 0 0 1 1 0 1 0 1 1 1 1 1'/>\
             <mesh name='pyramid' vertex='0 0 0 1 0 0 0 1 0 1 1 0 .5 .5 1'/>\
             <mesh name='flat' vertex='0 0 0 1 0 0 1 0 1 0 0 1'/></asset>\
             <worldbody><body name='a'><freejoint/><geom name='a' {geom}/></body></worldbody></mujoco>"
        );
        let svg = preview(&model).unwrap();
        let [(_, drawn)] = solids(&svg).try_into().unwrap();
        assert_eq!(drawn.len(), faces, "{geom}: {drawn:?}");
        let mut fills: Vec<&str> = drawn.iter().map(|(fill, _)| fill.as_str()).collect();
        fills.sort_unstable();
        fills.dedup();
        assert_eq!(fills.len(), faces, "{geom}: {fills:?}");
    }
}

#[test]
fn lengths_along_the_axes_have_one_scale() {
    let svg = preview(&world(
        "<body name='a'><freejoint/><geom name='a' type='box' size='1 1 1'/></body>",
    ))
    .unwrap();
    let solids = solids(&svg);
    let corners = solids[0].1.iter().flat_map(|(_, corners)| {
        let next = corners.iter().cycle().skip(1);
        corners.iter().zip(next)
    });
    let edges: Vec<f64> = corners
        .map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1]))
        .collect();
    assert_eq!(edges.len(), 12);
    for edge in &edges {
        assert!((edge - edges[0]).abs() < 0.3, "{edges:?}");
    }
}

/// A room of 8 by 6 metres with walls of 2.5 metres, a window in each, and a roof.
const ROOM: &str = "
    <body name='floor_0'><geom name='floor' type='box' size='4 3 0.1' pos='0 0 -0.1'/></body>
    <body name='wall_1'><geom name='north' type='box' size='4 0.1 1.25' pos='0 3 1.25'/></body>
    <body name='wall_2'><geom name='south' type='box' size='4 0.1 1.25' pos='0 -3 1.25'/></body>
    <body name='wall_3'><geom name='east' type='box' size='0.1 3 1.25' pos='4 0 1.25'/></body>
    <body name='wall_4'><geom name='west' type='box' size='0.1 3 1.25' pos='-4 0 1.25'/></body>
    <body name='wall_5'><geom name='divider' type='box' size='0.1 2 1.25' pos='0 1 1.25'/></body>
    <body name='window_6'><geom name='north_window' type='box' size='0.5 0.12 0.4' pos='0 3 1.5'/></body>
    <body name='window_7'><geom name='south_window' type='box' size='0.5 0.12 0.4' pos='0 -3 1.5'/></body>
    <body name='table_8'><geom name='table' type='box' size='0.5 0.5 0.4' pos='2 -1 0.4'/></body>
    <body name='shelf_9_rigid_body'><geom name='shelf' type='box' size='1 0.2 1' pos='2 -2.7 1'/></body>";
const ROOF: &str =
    "<body name='roof_10'><geom name='roof' type='box' size='4 3 0.1' pos='0 0 2.6'/></body>";

#[test]
fn near_walls_and_the_ceiling_hide_nothing() {
    for (roof, caption) in [
        ("", "Isometric view, without the near walls<"),
        (
            ROOF,
            "Isometric view, without the ceiling and the near walls<",
        ),
    ] {
        let svg = preview(&world(&format!("{ROOM}{roof}"))).unwrap();
        assert!(svg.contains(caption), "{svg}");
        let solids = solids(&svg);
        let of = |name| named(&solids, name).unwrap_or_else(|| panic!("{name} is not drawn"));
        for (long, cut) in [("north", "south"), ("west", "east")] {
            assert!(
                height(of(long)) > height(of(cut)) + 50.0,
                "{long} and {cut}"
            );
        }
        // A wall inside of the room is cut, and objects are not, whatever their size.
        assert!(height(of("divider")) < height(of("west")) - 50.0);
        assert!(height(of("shelf")) > 60.0);
        assert!(named(&solids, "north_window").is_some());
        assert!(named(&solids, "south_window").is_none());
        assert!(named(&solids, "roof").is_none());
        assert_eq!(solids[0].0, "floor");
        // The plan shows all of them.
        assert_eq!(
            titles(views(&svg).0).len(),
            solids.len() + 1 + usize::from(!roof.is_empty())
        );
    }
    let svg = preview(&world("<geom type='box' size='1 1 1'/>")).unwrap();
    assert!(svg.contains("Isometric view<"), "{svg}");
}

#[test]
fn heights_have_a_scale() {
    for (inner, expected) in [
        (ROOM, &["0 m", "1 m", "2 m"][..]),
        (
            "<geom type='box' size='1 1 1' pos='0 0 2'/>",
            &["1 m", "3 m"],
        ),
        (
            "<geom type='box' size='1e-3 1e-3 1e-3'/>",
            &["-0.001 m", "0.001 m"],
        ),
        // A flat scene has no heights.
        ("<geom type='box' size='1 1 0'/>", &[]),
    ] {
        let svg = preview(&world(inner)).unwrap();
        let scale = svg.split("<g class=\"heights").nth(1).unwrap_or_default();
        let scale = scale.split("</g>").next().unwrap();
        for label in expected {
            assert!(
                scale.contains(&format!(">{label}</text>")),
                "{label}: {scale}"
            );
        }
        assert_eq!(scale.is_empty(), expected.is_empty(), "{scale}");
    }
}

#[test]
fn the_largest_of_many_solids_are_drawn() {
    // All of them cover each other, which is the most work.
    let model = world(
        "<replicate count='9000'><geom name='small' type='box' size='1 1 1'/></replicate>\
         <geom name='large' type='box' size='2 2 2'/>",
    );
    let svg = preview(&model).unwrap();
    let (plan, isometric) = views(&svg);
    assert_eq!(titles(plan).len(), 9001);
    let drawn = titles(isometric);
    assert_eq!(drawn.len(), 3000);
    assert!(drawn.contains(&"large"));
    assert!(svg.contains("9001 geoms"));
}
