//! An application that uses plain http only.

#[tokio::main]
async fn main() {
    let server = server::start();
    let own = reqwest::Client::new();
    let url = format!("http://{server}/");
    assert_eq!(own.get(url).send().await.unwrap().status(), 200);
    server::check_gizmo(server).await;
}
