//! Exports over pre-signed URLs, also after waiting for the assets of a scene.

use std::collections::BTreeSet;

use futures_util::TryStreamExt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::alpha::{builder, types};
use crate::ext::error::Error;
use crate::ext::files::download::Download;
use crate::ext::jobs::handle::PollPolicy;
use crate::ext::jobs::wait_all::wait_all;
use crate::ext::values::secret::SignedUrl;
use crate::ext::values::timestamp::Timestamp;

/// `{"download_url": …, "expires_at": …}`.
impl<'de> Deserialize<'de> for SignedUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Assumption: alpha-export-url.
        #[derive(Deserialize)]
        struct Export {
            download_url: String,
            expires_at: Option<Timestamp>,
        }
        let Export {
            download_url,
            expires_at,
        } = Export::deserialize(deserializer)?;
        let expires_at = expires_at.as_ref().and_then(Timestamp::system_time);
        Ok(Self::new(download_url, expires_at))
    }
}

/// The form of the service, with the time in Unix seconds. It contains the signature.
impl Serialize for SignedUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Export<'a> {
            download_url: &'a str,
            expires_at: Option<f64>,
        }
        let since_epoch = |at: std::time::SystemTime| at.duration_since(std::time::UNIX_EPOCH).ok();
        let expires_at = self.expires_at().and_then(since_epoch);
        Export {
            download_url: self.reveal(),
            expires_at: expires_at.map(|at| at.as_secs_f64()),
        }
        .serialize(serializer)
    }
}

/// `download` for an export builder, whose response is a pre-signed URL.
macro_rules! download {
    ($($builder:ident { $id:ident } by $body:ident;)*) => {$(
        impl builder::$builder<'_> {
            /// Requests the export, and returns when its file starts to arrive. The file is fetched
            /// from the URL in the response, without the key.
            ///
            /// If the URL has expired, a new one is requested, and the download resumes. The file
            /// may be an archive or a model: [`Download::unpack`] accepts both.
            ///
            /// # Errors
            ///
            /// Those of `send`, including [`Error::is_not_ready`], and those of
            /// [`Client::download_signed`](crate::Client::download_signed).
            pub async fn download(self) -> Result<Download, Error> {
                let Self { client, $id, body, options } = self;
                // Without a format the request fails.
                let complete = body.clone().ok().and_then(|body| types::$body::try_from(body).ok());
                let name = complete.and_then(|body| body.format.file_name());
                let alpha = client.clone();
                let mint = move || {
                    let (client, $id, body) = (alpha.clone(), $id.clone(), body.clone());
                    let options = options.clone();
                    async move {
                        let export = builder::$builder { client: &client, $id, body, options };
                        Ok(export.send().await?.into_inner())
                    }
                };
                // Assumptions: alpha-export-single-file, alpha-export-expires.
                Ok(client.inner.download_signed(mint).await?.or_model(name))
            }
        }
    )*};
}

download! {
    ExportAsset { asset_id } by ExportAssetBody;
    ExportScene { scene_id } by ExportSceneBody;
}

// Assumptions: alpha-export-formats, alpha-export-single-file.
impl types::AssetFormat {
    /// The name of a model without an archive, if the format is known.
    fn file_name(&self) -> Option<&'static str> {
        Some(match self {
            Self::IsaacSimUsd => "asset.usd",
            Self::IsaacSimUrdf => "asset.urdf",
            Self::MujocoMjcf => "asset.xml",
            Self::Unknown(_) => return None,
        })
    }
}

// Assumptions: alpha-export-formats, alpha-export-single-file.
impl types::SceneFormat {
    fn file_name(&self) -> Option<&'static str> {
        Some(match self {
            Self::IsaacSimUsd => "scene.usd",
            Self::MujocoMjcf => "scene.xml",
            Self::Unknown(_) => return None,
        })
    }
}

impl builder::ExportScene<'_> {
    /// Waits until all assets of the scene are ready, and then downloads as
    /// [`download`](Self::download) does. The deadline of the policy applies to the wait only.
    ///
    /// # Errors
    ///
    /// Those of [`download`](Self::download), of `get_scene`, and of
    /// [`AssetHandle::wait`](crate::alpha::AssetHandle::wait) for the first asset that fails or is
    /// not ready in time.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the generation of the assets continues.
    pub async fn download_when_ready(self, policy: PollPolicy) -> Result<Download, Error> {
        let body = self.body.clone();
        let body =
            body.and_then(|body| types::ExportSceneBody::try_from(body).map_err(|e| e.to_string()));
        if let Err(message) = body {
            // It fails now rather than after minutes.
            let error = progenitor_client::Error::InvalidRequest(message);
            return Err(Error::not_built(error).with_operation("export_scene"));
        }
        let get_scene = builder::GetScene {
            client: self.client,
            scene_id: self.scene_id.clone(),
            options: self.options.clone(),
        };
        let scene = get_scene.send().await?.into_inner().into_inner();
        // Assumptions: alpha-placed-assets, alpha-export-needs-ready.
        let ids: BTreeSet<String> = scene
            .assets
            .into_iter()
            .filter_map(|placed| placed.asset_id)
            .collect();
        let handles = ids
            .into_iter()
            .map(|id| self.client.asset(id).with_poll_policy(policy.clone()));
        wait_all(handles)
            .try_for_each(|_| std::future::ready(Ok(())))
            .await?;
        self.download().await
    }
}
