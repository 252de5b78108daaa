//! The early-access API: its client is a view of the ordinary one, its verbs are the same.

pub(crate) mod asset;
mod export;
pub(crate) mod pose;
mod requests;

use progenitor_client::{ClientHooks, OperationInfo};
use reqwest::{Request, Response};

use self::asset::AssetHandle;
use super::operation::Operation;
use crate::alpha::Client;
use crate::alpha::raw::OPERATIONS;

impl crate::Client {
    /// The early-access API as this client's key sees it; see [`alpha`](crate::alpha).
    ///
    /// It costs nothing, and shares this client's connections, limits and settings.
    pub fn alpha(&self) -> Client {
        Client::new_with_client(&self.baseurl, self.client.clone(), self.clone())
    }
}

impl Client {
    /// A handle on an asset known by its id alone. Nothing is sent.
    pub fn asset(&self, id: impl Into<String>) -> AssetHandle {
        AssetHandle::new(self.clone(), id.into())
    }
}

impl ClientHooks<crate::Client> for Client {
    async fn pre<E>(
        &self,
        request: &mut Request,
        info: &OperationInfo,
    ) -> Result<(), progenitor_client::Error<E>> {
        self.inner
            .prepare(request, Operation::find(OPERATIONS, info))
            .map_err(progenitor_client::Error::Custom)
    }

    async fn exec(&self, request: Request, info: &OperationInfo) -> reqwest::Result<Response> {
        let operation = Operation::find(OPERATIONS, info);
        Ok(self.inner.carry(request, operation).await)
    }
}
