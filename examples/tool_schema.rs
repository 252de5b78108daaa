//! Prints the requests that start jobs as tools for a language model: the name, the description and the
//! JSON Schema of the arguments of each. `cargo run --example tool_schema`
#![expect(clippy::print_stdout, reason = "a program")]

use gizmo_client::types::{GenerateAssetBody, GenerateSceneBody};
use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};

fn tool<T: JsonSchema>(name: &str, description: &str) -> Value {
    let mut schema = schema_for!(T).to_value();
    // A model must get an error if it adds arguments that do not exist.
    schema["additionalProperties"] = false.into();
    json!({ "name": name, "description": description, "input_schema": schema })
}

fn main() {
    let tools = [
        tool::<GenerateSceneBody>(
            "generate_scene",
            "Generates a 3D scene for a robot simulator.",
        ),
        tool::<GenerateAssetBody>("generate_asset", "Generates one object into a scene."),
    ];
    println!("{:#}", Value::from(tools.to_vec()));
}
