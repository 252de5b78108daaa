//! The early-access API, against typed mocks of its documentation and against the simulator.

mod assets;
mod exports;
mod pages;
mod paying;
mod scenes;
mod workcell;

use gizmo_client::alpha::types::Asset;
use gizmo_client::{Client, alpha};
use gizmo_simulator::{Handle, Options, Simulator};

/// A simulator, and a client whose key has access to the early-access API.
struct Workshop {
    client: Client,
    alpha: alpha::Client,
    handle: Handle,
    simulator: Simulator,
}

impl Workshop {
    async fn start(options: Options) -> Self {
        let simulator = Simulator::start(options).await.unwrap();
        let client = Client::builder()
            .api_key(simulator.alpha_api_key())
            .base_url(simulator.url())
            .build()
            .unwrap();
        Self {
            alpha: client.alpha(),
            client,
            handle: simulator.handle(),
            simulator,
        }
    }

    /// Starts a workshop whose assets are ready as soon as they are created.
    async fn instant() -> Self {
        Self::start(Options::instant()).await
    }

    /// Creates an asset and waits until it is ready.
    async fn asset(&self, prompt: &str) -> Asset {
        let asset = self.alpha.create_asset().prompt(prompt).start().await;
        asset.unwrap().await.unwrap()
    }
}
