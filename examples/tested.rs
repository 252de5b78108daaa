//! A program whose tests need neither the service nor credits: `cargo test --example tested`
#![expect(clippy::print_stdout, reason = "a program")]

use std::path::Path;

use gizmo_client::{Bundle, Client, Error};

/// Generates a scene, or says what the user can do about it.
async fn scene(client: &Client, prompt: &str, dir: &Path) -> Result<Bundle, String> {
    let baked = client.bake(prompt).into_dir(dir).await;
    baked.map_err(|error: Error| match error {
        error if error.is_insufficient_credits() => "buy credits, then run it again".to_owned(),
        error if error.is_unauthorized() => "check GIZMO_API_KEY".to_owned(),
        error => format!("{error:#}; run it again to resume"),
    })
}

#[tokio::main]
async fn main() -> Result<(), String> {
    let client = Client::from_env().map_err(|error| error.to_string())?;
    let bundle = scene(&client, "a robotics lab", Path::new("lab")).await?;
    println!("{}", bundle.model().display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use gizmo_client::mock::MockServerExt;
    use gizmo_simulator::{At, Fault, On, Options, Simulator};

    use super::*;

    #[tokio::test]
    async fn a_broken_download_and_a_lost_response_cost_one_job() {
        let simulator = Simulator::start(Options::instant()).await.unwrap();
        let client = Client::builder().base_url(simulator.url());
        let client = client.api_key(simulator.api_key()).build().unwrap();
        let handle = simulator.handle();
        let on = On::operation("generate_scene");
        handle.inject(on, Fault::DropBeforeResponse);
        let on = On::operation("export_scene");
        handle.inject(on, Fault::CutBody(At::Percent(50.0)));

        let dir = tempfile::tempdir().unwrap();
        let bundle = scene(&client, "a lab", &dir.path().join("lab")).await;
        assert!(bundle.unwrap().model().path().unwrap().is_file());
        assert_eq!(handle.job_count(), 1);
    }

    #[tokio::test]
    async fn an_empty_account_is_explained() {
        let server = httpmock::MockServer::start_async().await;
        let refusal = serde_json::json!({
            "error": {"code": "insufficient_credits", "message": "0 left", "status": 402}
        });
        let refusal = serde_json::from_value(refusal).unwrap();
        server.generate_scene(|_, then| {
            then.client_error(402, &refusal);
        });
        let client = Client::builder().base_url(server.base_url());
        let client = client.api_key("gzm_k1_test").build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let refused = scene(&client, "a lab", &dir.path().join("lab")).await;
        assert_eq!(refused.unwrap_err(), "buy credits, then run it again");
    }
}
