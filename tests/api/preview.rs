//! The picture of a scene: its contents, the models that it rejects, and its place in a bake.

mod isometric;
mod labels;
mod mujoco;

use std::fs;
use std::path::Path;

use gizmo_client::Format;
use gizmo_client::bundle::{Bundle, BundleErrorKind};
use gizmo_simulator::{Canned, Fault, On};
use regex::Regex;

use crate::support::Lab;

#[tokio::test]
async fn a_bake_writes_the_plan_next_to_the_model() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let bake = |format: Format| {
        lab.client
            .bake("a lab")
            .format(format.clone())
            .into_dir(dir.path().join(format.to_string()))
    };
    let bundle = bake(Format::Mjcf).await.unwrap();
    let plan = fs::read_to_string(bundle.dir().join("preview.svg")).unwrap();
    assert_eq!(plan, bundle.preview().unwrap());
    assert!(
        bundle
            .files()
            .iter()
            .any(|file| file.path == Path::new("preview.svg"))
    );
    // A repeated bake returns the same bundle. Only an MJCF bundle has a plan.
    assert_eq!(bake(Format::Mjcf).await.unwrap().files(), bundle.files());
    let bundle = bake(Format::Usd).await.unwrap();
    assert!(!bundle.dir().join("preview.svg").exists());
}

/// Returns a ZIP archive of one file, stored without compression.
fn zip(name: &str, contents: &str) -> Vec<u8> {
    let crc = zlib_rs::crc32::crc32(0, contents.as_bytes());
    let [length, name_length] =
        [contents.len(), name.len()].map(|length| u32::try_from(length).unwrap());
    let mut header = vec![10, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for number in [crc, length, length, name_length] {
        header.extend(number.to_le_bytes());
    }
    let local = [
        b"PK\x03\x04",
        &header[..],
        name.as_bytes(),
        contents.as_bytes(),
    ]
    .concat();
    let central = [b"PK\x01\x02\x0a\0", &header[..], &[0; 14], name.as_bytes()].concat();
    let mut end = b"PK\x05\x06\0\0\0\0\x01\0\x01\0".to_vec();
    for length in [central.len(), local.len()] {
        end.extend(u32::try_from(length).unwrap().to_le_bytes());
    }
    [&local[..], &central, &end, &[0, 0]].concat()
}

#[tokio::test]
async fn a_model_that_cannot_be_drawn_is_baked_without_a_plan() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let archive = zip("scene.xml", &world("<geom size='nan'/>"));
    let response = Canned::empty(200).body(archive);
    lab.handle
        .inject(On::operation("export_scene"), Fault::Respond(response));
    let bundle = lab
        .client
        .bake("a lab")
        .into_dir(dir.path().join("lab"))
        .await
        .unwrap();
    assert!(bundle.preview().is_err());
    let names: Vec<_> = bundle.files().iter().map(|file| &file.path).collect();
    assert_eq!(
        names,
        [Path::new("gizmo-provenance.json"), Path::new("scene.xml")]
    );
}

fn preview(model: &str) -> Result<String, gizmo_client::bundle::BundleError> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("scene.xml"), model).unwrap();
    Bundle::open(dir.path()).unwrap().preview()
}

/// Splits a picture into the plan and the isometric view.
fn views(svg: &str) -> (&str, &str) {
    svg.split_once("<g class=\"isometric\"").unwrap()
}

/// Returns the names of the geoms of a view in drawing order.
fn titles(view: &str) -> Vec<&str> {
    let title = Regex::new(r"<title>(?:[^<]* / )?(\S+) \(").unwrap();
    let titles = title.captures_iter(view);
    titles.map(|title| title.get(1).unwrap().as_str()).collect()
}

fn world(inner: &str) -> String {
    format!("<mujoco><worldbody>{inner}</worldbody></mujoco>")
}

/// Asserts that a model is rejected with a message of one line that contains `expected`.
fn assert_rejected(model: &str, kind: BundleErrorKind, expected: &str) {
    let error = preview(model).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains(expected) && !message.contains('\n'),
        "{message}"
    );
    assert_eq!(error.kind(), kind, "{message}");
    assert!(error.path().ends_with("scene.xml"));
}

#[test]
fn an_invalid_model_is_rejected_with_one_line() {
    for (inner, expected) in [
        (
            "<geom name='a' size='nan'/>",
            "`size` of geom `a` is not a list of numbers up to 1e6: `nan`",
        ),
        (
            "<geom size='1' pos='1 2'/>",
            "`pos` of geom is not 3 numbers up to 1e6: `1 2`",
        ),
        ("<geom size='1' pos='1 2 1e7'/>", "`1 2 1e7`"),
        ("<geom size='1' pos='inf 0 0'/>", "`inf 0 0`"),
        (
            "<geom size='1' quat='0 0 0 0'/>",
            "`quat` of geom is not an orientation: `0 0 0 0`",
        ),
        (
            "<geom type='box' size='1 2'/>",
            "`size` of geom is too short for a box: `1 2`",
        ),
        ("<geom size='-1'/>", "`size` of geom is negative: `-1`"),
        (
            "<geom type='cone'/>",
            "`type` of geom is not a geom type: `cone`",
        ),
        (
            "<geom type='capsule' size='1' fromto='1 1 1 1 1 1'/>",
            "`fromto` of geom has no length",
        ),
        (
            "<body><joint axis='0 0 0'/></body>",
            "`axis` of joint is not a direction: `0 0 0`",
        ),
        ("<geom", "cannot be parsed"),
    ] {
        assert_rejected(&world(inner), BundleErrorKind::BadModel, expected);
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("lab.sdf"), "<sdf/>").unwrap();
    let error = Bundle::open(dir.path()).unwrap().preview().unwrap_err();
    assert_eq!(error.kind(), BundleErrorKind::UnsupportedFormat);
    let expected = "lab.sdf: only MJCF is drawn, and this is Sdf";
    assert!(error.to_string().ends_with(expected), "{error}");
}

#[test]
fn a_model_that_is_too_large_is_rejected_with_one_line() {
    let deep = "<body>".repeat(600) + &"</body>".repeat(600);
    let copies = "<replicate count='1e5'><geom size='1'/></replicate>";
    let many = "<replicate count='999'><replicate count='999'/></replicate>";
    let itself = "<mujoco><asset><model name='m' file='scene.xml'/></asset>\
                  <worldbody><attach model='m' prefix='p'/></worldbody></mujoco>";
    for (model, expected) in [
        (world(&deep), "more than 500 levels of elements"),
        (itself.to_owned(), "more than 500 levels of elements"),
        (world(copies), "more than 50000 bodies, geoms and joints"),
        (world(many), "more than 50000 bodies, geoms and joints"),
    ] {
        assert_rejected(&model, BundleErrorKind::TooLarge, expected);
    }
}

/// Returns the names of the elements of a drawing, which must be well-formed XML.
fn elements(svg: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(svg);
    let mut names = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                for attribute in tag.attributes() {
                    attribute.unwrap();
                }
                names.push(String::from_utf8(tag.name().as_ref().into()).unwrap());
            }
            quick_xml::events::Event::Eof => return names,
            _ => {}
        }
    }
}

#[test]
fn names_are_escaped_and_unusual_models_are_drawn() {
    let evil = "<body name='&lt;/text>&lt;script>alert(1)&lt;/script>&quot;&#1;'><geom name='\" onload=\"x' size='1'/></body>";
    for (inner, expected) in [
        (evil, "&lt;/text&gt;&lt;script&gt;alert(1)"),
        ("", "unnamed model"),
        ("<geom type='plane' size='0 0 1'/>", "1 geom"),
        ("<geom type='plane' size='2 0 1' euler='90 0 0'/>", "1 geom"),
        ("<geom size='0'/>", "0 × 0 × 0 m"),
        (
            "<geom size='1e-9'/><geom size='1e-9' pos='1e-6 0 0'/>",
            "2 geoms",
        ),
        (
            "<geom size='1e6' pos='1e6 0 0'/><geom size='1e-6' pos='-1e6 1e6 0'/>",
            "2 geoms",
        ),
        ("<geom type='mesh' mesh='absent'/>", "unknown shape: 1"),
        (
            "<composite/><composite/><flexcomp/><attach model='absent'/>",
            "not drawn: 1 attached model, 2 composite, 1 flexcomp<",
        ),
        ("<geom size='1' group='3'/>", "1 geom<"),
        ("<geom size='1' class='absent'/>", "1 geom<"),
        (
            "<body name='ü€'><freejoint/><geom size='1'/></body>",
            ">ü€</text>",
        ),
    ] {
        let svg = preview(&world(inner)).unwrap();
        assert!(svg.contains(expected), "{expected}: {svg}");
        let elements = elements(&svg);
        assert!(!elements.iter().any(|name| name == "script"), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert_eq!(svg, preview(&world(inner)).unwrap());
    }
}

#[test]
fn a_model_that_includes_itself_is_drawn_once() {
    let dir = tempfile::tempdir().unwrap();
    let model =
        "<mujoco><worldbody><geom name='a' size='1'/></worldbody><include file='b.xml'/></mujoco>";
    let other = "<mujoco><include file='scene.xml'/><include file='b.xml'/><include file='gone.xml'/>\
                 <worldbody><geom name='b' size='1'/></worldbody></mujoco>";
    fs::write(dir.path().join("scene.xml"), model).unwrap();
    fs::write(dir.path().join("b.xml"), other).unwrap();
    let svg = Bundle::open(dir.path()).unwrap().preview().unwrap();
    assert_eq!(titles(views(&svg).0), ["a", "b"]);
}

#[test]
fn the_orientation_of_an_element_overrides_that_of_its_class() {
    let draw = |class: &str, attributes: &str| {
        let class = format!("<geom type='box' size='1 2 3' {class}/>");
        let classes = format!("<default><default class='c'>{class}</default></default>");
        let body = format!("<worldbody><geom class='c' {attributes}/></worldbody>");
        preview(&format!("<mujoco>{classes}{body}</mujoco>")).unwrap()
    };
    let without_class = draw("", "quat='1 0 0 1'");
    assert_ne!(without_class, draw("", ""));
    assert_eq!(without_class, draw("euler='10 20 30'", "quat='1 0 0 1'"));
    assert_eq!(without_class, draw("quat='1 2 3 4'", "euler='0 0 90'"));
}

#[test]
fn a_ceiling_is_an_outline_and_higher_geoms_are_drawn_later() {
    let svg = preview(&world(
        "<geom name='ceiling' type='box' size='2 2 .1' pos='0 0 2.5'/>\
         <geom name='cup' size='0.1' pos='0 0 0.9'/>\
         <geom name='table' type='box' size='1 1 0.4' pos='0 0 0.4'/>\
         <geom name='floor' type='plane' size='3 3 1'/>",
    ))
    .unwrap();
    assert_eq!(titles(views(&svg).0), ["table", "cup", "ceiling"]);
    let ceiling = svg
        .lines()
        .find(|line| line.contains(">ceiling ("))
        .unwrap();
    assert!(ceiling.contains("fill=\"none\"") && ceiling.contains("stroke-dasharray"));
}
