//! The early-access API: a client that shares the settings of the ordinary one, and the same
//! methods.

pub(crate) mod asset;
mod export;
pub(crate) mod pose;
mod requests;

use self::asset::AssetHandle;
use crate::alpha::Client;

impl crate::raw::Client {
    /// Returns a client of the early-access API; see [`alpha`](crate::alpha).
    ///
    /// It is cheap, and shares this client's key, connections, limits and settings.
    pub fn alpha(&self) -> Client {
        // Assumption: alpha-same-paths.
        Client::new_with_client(&self.baseurl, self.client.clone(), self.clone())
    }
}

impl Client {
    /// Returns the client by which the generated code sends requests.
    pub(crate) fn transport(&self) -> &crate::raw::Client {
        &self.inner
    }

    /// Returns a handle on the asset with an id. Nothing is sent.
    pub fn asset(&self, id: impl Into<String>) -> AssetHandle {
        AssetHandle::new(self.clone(), id.into())
    }
}
