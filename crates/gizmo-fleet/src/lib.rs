//! Scenes for many prompts, made by any number of processes and stored in one object store.

mod error;
mod fleet;
mod held;
mod list;
mod progress;
pub mod protocol;
mod scene;
pub mod store;
mod temporary;
mod upload;
mod work;

pub use error::{Error, ErrorKind};
pub use fleet::Fleet;
pub use progress::{PromptProgress, PromptState};
