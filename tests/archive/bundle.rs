//! Choosing the model of a bundle, and finding the missing files that it names.

use std::fs;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use gizmo_client::bundle::{Bundle, BundleErrorKind, MissingReason, ModelFormat, WarningKind};

use crate::disk::slashes;

/// Creates a temporary directory with these files.
fn directory_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, contents) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
    directory
}

const MODEL: &str = "<?xml version='1.0'?>\n<!-- <sdf/> -->\n<mujoco model='m'/>";
const INCLUDES_ARM: &str = "<mujoco><include file='arm.xml'/></mujoco>";
const CONFIG: &str = "<model><name>lab</name><sdf version='1.4'>old.sdf</sdf>\
                      <sdf version='1.10'>new.sdf</sdf><sdf version='1.9'>mid.sdf</sdf></model>";

#[test]
fn the_model_is_chosen_by_name_contents_and_depth() {
    use ModelFormat::{Mjcf, Sdf, Urdf, Usd};
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, ModelFormat);
    let table: [Row<'_>; 20] = [
        (
            &[("scene.xml", MODEL), ("robot.xml", MODEL)],
            "scene.xml",
            Mjcf,
        ),
        (
            &[("lab.xml", MODEL), ("package.xml", "<package/>")],
            "lab.xml",
            Mjcf,
        ),
        (&[("lab.XML", MODEL)], "lab.XML", Mjcf),
        (
            &[("lab.xml", INCLUDES_ARM), ("arm.xml", MODEL)],
            "lab.xml",
            Mjcf,
        ),
        (
            &[("b.xml", INCLUDES_ARM), ("arm.xml", INCLUDES_ARM)],
            "b.xml",
            Mjcf,
        ),
        (
            &[("scene.xml", "<package/>"), ("model.xml", MODEL)],
            "model.xml",
            Mjcf,
        ),
        (
            &[("scene.xml", MODEL), ("scene.usd", "")],
            "scene.xml",
            Mjcf,
        ),
        (&[("lab/scene.xml", MODEL)], "lab/scene.xml", Mjcf),
        (
            &[("lab/scene.xml", MODEL), ("readme", "")],
            "lab/scene.xml",
            Mjcf,
        ),
        (&[("a/b/c/scene.xml", MODEL)], "a/b/c/scene.xml", Mjcf),
        (
            &[("lab/x.xml", MODEL), ("__MACOSX/lab/._x.xml", MODEL)],
            "lab/x.xml",
            Mjcf,
        ),
        (
            &[("x.xml", MODEL), ("robots/arm.xml", MODEL)],
            "x.xml",
            Mjcf,
        ),
        (&[("lab.usd", ""), ("parts/scene.usd", "")], "lab.usd", Usd),
        (&[("a.usda", ""), ("scene.usda", "")], "scene.usda", Usd),
        (&[("a.usdc", "")], "a.usdc", Usd),
        (&[("a.usdz", "")], "a.usdz", Usd),
        (
            &[("model.config", CONFIG), ("old.sdf", ""), ("new.sdf", "")],
            "new.sdf",
            Sdf,
        ),
        (&[("world.sdf", ""), ("lab.sdf", "")], "world.sdf", Sdf),
        (&[("model.config", CONFIG), ("lab.sdf", "")], "lab.sdf", Sdf),
        (
            &[("arm.urdf", ""), ("package.xml", "<package/>")],
            "arm.urdf",
            Urdf,
        ),
    ];
    for (files, model, format) in table {
        let directory = directory_with(files);
        let bundle = Bundle::open(directory.path()).unwrap();
        assert_eq!(
            bundle.model().path().unwrap(),
            directory.path().join(model),
            "{files:?}"
        );
        assert_eq!(bundle.model().format().unwrap(), format, "{files:?}");
    }
}

#[test]
fn a_directory_without_exactly_one_model_says_so() {
    let none = directory_with(&[
        ("readme.txt", ""),
        ("a/x.xml", "<package/>"),
        ("b.xml", "no"),
        ("metadata.json", "{}"),
    ]);
    let bundle = Bundle::open(none.path()).unwrap();
    assert_eq!(bundle.models(), []);
    assert_eq!(bundle.missing_files().unwrap(), []);
    assert_eq!(bundle.metadata().unwrap(), Some(serde_json::json!({})));
    let error = bundle.model().path().unwrap_err();
    assert_eq!(error.kind(), BundleErrorKind::NoModel);
    let shown = error.to_string();
    assert!(shown.starts_with("no model file found in "), "{shown}");
    assert!(
        shown.ends_with("; it has: a/x.xml, b.xml, metadata.json, readme.txt"),
        "{shown}"
    );
    let shown = bundle.model().display().to_string();
    assert!(shown.ends_with(" (no model)"), "{shown}");

    let lacking = "<mujoco><asset><mesh file='gone.obj'/></asset></mujoco>";
    let two = directory_with(&[("a.xml", lacking), ("b.xml", MODEL)]);
    let bundle = Bundle::open(two.path()).unwrap();
    let error = bundle.model().path().unwrap_err();
    assert_eq!(error.kind(), BundleErrorKind::SeveralModels);
    assert!(error.to_string().ends_with(": a.xml, b.xml"), "{error}");
    let shown = bundle.model().display().to_string();
    assert!(shown.ends_with("a.xml (and 1 other models)"), "{shown}");
    // The files of all models are checked.
    assert_eq!(missing(two.path()), ["gone.obj < a.xml"]);

    for path in [Path::new("b.xml"), &two.path().join("b.xml")] {
        let chosen = bundle.clone().with_model(path).unwrap();
        assert_eq!(chosen.model().path().unwrap(), two.path().join("b.xml"));
        assert_eq!(chosen.missing_files().unwrap(), []);
    }
    for path in ["c.xml", "../a.xml", "/a.xml"] {
        let error = bundle.clone().with_model(path).unwrap_err();
        assert_eq!(error.kind(), BundleErrorKind::NoModel);
    }

    let nested = directory_with(&[("scene.xml", MODEL), ("robot/arm.urdf", "<robot/>")]);
    let bundle = Bundle::open(nested.path()).unwrap();
    let robot = bundle.with_model("robot/arm.urdf").unwrap();
    assert_eq!(robot.model().format().unwrap(), ModelFormat::Urdf);

    let error = Bundle::open(none.path().join("nowhere")).unwrap_err();
    assert_eq!(error.kind(), BundleErrorKind::Io);
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_file_that_another_includes_is_never_the_model() {
    const INCLUDES_SCENE: &str = "<mujoco><include file='scene.xml'/></mujoco>";
    const ATTACHES: &str = "<mujoco><asset><model file='robot/scene.xml'/></asset></mujoco>";
    const LAYER: &str = "#usda 1.0\n(subLayers = [@./scene.usda@])";
    for (files, model) in [
        (
            &[("lab.xml", INCLUDES_SCENE), ("scene.xml", MODEL)][..],
            "lab.xml",
        ),
        (
            &[
                ("scene.xml", MODEL),
                (
                    "tasks/lift.xml",
                    "<mujoco><include file='../scene.xml'/></mujoco>",
                ),
            ],
            "tasks/lift.xml",
        ),
        (&[("x.xml", ATTACHES), ("robot/scene.xml", MODEL)], "x.xml"),
        // Relative to the directory of the main file, not of the including one.
        (
            &[
                ("a.xml", "<mujoco><include file='b/c.xml'/></mujoco>"),
                ("b/c.xml", "<mujoco><include file='scene.xml'/></mujoco>"),
                ("scene.xml", MODEL),
            ],
            "a.xml",
        ),
        // Each includes the other, so the name decides.
        (
            &[
                ("lab.xml", INCLUDES_SCENE),
                ("scene.xml", "<mujoco><include file='lab.xml'/></mujoco>"),
            ],
            "scene.xml",
        ),
        (
            &[("lab.usda", LAYER), ("scene.usda", "#usda 1.0")],
            "lab.usda",
        ),
    ] {
        let directory = directory_with(files);
        let bundle = Bundle::open(directory.path()).unwrap();
        assert_eq!(bundle.model().path().unwrap(), directory.path().join(model));
    }
}

#[test]
fn files_are_sorted_and_have_relative_paths() {
    let directory = directory_with(&[
        ("scene.xml", MODEL),
        ("b/c", "123"),
        ("a", ""),
        ("b.d", "1"),
    ]);
    let bundle = Bundle::open(directory.path()).unwrap();
    let files: Vec<_> = bundle
        .files()
        .iter()
        .map(|file| (file.path.clone(), file.size))
        .collect();
    let expected = [
        ("a", 0),
        ("b/c", 3),
        ("b.d", 1),
        ("scene.xml", MODEL.len() as u64),
    ];
    assert_eq!(
        files,
        expected.map(|(path, size)| (PathBuf::from(path), size))
    );
    assert_eq!(bundle.dir(), directory.path());
}

#[test]
fn metadata_is_absent_or_json_and_anything_else_is_an_error() {
    for (json, expected) in [
        (None, Ok(None)),
        (Some("{\"a\":[1]}"), Ok(Some(serde_json::json!({"a": [1]})))),
        (Some("\u{feff}{}"), Ok(Some(serde_json::json!({})))),
        (Some("{"), Err(BundleErrorKind::BadMetadata)),
        (Some(""), Err(BundleErrorKind::BadMetadata)),
    ] {
        let directory = directory_with(&[("lab/scene.xml", MODEL)]);
        let path = directory.path().join("lab/metadata.json");
        if let Some(json) = json {
            fs::write(path, json).unwrap();
        }
        let bundle = Bundle::open(directory.path()).unwrap();
        let found = bundle.metadata().map_err(|error| error.kind());
        assert_eq!(found, expected, "{json:?}");
    }
    let directory = directory_with(&[("scene.xml", MODEL)]);
    let huge = fs::File::create(directory.path().join("metadata.json")).unwrap();
    huge.set_len(1 << 40).unwrap();
    let error = Bundle::open(directory.path())
        .unwrap()
        .metadata()
        .unwrap_err();
    assert_eq!(error.kind(), BundleErrorKind::TooLarge);
}

/// Returns the missing files as `name < file that names it`.
///
/// A `!` marks a name that leads out of the directory.
fn missing(root: &Path) -> Vec<String> {
    let missing = Bundle::open(root).unwrap().missing_files().unwrap();
    missing
        .into_iter()
        .map(|file| {
            let mark = match file.reason {
                MissingReason::Outside => "!",
                _ => "",
            };
            format!("{mark}{} < {}", file.name, slashes(&file.named_by))
        })
        .collect()
}

#[test]
fn mjcf_file_names_are_resolved_as_mujoco_does() {
    let scene = "<mujoco>
        <compiler meshdir='m' texturedir='t'/>
        <asset>
          <mesh file='here.obj'/><mesh file='gone.obj'/><mesh name='no file'/>
          <mesh file='sub\\here.obj'/><mesh file='../t/here.png'/>
          <mesh file='../../gone.obj'/><mesh file='/etc/passwd'/><mesh file='C:\\x.obj'/>
          <texture file='here.png'/><texture file='gone.png'/>
          <texture type='cube' fileup='here.png' filedown='down.png'/>
          <texture builtin='flat' file='ignored.png'/>
          <hfield file='here.png'/><hfield file='hill.png'/>
          <skin file='gone.skn'/>
          <model name='other' file='other/model.xml'/><model file='gone.xml'/>
          <mesh file='a&amp;b.obj'/>
        </asset>
        <include file='parts/arm.xml'/><include file='parts/gone.xml'/>
        <worldbody><flexcomp type='gmsh' file='gone.msh'/><flexcomp file='grid.msh'/>
          <attach model='other' body='b' prefix='o'/></worldbody>
        <!-- <mesh file='comment.obj'/> -->
      </mujoco>";
    let arm = "<mujocoinclude><include file='hand.xml'/><include file='scene.xml'/>\
               <asset><mesh file='arm.obj'/></asset></mujocoinclude>";
    let hand = "<mujocoinclude><include file='parts/arm.xml'/>\
                <asset><texture file='hand.png'/></asset></mujocoinclude>";
    let other = "<mujoco><compiler assetdir='assets'/><asset><mesh file='here.obj'/>\
                 <texture file='gone.png'/><model file='../scene.xml'/></asset></mujoco>";
    let files = [
        ("scene.xml", scene),
        ("m/here.obj", ""),
        ("m/sub/here.obj", ""),
        ("t/here.png", ""),
        ("m/a&b.obj", ""),
        ("parts/arm.xml", arm),
        ("parts/hand.xml", hand),
        ("other/model.xml", other),
        ("other/assets/here.obj", ""),
    ];
    let directory = directory_with(&files);
    assert_eq!(
        missing(directory.path()),
        [
            "gone.obj < scene.xml",
            "!../../gone.obj < scene.xml",
            "!/etc/passwd < scene.xml",
            "!C:\\x.obj < scene.xml",
            "gone.png < scene.xml",
            "down.png < scene.xml",
            "here.png < scene.xml",
            "hill.png < scene.xml",
            "gone.skn < scene.xml",
            "gone.xml < scene.xml",
            "hand.png < parts/hand.xml",
            "arm.obj < parts/arm.xml",
            "parts/gone.xml < scene.xml",
            "gone.msh < scene.xml",
            "gone.png < other/model.xml",
        ]
    );
}

#[test]
fn mjcf_paths_are_stripped_if_the_model_sets_strippath() {
    let scene = "<mujoco><asset><mesh file='C:\\far\\away\\a.obj'/><mesh file='x/b.obj'/>\
                 <texture file='/abs/c.png'/></asset>\
                 <compiler strippath='true' assetdir='assets'/></mujoco>";
    let directory = directory_with(&[
        ("lab/scene.xml", scene),
        ("lab/assets/a.obj", ""),
        ("lab/assets/c.png", ""),
    ]);
    assert_eq!(missing(directory.path()), ["x/b.obj < lab/scene.xml"]);
}

#[test]
fn sdf_uris_are_resolved_in_included_models_too() {
    let world = "<sdf><world>
        <include><uri>model://chair</uri></include>
        <include><uri> model://table </uri></include>
        <include><uri>model://gone</uri></include>
        <include><uri>https://fuel.example/model</uri></include>
        <model name='lab'><link><visual><geometry>
          <mesh><uri>meshes/here.dae</uri></mesh>
          <mesh><uri>file://meshes/gone.dae</uri></mesh>
          <mesh><uri>file:///etc/passwd</uri></mesh>
          <mesh><uri>../outside.dae</uri></mesh>
          <mesh><uri><![CDATA[meshes/a&b.dae]]></uri></mesh>
          <mesh><uri>meshes/a&amp;b.dae</uri></mesh>
          <mesh><uri>model://lab/meshes/here.dae</uri></mesh>
          <mesh><uri>model://../../x</uri></mesh>
          <heightmap><texture><diffuse>dirt.png</diffuse></texture></heightmap>
        </geometry><material><diffuse>1 0 0 1</diffuse>
          <pbr><metal><albedo_map>meshes/albedo.png</albedo_map></metal></pbr>
          <script><uri>__default__</uri></script>
        </material></visual></link></model>
      </world></sdf>";
    let chair = "<sdf><model><mesh><uri>model://chair/leg.stl</uri></mesh>\
                 <mesh><uri>gone.stl</uri></mesh><include><uri>model://table</uri></include></model></sdf>";
    let table = "<sdf><include><uri>model://chair</uri></include></sdf>";
    let config = "<model><name>lab</name><sdf version='1.6'>world.sdf</sdf></model>";
    let chair_config = "<model><name>chair</name><sdf version='1.6'>c.sdf</sdf></model>";
    let directory = directory_with(&[
        ("model.config", config),
        ("world.sdf", world),
        ("meshes/here.dae", ""),
        ("meshes/a&b.dae", ""),
        ("models/chair/model.config", chair_config),
        ("models/chair/c.sdf", chair),
        ("models/chair/leg.stl", ""),
        ("table/model.sdf", table),
    ]);
    assert_eq!(
        missing(directory.path()),
        [
            "model://gone < world.sdf",
            "file://meshes/gone.dae < world.sdf",
            "!file:///etc/passwd < world.sdf",
            "!../outside.dae < world.sdf",
            "!model://../../x < world.sdf",
            "dirt.png < world.sdf",
            "meshes/albedo.png < world.sdf",
            "gone.stl < models/chair/c.sdf",
        ]
    );
}

#[test]
fn urdf_file_names_are_resolved_in_the_package() {
    let urdf = "<robot><mesh filename='package://arm/meshes/a.stl'/>\
                <mesh filename='meshes/b.stl'/><texture filename='t.png'/></robot>";
    let directory = directory_with(&[("lab/arm/arm.urdf", urdf), ("lab/arm/meshes/a.stl", "")]);
    assert_eq!(
        missing(directory.path()),
        [
            "meshes/b.stl < lab/arm/arm.urdf",
            "t.png < lab/arm/arm.urdf"
        ]
    );
}

#[test]
fn xml_entities_are_not_expanded() {
    let lol = (1..20).fold(String::from("<!ENTITY l0 'lol'>"), |dtd, i| {
        let inner = format!("&l{};", i - 1).repeat(10);
        dtd + &format!("<!ENTITY l{i} '{inner}'>")
    });
    let scene = format!("<!DOCTYPE m [{lol}]><mujoco><asset><mesh file='&l19;'/></asset></mujoco>");
    let directory = directory_with(&[("scene.xml", &scene)]);
    assert_eq!(missing(directory.path()), ["&l19; < scene.xml"]);
}

#[test]
fn a_model_with_too_many_levels_is_refused() {
    for (levels, expected) in [(498, None), (499, Some(BundleErrorKind::TooLarge))] {
        let (open, close) = ("<body>".repeat(levels), "</body>".repeat(levels));
        let scene = format!("<mujoco><worldbody>{open}{close}</worldbody></mujoco>");
        let directory = directory_with(&[("scene.xml", &scene)]);
        let bundle = Bundle::open(directory.path()).unwrap();
        for result in [
            bundle.missing_files().map(drop),
            bundle.warnings().map(drop),
        ] {
            assert_eq!(result.err().map(|error| error.kind()), expected, "{levels}");
        }
    }
}

#[test]
fn latin_1_is_read_with_and_without_a_declaration() {
    for declaration in ["", "<?xml version='1.0' encoding='ISO-8859-1'?>"] {
        let text = format!(
            "{declaration}<mujoco model='caf\u{e9}'><!-- \u{fc} --><asset>\n  \
             <texture name='\u{e9}' file='caf\u{e9}.png'/>\n  <material name='\u{e9}' texture='\u{e9}'/>\n\
             </asset></mujoco>"
        );
        let latin: Vec<u8> = text
            .chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap())
            .collect();
        let directory = directory_with(&[]);
        fs::write(directory.path().join("scene.xml"), latin).unwrap();
        assert_eq!(missing(directory.path()), ["caf\u{e9}.png < scene.xml"]);
        fs::write(directory.path().join("caf\u{e9}.png"), "").unwrap();
        assert!(missing(directory.path()).is_empty());
    }
}

#[test]
fn the_files_that_usd_refers_to_are_listed() {
    let scene = "#usda 1.0\n( subLayers = [@./sub/base.usda@, @gone.usda@] )\n\
                 asset a = @textures/a.png@\nasset b = @textures/b.png@\nasset c = @tiles/c.<UDIM>.png@\n\
                 asset d = @tiles/d.<UDIM>.png@\nasset e = @OmniPBR.mdl@\nasset f = @../x.png@\n\
                 asset g = @https://example.com/g.png@ # @h.png@";
    let base = "#usda 1.0\nasset a = @../textures/a.png@\nasset b = @b.png@";
    let directory = directory_with(&[
        ("lab.usda", scene),
        ("sub/base.usda", base),
        ("textures/a.png", ""),
        ("tiles/c.1001.png", ""),
        ("tiles/d.x.png", ""),
    ]);
    assert_eq!(
        missing(directory.path()),
        [
            "gone.usda < lab.usda",
            "textures/b.png < lab.usda",
            "tiles/d.<UDIM>.png < lab.usda",
            "!../x.png < lab.usda",
            "b.png < sub/base.usda",
        ]
    );

    let binary = directory_with(&[("lab.usdc", "PXR-USDC")]);
    let bundle = Bundle::open(binary.path()).unwrap();
    let error = bundle.missing_files().unwrap_err();
    assert_eq!(error.kind(), BundleErrorKind::UnsupportedFormat);
    let warnings = bundle.warnings().unwrap();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].kind, WarningKind::NotChecked);
}

#[test]
fn warnings_list_what_is_missing_or_empty() {
    let scene = "<mujoco>
      <compiler boundmass='1e-6' boundinertia='1e-6'/>
      <default>
        <default class='light'><geom density='0'/><joint type='free'/></default>
        <default class='wood'><material texture='wood'/></default>
        <default class='layered'><material><layer role='rgb' texture='wood'/></material></default>
      </default>
      <asset>
        <texture name='wood' file='wood.png'/>
        <material name='plain'/>
        <material name='textured' texture='wood' texrepeat='1 1'/>
        <material name='of a class' class='wood' texrepeat='1 1'/>
        <material name='layers of a class' class='layered' texrepeat='1 1'/>
        <material name='layered' texrepeat='1 1'><layer role='rgb' texture='wood'/></material>
        <material name='bare' texrepeat='1 1' texuniform='true'>  </material>
        <material name='broken' texture='gone'/>
        <material name='broken layer'><layer role='rgb' texture='gone'/></material>
        <mesh name='hull' vertex='0 0 0 1 0 0 0 1 0 0 0 1'/>
        <mesh name='whole' vertex='0 0 0 1 0 0 0 1 0 0 0 1' face='0 1 2'/>
        <mesh name='cloud' file='cloud.obj'/>
        <mesh name='solid' file='solid.obj'/>
        <mesh name='stl' file='empty.stl'/>
      </asset>
      <include file='robot/robot.xml'/>
      <include file='part.xml'/>
      <worldbody>
        <body name='empty' pos='1 0 0'/>
        <body name='empty and free'><freejoint/></body>
        <body name='empty with mass'><freejoint/><inertial mass='2' pos='0 0 0' diaginertia='1 1 1'/></body>
        <body><body name='inner'/></body>
        <body name='frame'><body><frame><geom size='1'/></frame></body></body>
        <body name='marker'><site/></body>
        <body name='target' mocap='true'/>
        <body name='massless' childclass='light'><joint/><geom size='1'/></body>
        <body name='heavy' childclass='light'><joint/><geom size='1' mass='1'/></body>
        <body name='carried'><freejoint/><geom size='1' mass='0'/><body><geom size='1'/></body></body>
        <body name='still' childclass='light'><geom size='1'/></body>
      </worldbody>
    </mujoco>";
    let robot = "<mujoco><asset><mesh file='arm.obj'/></asset></mujoco>";
    let directory = directory_with(&[
        ("scene.xml", scene),
        ("robot/robot.xml", robot),
        ("cloud.obj", "v 0 0 0\n# f 1 2 3\nvn 0 0 1\n"),
        ("solid.obj", "v 0 0 0\n\tf 1 1 1"),
    ]);
    fs::write(directory.path().join("empty.stl"), [0; 84]).unwrap();
    let warnings = |directory: &Path| -> Vec<String> {
        let warnings = Bundle::open(directory).unwrap().warnings().unwrap();
        warnings.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        warnings(directory.path()),
        [
            "mesh \"hull\" in scene.xml has no faces",
            "mesh \"cloud\" in scene.xml has no faces",
            "mesh \"stl\" in scene.xml has no faces",
            "material \"bare\" in scene.xml lacks its texture",
            "material \"broken\" in scene.xml lacks its texture",
            "material \"broken layer\" in scene.xml lacks its texture",
            "body \"empty\" in scene.xml has no geometry",
            "body \"empty and free\" in scene.xml has no geometry",
            "body \"empty and free\" in scene.xml moves freely, but has no mass",
            "body \"empty with mass\" in scene.xml has no geometry",
            "an unnamed body in scene.xml has no geometry",
            "body \"massless\" in scene.xml moves freely, but has no mass",
            "\"wood.png\", referenced by scene.xml, does not exist",
            &format!(
                "\"arm.obj\", referenced by robot{MAIN_SEPARATOR}robot.xml, does not exist; \
                 it belongs to a robot, which you supply"
            ),
            "\"part.xml\", referenced by scene.xml, does not exist",
        ]
    );
    fs::remove_dir_all(directory.path().join("robot")).unwrap();
    let without_robot = warnings(directory.path());
    assert!(
        without_robot.contains(
            &"\"robot/robot.xml\", referenced by scene.xml, does not exist; it belongs to a robot, \
              which you supply"
                .to_owned()
        ),
        "{without_robot:?}"
    );
}
