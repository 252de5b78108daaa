//! An application with the features that reqwest has by default.

#[tokio::main]
async fn main() {
    let server = server::start();
    let own = reqwest::Client::new();
    let url = format!("http://{server}/");
    assert_eq!(own.get(url).send().await.unwrap().status(), 200);
    // Its TLS is still the one that it has chosen.
    let error = own
        .get(format!("https://{server}/"))
        .send()
        .await
        .unwrap_err();
    assert!(format!("{error:?}").contains(server::RUSTLS), "{error:?}");
    server::check_gizmo(server).await;
}
