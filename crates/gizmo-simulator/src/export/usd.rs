//! Export as Universal Scene Description: `scene.usda`, and USDZ for catalog items.

use std::fmt::Write as _;

use super::Brief;
use super::brief::Item;
use super::model::{Assembly, Body, JointKind, Material, Model, Part, number, triple};
use super::zip::{Archive, Method};

/// Returns the item as USDZ with one layer, stored and aligned.
pub(crate) fn usdz(item: &Item) -> Vec<u8> {
    let brief = Brief {
        id: item.id.clone(),
        name: item.name.clone(),
        prompt: String::new(),
        revision: 1,
        robot_profile: None,
        items: vec![item.clone()],
        failed: 0,
    };
    let mut archive = Archive::in_memory(Method::Aligned);
    let stage = write_stage(&Model::of(&brief), false);
    let added = archive.add(&format!("{}.usda", item.name), stage.as_bytes());
    added
        .and_then(|()| archive.finish())
        .expect("writes to memory cannot fail")
        .into_inner()
}

/// Returns the stage of a scene, with textures.
pub(super) fn stage(model: &Model) -> String {
    write_stage(model, true)
}

fn write_stage(model: &Model, textured: bool) -> String {
    let mut usd = String::from(
        "#usda 1.0\n(\n    defaultPrim = \"World\"\n    metersPerUnit = 1\n    kilogramsPerUnit = 1\n    upAxis = \"Z\"\n)\n\n\
         def Xform \"World\" (\n    kind = \"assembly\"\n)\n{\n    \
         def PhysicsScene \"PhysicsScene\"\n    {\n        vector3f physics:gravityDirection = (0, 0, -1)\n        \
         float physics:gravityMagnitude = 9.81\n    }\n\n    \
         def DistantLight \"Sun\"\n    {\n        float inputs:intensity = 1500\n    }\n\n    \
         def Plane \"Floor\" (\n        prepend apiSchemas = [\"PhysicsCollisionAPI\"]\n    )\n    {\n        \
         uniform token axis = \"Z\"\n        double length = 16\n        double width = 16\n    }\n\n    \
         def Scope \"Looks\"\n    {\n",
    );
    write_material(&mut usd, Material::Steel, false);
    for material in model.textured() {
        write_material(&mut usd, material, textured);
    }
    usd.push_str("    }\n");
    for assembly in &model.assemblies {
        write_assembly(&mut usd, assembly);
    }
    usd.push_str("}\n");
    usd
}

fn write_material(usd: &mut String, material: Material, textured: bool) {
    let name = material.name();
    let path = format!("/World/Looks/{name}");
    let colour = if textured {
        format!("color3f inputs:diffuseColor.connect = <{path}/Texture.outputs:rgb>")
    } else {
        format!(
            "color3f inputs:diffuseColor = ({})",
            material.rgb().join(", ")
        )
    };
    let _ = write!(
        usd,
        "\n        def Material \"{name}\"\n        {{\n            \
         token outputs:surface.connect = <{path}/Surface.outputs:surface>\n\n            \
         def Shader \"Surface\"\n            {{\n                uniform token info:id = \"UsdPreviewSurface\"\n                \
         {colour}\n                float inputs:roughness = 0.6\n                token outputs:surface\n            }}\n"
    );
    if textured {
        let _ = write!(
            usd,
            "\n            def Shader \"Texture\"\n            {{\n                uniform token info:id = \"UsdUVTexture\"\n                \
             asset inputs:file = @textures/{name}.png@\n                \
             float2 inputs:st.connect = <{path}/Coordinates.outputs:result>\n                \
             token inputs:wrapS = \"repeat\"\n                token inputs:wrapT = \"repeat\"\n                \
             float3 outputs:rgb\n            }}\n\n            \
             def Shader \"Coordinates\"\n            {{\n                uniform token info:id = \"UsdPrimvarReader_float2\"\n                \
             string inputs:varname = \"st\"\n                float2 outputs:result\n            }}\n"
        );
    }
    usd.push_str("        }\n");
}

/// Writes the bodies of an assembly as siblings, as USD physics requires, with joints between them.
fn write_assembly(usd: &mut String, assembly: &Assembly) {
    let name = &assembly.base.name;
    let _ = write!(
        usd,
        "\n    def Xform \"{name}\" (\n        kind = \"component\"\n    )\n    {{\n        \
         double3 xformOp:translate = ({})\n        float xformOp:rotateZ = {}\n        \
         uniform token[] xformOpOrder = [\"xformOp:translate\", \"xformOp:rotateZ\"]\n",
        triple(assembly.position, ", "),
        number(assembly.yaw.to_degrees())
    );
    assembly
        .base
        .visit(&mut |body, at| write_body(usd, body, at));
    write_joints(usd, &assembly.base, name);
    usd.push_str("    }\n");
}

fn write_body(usd: &mut String, body: &Body, at: [f64; 3]) {
    let is_movable = body.joint.is_some();
    let schemas = if is_movable {
        " (\n            prepend apiSchemas = [\"PhysicsRigidBodyAPI\", \"PhysicsMassAPI\"]\n        )"
    } else {
        ""
    };
    let _ = write!(
        usd,
        "\n        def Xform \"{}\"{schemas}\n        {{\n",
        body.name
    );
    if is_movable {
        let _ = writeln!(
            usd,
            "            float physics:mass = {}",
            number(body.mass())
        );
    }
    let _ = write!(
        usd,
        "            double3 xformOp:translate = ({})\n            uniform token[] xformOpOrder = [\"xformOp:translate\"]\n",
        triple(at, ", ")
    );
    for part in &body.parts {
        write_mesh(usd, part);
    }
    usd.push_str("        }\n");
}

fn write_mesh(usd: &mut String, part: &Part) {
    let mesh = &part.mesh;
    let join = |texts: Vec<String>| texts.join(", ");
    let points = join(
        mesh.vertices
            .iter()
            .map(|vertex| format!("({})", triple(*vertex, ", ")))
            .collect(),
    );
    let counts = join(vec!["3".to_owned(); mesh.triangles.len()]);
    let corners = || mesh.triangles.iter().flatten();
    let indices = join(corners().map(|(vertex, _)| vertex.to_string()).collect());
    let uvs = join(
        corners()
            .map(|(_, uv)| format!("({})", mesh.uvs[*uv].map(number).join(", ")))
            .collect(),
    );
    let _ = write!(
        usd,
        "\n            def Mesh \"{}\" (\n                \
         prepend apiSchemas = [\"MaterialBindingAPI\", \"PhysicsCollisionAPI\", \"PhysicsMeshCollisionAPI\"]\n            )\n            {{\n                \
         uniform token subdivisionScheme = \"none\"\n                uniform token physics:approximation = \"convexHull\"\n                \
         rel material:binding = </World/Looks/{}>\n                point3f[] points = [{points}]\n                \
         int[] faceVertexCounts = [{counts}]\n                int[] faceVertexIndices = [{indices}]\n                \
         texCoord2f[] primvars:st = [{uvs}] (\n                    interpolation = \"faceVarying\"\n                )\n                \
         double3 xformOp:translate = ({})\n                uniform token[] xformOpOrder = [\"xformOp:translate\"]\n            }}\n",
        mesh.name,
        part.material.name(),
        triple(part.position, ", ")
    );
}

fn write_joints(usd: &mut String, parent: &Body, assembly: &str) {
    for child in &parent.children {
        if let Some(joint) = &child.joint {
            let (schema, unit): (&str, fn(f64) -> f64) = match joint.kind {
                JointKind::Hinge => ("PhysicsRevoluteJoint", f64::to_degrees),
                JointKind::Slide => ("PhysicsPrismaticJoint", |metres| metres),
                JointKind::Free => continue,
            };
            let axis =
                ["X", "Y", "Z"][joint.axis.iter().position(|part| *part != 0.0).unwrap_or(2)];
            let [low, high] = joint.range.map(|end| number(unit(end)));
            let _ = write!(
                usd,
                "\n        def {schema} \"{}\"\n        {{\n            uniform token physics:axis = \"{axis}\"\n            \
                 rel physics:body0 = </World/{assembly}/{}>\n            rel physics:body1 = </World/{assembly}/{}>\n            \
                 point3f physics:localPos0 = ({})\n            point3f physics:localPos1 = (0, 0, 0)\n            \
                 quatf physics:localRot0 = (1, 0, 0, 0)\n            quatf physics:localRot1 = (1, 0, 0, 0)\n            \
                 float physics:lowerLimit = {low}\n            float physics:upperLimit = {high}\n        }}\n",
                joint.name,
                parent.name,
                child.name,
                triple(child.position, ", ")
            );
        }
        write_joints(usd, child, assembly);
    }
}
