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
    let gizmo = |scheme: &str| {
        let builder = gizmo_client::Client::builder().api_key("gzm_k1_x");
        builder
            .base_url(format!("{scheme}://{server}"))
            .build()
            .unwrap()
    };
    gizmo("http").whoami().send().await.unwrap();
    let error = gizmo("https").whoami().send().await.unwrap_err();
    assert!(format!("{error:?}").contains(server::RUSTLS), "{error:?}");
}
