//! The names in a picture, and the marks of what has no geometry.

use regex::Regex;

use super::{preview, views, world};

/// Returns the names in the plan and in the isometric view, each with its position and font size.
fn names(svg: &str) -> Vec<Vec<(String, [f64; 2], f64)>> {
    let group = Regex::new(r#"(?s)<g class="names[^>]*font-size="(\S+)"[^>]*>(.*?)</g>"#).unwrap();
    let name = Regex::new(r#"<text x="(\S+)" y="(\S+)">([^<]*)</text>"#).unwrap();
    let groups = group.captures_iter(svg).map(|group| {
        let size: f64 = group[1].parse().unwrap();
        let names = name.captures_iter(group.get(2).unwrap().as_str());
        let names = names.map(|name| {
            let at = [&name[1], &name[2]].map(|number| number.parse().unwrap());
            (name[3].to_owned(), at, size)
        });
        names.collect()
    });
    groups.collect()
}

/// Returns a body that is a box of this size.
fn object(name: &str, at: &str, size: &str) -> String {
    format!("<body name='{name}' pos='{at}'><freejoint/><geom type='box' size='{size}'/></body>")
}

#[test]
fn what_matters_has_a_name_and_the_building_has_none() {
    let shell = "<body name='floor_0'><geom type='box' size='4 3 0.1' pos='0 0 -0.1'/></body>\
        <body name='north_1'><geom type='box' size='4 0.1 1.25' pos='0 3 1.25'/></body>\
        <body name='pane_2'><geom type='box' size='0.5 0.1 0.4' pos='0 3 1.5'/></body>\
        <body name='west_wall_trim_3'><geom type='box' size='0.1 0.1 0.1' pos='-4 0 0.1'/></body>";
    let robot = |name: &str| {
        let joints = "<joint/>".repeat(6);
        format!("<body name='{name}' pos='3 2 0'>{joints}<geom size='0.05'/></body>")
    };
    for (objects, expected) in [
        (String::new(), &[][..]),
        (object("lamp_3_rigid_body", "0 0 0", "1 1 1"), &["lamp_3"]),
        // It is on a wall, and not a part of it.
        (object("wall_clock_3_rigid_body", "0 2.8 1", "0.1 0.1 0.1"), &["wall_clock_3"]),
        (
            object("small_4", "0 0 0", "0.1 0.1 0.1") + &object("large_5", "2 0 0", "1 1 1"),
            &["large_5", "small_4"],
        ),
        (
            object("large_5", "0 0 0", "1 1 1") + &robot("spot"),
            &["spot", "large_5"],
        ),
        (
            (0..5).map(|index| object(&format!("stool_{index}"), &format!("{index} 0 0"), "0.2 0.2 0.2")).collect(),
            &["stool ×5"],
        ),
        // The bodies of a single object.
        (
            "<body name='cabinet'><freejoint/><geom type='box' size='1 1 1'/><body name='drawer' pos='0 0 2'>\
             <geom type='box' size='.5 .5 .5'/></body></body>".to_owned(),
            &["cabinet", "drawer"],
        ),
        (object(&"long".repeat(20), "0 0 0", "1 1 1"), &["longlonglonglonglonglong…"]),
    ] {
        let svg = preview(&world(&format!("{shell}{objects}"))).unwrap();
        for view in &names(&svg)[..2] {
            let view: Vec<&str> = view.iter().map(|(name, ..)| name.as_str()).collect();
            assert_eq!(view, expected, "{objects}");
        }
    }
}

#[test]
fn names_do_not_overlap() {
    for (count, step) in [(3, 4.0), (30, 0.7), (200, 0.2), (2000, 0.01)] {
        let words = [
            "lamp", "bench", "vase", "bin", "crate", "shelf", "stool", "rug", "desk",
        ];
        let objects = (0..count).map(|index| {
            let word = words[index % words.len()];
            // Letters at the end, so that each is of another kind.
            let name: String = index
                .to_string()
                .chars()
                .map(|digit| char::from(digit as u8 + 49))
                .collect();
            let at =
                [7, 11, 5].map(|modulus| step * f64::from(u32::try_from(index % modulus).unwrap()));
            object(
                &format!("{word}_{name}"),
                &format!("{} {} {}", at[0], at[1], at[2]),
                "0.2 0.3 0.1",
            )
        });
        let svg = preview(&world(&objects.collect::<String>())).unwrap();
        let groups = names(&svg);
        assert_eq!(groups.len(), 4);
        for (group, most) in groups.iter().zip([16, 16, 3, 3]) {
            assert!(group.len() <= most, "{group:?}");
            for (index, (name, at, size)) in group.iter().enumerate() {
                for (other, other_at, _) in &group[..index] {
                    let letters = name.chars().count() + other.chars().count();
                    let apart = f64::from(u32::try_from(letters).unwrap()) * 0.5 * size / 2.0;
                    let is_clear =
                        (at[0] - other_at[0]).abs() > apart || (at[1] - other_at[1]).abs() >= *size;
                    assert!(is_clear, "{name} at {at:?} and {other} at {other_at:?}");
                }
            }
        }
        assert!(!groups[0].is_empty() && !groups[1].is_empty());
    }
}

#[test]
fn bodies_without_geometry_are_marked() {
    let title = Regex::new("<title>([^<]*): no geometry</title>").unwrap();
    for (bodies, marked) in [
        ("<body name='a'/>", &["a"][..]),
        (
            "<body name='a'><freejoint/></body><body name='b' pos='1 0 0'><site/></body>",
            &["a", "b"],
        ),
        (
            "<body name='a'><geom type='mesh' mesh='absent'/></body>",
            &["a"],
        ),
        (
            "<body name='a'><geom type='mesh' mesh='unreadable'/></body>",
            &["a"],
        ),
        // Of nested bodies only the outermost.
        (
            "<body name='a'><body name='b'/><body name='c'/></body>",
            &["a"],
        ),
        (
            "<body name='a'><geom size='1'/><body name='b'><body name='c'/></body></body>",
            &["b"],
        ),
        (
            "<body name='a'><body name='b'><geom size='1'/></body></body>",
            &[],
        ),
        ("<body name='a'><geom size='1' group='3'/></body>", &[]),
        ("<body name='a'><composite/></body>", &[]),
        ("<body name='a'><attach model='absent'/></body>", &[]),
    ] {
        let model = format!(
            "<mujoco><asset><mesh name='unreadable' vertex='0 0 x'/></asset>\
             <worldbody><geom size='1'/>{bodies}</worldbody></mujoco>"
        );
        let svg = preview(&model).unwrap();
        let (plan, isometric) = views(&svg);
        for view in [plan, isometric] {
            let titles: Vec<_> = title
                .captures_iter(view)
                .map(|title| title[1].to_owned())
                .collect();
            assert_eq!(titles, marked, "{bodies}");
        }
        let legend = format!("no geometry: {}<", marked.len());
        assert_eq!(svg.contains(&legend), !marked.is_empty(), "{bodies}");
        assert_eq!(
            svg.contains("no geometry: "),
            !marked.is_empty(),
            "{bodies}"
        );
        for name in marked {
            assert!(
                svg.contains(&format!(">{name}</text>")),
                "{name} has no label"
            );
        }
    }
    // In a body with other geometry, only the geom is marked.
    let svg = preview(&world(
        "<body><geom size='1'/><geom type='mesh' mesh='absent'/></body>",
    ));
    let svg = svg.unwrap();
    assert!(
        svg.contains("unknown shape: 1<") && !svg.contains("no geometry"),
        "{svg}"
    );
}
