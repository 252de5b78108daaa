//! The fields of request bodies as setters on the builders, and their last verb `start`.

use super::handle::JobHandle;
use crate::ext::error::Error;
use crate::raw::{builder, types};

/// A setter on the builder for each field of its body; the caller's `builder` and `types` are meant.
macro_rules! fields {
    ($($builder:ident { $($(#[$meta:meta])* $field:ident: $ty:ty),* $(,)? })*) => {$(
        impl builder::$builder<'_> {
            $(
                $(#[$meta])*
                #[must_use]
                pub fn $field<V>(self, value: V) -> Self
                where
                    V: TryInto<$ty>,
                    V::Error: std::fmt::Display,
                {
                    match value.try_into() {
                        Ok(value) => {
                            let value: $ty = value;
                            self.body_map(|body| body.$field(value))
                        }
                        Err(error) => Self { body: Err(format!(concat!(stringify!($field), ": {}"), error)), ..self },
                    }
                }
            )*
        }
    )*};
}
#[cfg(feature = "alpha")]
pub(crate) use fields;

fields! {
    GenerateScene {
        /// What the scene should contain, in plain words; required.
        prompt: String,
        /// Language model to use instead of the default one.
        model: String,
        /// How geometry is made; the service's default is `auto`.
        asset_pipeline: types::AssetPipeline,
        /// URLs of reference images, three at most.
        reference_images: Vec<String>,
        /// Whether the scene is kept in the library; the service's default is yes.
        persist: bool,
    }
    GenerateAsset {
        /// What the asset should be, in plain words; required.
        prompt: String,
        /// The scene the asset is attached to; without one the service answers 400 `no_scene`.
        scene_id: String,
        /// Language model to use instead of the default one.
        model: String,
        /// How geometry is made; the service's default is `auto`.
        asset_pipeline: types::AssetPipeline,
        /// Whether the asset is kept in the library; the service's default is yes.
        persist: bool,
    }
    EditScene {
        /// What to change, in plain words; required.
        prompt: String,
        /// Language model to use instead of the default one.
        model: String,
    }
    UpdateScene {
        /// The scene's new name, of 200 characters at most.
        name: String,
        /// The scene's new description.
        description: String,
    }
    ExportScene {
        /// Simulator format; the service's default is `mjcf`.
        format: types::Format,
        /// Robot to embed into the exported scene.
        robot_profile: String,
    }
}

/// `start` on a builder whose operation starts a job.
macro_rules! start {
    ($($builder:ident makes an asset: $makes_asset:literal,)*) => {$(
        impl builder::$builder<'_> {
            /// Sends the request, which costs credits, and returns a handle on the job it starts.
            ///
            /// It is never sent a second time once it may have arrived.
            ///
            /// # Errors
            ///
            /// Whatever `send` can say. When [`Error::is_outcome_unknown`] the job may exist and be
            /// paid for.
            ///
            /// # Cancel safety
            ///
            /// Not cancel safe: a future dropped before its end may leave a job at work whose id
            /// nobody knows.
            pub async fn start(self) -> Result<JobHandle, Error> {
                let client = self.client.clone();
                let accepted = self.send().await?.into_inner();
                Ok(JobHandle::accepted(client, accepted).making_asset($makes_asset))
            }
        }
    )*};
}

start! {
    GenerateScene makes an asset: false,
    GenerateAsset makes an asset: true,
    EditScene makes an asset: false,
}
