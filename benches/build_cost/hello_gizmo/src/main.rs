//! Makes one call with gizmo-client.

#[tokio::main]
async fn main() {
    let client = gizmo_client::Client::from_env().expect("GIZMO_API_KEY is set");
    println!("{:?}", client.whoami().send().await);
}
