//! Makes one call with the bare client.

#[tokio::main]
async fn main() {
    let client = bare_client::Client::new("https://api.gizmo.antimlabs.com");
    println!("{:?}", client.whoami().send().await);
}
