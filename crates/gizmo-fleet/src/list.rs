//! The prompts of a fleet, and their names.

use gizmo_client::{BakePrompt, Client, Format};

use crate::store::Task;

/// A prompt of the list.
#[derive(Debug)]
pub(crate) struct Item {
    /// Its position in the list.
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) task: Task,
    /// Why it cannot be baked.
    pub(crate) invalid: Option<String>,
}

pub(crate) fn items(client: &Client, prompts: &[BakePrompt], format: &Format) -> Vec<Item> {
    let names = BakePrompt::names(prompts).into_iter();
    let item =
        |(index, (prompt, name)): (usize, (&BakePrompt, Result<String, gizmo_client::Error>))| {
            let mut request = prompt.clone();
            request.name = None;
            request.format.get_or_insert_with(|| format.clone());
            let (name, mut invalid) = match name {
                Ok(name) => (name, None),
                Err(error) => (String::new(), Some(error.to_string())),
            };
            if request.slim && request.format != Some(Format::Mjcf) {
                invalid.get_or_insert_with(|| "only MJCF can be slimmed".to_owned());
            }
            Item {
                index,
                name,
                task: Task {
                    service: client.base_url().to_owned(),
                    request,
                },
                invalid,
            }
        };
    prompts.iter().zip(names).enumerate().map(item).collect()
}
