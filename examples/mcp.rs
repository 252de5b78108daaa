//! A server of the Model Context Protocol on standard input and output: nothing is paid unasked.
use gizmo_client::types::GenerateSceneBody as Scene;
use gizmo_client::{Client, Format, PollPolicy};
use rmcp::handler::server::wrapper::Parameters;
use rmcp::{Peer, RoleServer, ServerHandler, ServiceExt, tool, tool_handler, tool_router};
use serde::Deserialize;

#[derive(Deserialize, schemars::JsonSchema)]
struct Search {
    query: String,
}
#[derive(Deserialize, schemars::JsonSchema)]
struct Job {
    job_id: String,
}
#[derive(Deserialize, schemars::JsonSchema)]
struct Export {
    scene_id: String,
    format: Format,
    /// A new or empty directory for the files.
    directory: std::path::PathBuf,
}
#[derive(Deserialize, schemars::JsonSchema)]
struct Consent {
    /// Generate the scene, and pay for it.
    agree: bool,
}
rmcp::elicit_safe!(Consent);

struct Gizmo(Client);
/// The text of a tool's result, or of its error.
type Reply = Result<String, String>;

#[tool_router]
impl Gizmo {
    #[tool(description = "Searches the catalog of finished objects. Costs nothing.")]
    async fn search_catalog(&self, Parameters(Search { query }): Parameters<Search>) -> Reply {
        let page = self.0.search_catalog().q(query).send().await;
        Ok(serde_json::json!(page.map_err(|error| error.to_string())?.items).to_string())
    }
    #[tool(description = "Starts to generate a scene, which costs credits: the user is asked.")]
    async fn generate(&self, user: Peer<RoleServer>, body: Parameters<Scene>) -> Reply {
        let question = format!("Generate \"{}\"? This costs credits.", body.0.prompt);
        match user.elicit::<Consent>(question).await {
            Ok(Some(Consent { agree: true })) => {}
            Ok(_) => return Err("the user does not agree".to_owned()),
            Err(error) => return Err(format!("the user was not asked: {error}")),
        }
        let job = self.0.generate_scene().body(body.0).start().await;
        Ok(job.map_err(|error| error.to_string())?.id().to_owned())
    }
    #[tool(description = "Waits for a job at most 50 s, and returns its state. Costs nothing.")]
    async fn follow(&self, Parameters(Job { job_id }): Parameters<Job>) -> Reply {
        let mut policy = PollPolicy::default();
        policy.deadline = Some(std::time::Duration::from_secs(50));
        match self.0.job(job_id).with_poll_policy(policy).wait().await {
            Ok(finished) => Ok(format!("complete: scene {}", finished.scene_id)),
            Err(error) if error.is_timeout() => Ok("running; follow it again".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
    #[tool(description = "Unpacks a complete scene, and returns its model. Costs nothing.")]
    async fn export(&self, Parameters(export): Parameters<Export>) -> Reply {
        let scene = self.0.export_scene().scene_id(export.scene_id);
        let download = scene.format(export.format).download().await;
        let download = download.map_err(|error| error.to_string())?;
        let bundle = download.unpack(export.directory).await;
        let bundle = bundle.map_err(|error| error.to_string())?;
        Ok(bundle.model().display().to_string())
    }
}
#[tool_handler]
impl ServerHandler for Gizmo {}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let server = Gizmo(Client::from_env()?).serve(rmcp::transport::stdio());
    server.await?.waiting().await?;
    Ok(())
}
