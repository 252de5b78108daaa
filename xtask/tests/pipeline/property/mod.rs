//! Tests that the lowered schema allows every value that the 3.1 schema allows, and that the
//! generated type decodes it.

mod decoding;
mod instances;
mod schemas;
mod validation;

use openapi_lowering::{Dialect, lower};
use serde_json::{Value, json};

use crate::document::{document, returning, taking};

/// A generator of pseudorandom numbers that are the same in every run.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        // Consecutive seeds must not give similar sequences.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x2545_F491_4F6C_DD1D)
    }

    /// Returns a number from zero to `end`, exclusive.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % end.max(1)
    }

    pub(crate) fn is_one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// A 3.1 schema and some instances that it allows.
struct Sample {
    components: Value,
    instances: Vec<Value>,
}

impl Sample {
    fn new(seed: u64) -> Self {
        let mut numbers = Numbers::new(seed);
        let components = schemas::components(&mut numbers);
        let allows = validation::of_3_1(&components);
        let mut instances: Vec<Value> = Vec::new();
        for _ in 0..40 {
            let instance = instances::of(&components, &mut numbers);
            if allows.is_valid(&instance) && !instances.contains(&instance) {
                instances.push(instance);
            }
        }
        Self {
            components,
            instances,
        }
    }

    /// Returns a lowered document that either receives or sends the schema.
    fn lowered(&self, is_received: bool) -> Value {
        let subject = json!({"$ref": "#/components/schemas/Subject"});
        let item = if is_received {
            returning(&subject)
        } else {
            taking(&subject)
        };
        let mut document = document(&json!({"/it": item}), &self.components);
        lower(&mut document, Dialect::Extended).unwrap();
        document
    }
}

/// Returns the schema that the only operation of the document uses.
fn used(document: &Value) -> Value {
    let item = &document["paths"]["/it"];
    let content = match item.get("get") {
        Some(get) => &get["responses"]["200"]["content"],
        None => &item["post"]["requestBody"]["content"],
    };
    content["application/json"]["schema"].clone()
}

#[test]
fn the_lowered_schema_allows_every_instance_of_the_original() {
    let mut checked = 0;
    for seed in 0..400 {
        let sample = Sample::new(seed);
        for is_received in [true, false] {
            let document = sample.lowered(is_received);
            let allows = validation::of_3_0(&document, &used(&document));
            for instance in &sample.instances {
                checked += 1;
                assert!(
                    allows.is_valid(instance),
                    "seed {seed}, received: {is_received}: {instance} is valid for\n{}\nbut not for\n{}",
                    sample.components,
                    document["components"]["schemas"]
                );
            }
        }
    }
    assert!(checked > 4_000, "only {checked} instances");
}
