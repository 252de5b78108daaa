//! The early-access API: its client is a view of the ordinary one, its verbs are the same.

pub(crate) mod asset;
mod export;
pub(crate) mod pose;
mod requests;

use self::asset::AssetHandle;
use crate::alpha::Client;

impl crate::raw::Client {
    /// The early-access API as this client's key sees it; see [`alpha`](crate::alpha).
    ///
    /// It costs nothing, and shares this client's connections, limits and settings.
    pub fn alpha(&self) -> Client {
        Client::new_with_client(&self.baseurl, self.client.clone(), self.clone())
    }
}

impl Client {
    /// What the generated code sends by.
    pub(crate) fn transport(&self) -> &crate::raw::Client {
        &self.inner
    }

    /// A handle on an asset known by its id alone. Nothing is sent.
    pub fn asset(&self, id: impl Into<String>) -> AssetHandle {
        AssetHandle::new(self.clone(), id.into())
    }
}
