//! Exports are downloaded over pre-signed URLs from another server, which never receives the key.

use gizmo_client::ErrorKind;
use gizmo_client::alpha::{AssetFormat, Pose, SceneFormat};
use gizmo_client::bundle::ModelFormat;
use gizmo_simulator::{At, Canned, Fault, On, Options};

use super::Workshop;
use crate::support::names;

/// Asserts that the CDN received this number of requests, all of them without credentials.
fn assert_cdn_received_no_key(workshop: &Workshop, times: usize) {
    let requests = workshop.handle.requests_of("cdn");
    assert_eq!(requests.len(), times);
    for request in requests {
        assert_eq!(request.credentials(), [""; 0]);
        let shown = format!("{request:?}");
        assert!(
            !shown.contains(workshop.simulator.alpha_api_key()),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn an_asset_is_exported_in_each_format() {
    let workshop = Workshop::instant().await;
    let asset = workshop.asset("a toolbox").await;
    let dir = tempfile::tempdir().unwrap();
    for (format, model, language) in [
        (AssetFormat::IsaacSimUsd, "scene.usda", ModelFormat::Usd),
        (AssetFormat::IsaacSimUrdf, "asset.urdf", ModelFormat::Urdf),
        (AssetFormat::MujocoMjcf, "scene.xml", ModelFormat::Mjcf),
    ] {
        assert!(asset.is_available_as(&format));
        let export = workshop
            .alpha
            .export_asset()
            .asset_id(&asset.id)
            .format(format.clone());
        let out = dir.path().join(format.to_string());
        let bundle = export.download().await.unwrap().unpack(&out).await.unwrap();
        assert_eq!(
            (
                bundle.model().path().unwrap(),
                bundle.model().format().unwrap()
            ),
            (out.join(model).as_path(), language)
        );
        assert_eq!(bundle.missing_files().unwrap(), []);
    }
    assert_cdn_received_no_key(&workshop, 3);
}

#[tokio::test]
async fn an_exported_scene_contains_its_assets_where_they_were_placed() {
    let workshop = Workshop::instant().await;
    let scene = workshop
        .alpha
        .create_scene()
        .name("workcell")
        .send()
        .await
        .unwrap();
    let asset = workshop.asset("a bench").await;
    let quarter = std::f64::consts::FRAC_1_SQRT_2;
    let pose = Pose::at([1.5, -2.5, 0.25]).turned([0.0, 0.0, quarter, quarter]);
    let place = workshop
        .alpha
        .place_asset()
        .scene_id(&scene.id)
        .asset_id(&asset.id);
    place.pose(pose).send().await.unwrap();
    let export = workshop
        .alpha
        .export_scene()
        .scene_id(&scene.id)
        .format(SceneFormat::MujocoMjcf);
    let dir = tempfile::tempdir().unwrap();
    let bundle = export
        .download()
        .await
        .unwrap()
        .unpack(dir.path().join("cell"))
        .await
        .unwrap();
    let xml = std::fs::read_to_string(bundle.model().path().unwrap()).unwrap();
    assert!(
        xml.contains(r#"pos="1.5 -2.5 0.25" euler="0 0 1.5707963""#),
        "{xml}"
    );
}

#[tokio::test]
async fn a_truncated_download_resumes_over_a_new_link_when_the_old_one_has_expired() {
    let workshop = Workshop::start(Options {
        texture_bytes: 1 << 20,
        ..Options::instant()
    });
    let workshop = workshop.await;
    let asset = workshop.asset("a bench").await;
    let export = || {
        workshop
            .alpha
            .export_asset()
            .asset_id(&asset.id)
            .format("mujoco_mjcf")
    };
    let complete = export()
        .download()
        .await
        .unwrap()
        .bytes(1 << 24)
        .await
        .unwrap();
    workshop.handle.clear_requests();

    let on = || On::operation("cdn");
    workshop
        .handle
        .inject(on().nth(1), Fault::CutBody(At::Percent(40.0)));
    workshop.handle.inject(on().nth(2), Fault::ExpireLinks);
    workshop
        .handle
        .inject(on().nth(3), Fault::CutBody(At::Percent(50.0)));
    let bytes = export()
        .download()
        .await
        .unwrap()
        .bytes(1 << 24)
        .await
        .unwrap();
    assert_eq!(bytes, complete);
    assert_eq!(workshop.handle.count("export_asset"), 2);
    let requests = workshop.handle.requests_of("cdn");
    let ranges: Vec<_> = requests
        .iter()
        .map(|request| request.header("range").is_some())
        .collect();
    assert_eq!(ranges, [false, true, true, true]);
    let links: std::collections::BTreeSet<_> =
        requests.iter().map(|request| &request.query).collect();
    assert_eq!(links.len(), 2);
    assert_cdn_received_no_key(&workshop, 4);
}

#[tokio::test]
async fn a_new_link_that_is_refused_is_an_error_without_its_token() {
    let workshop = Workshop::instant().await;
    let asset = workshop.asset("a bench").await;
    workshop
        .handle
        .inject(On::operation("cdn").always(), Fault::ExpireLinks);
    let export = workshop
        .alpha
        .export_asset()
        .asset_id(&asset.id)
        .format("mujoco_mjcf");
    let error = export.download().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 403);
    let shown = format!("{error} {error:?} {error:#}");
    assert!(
        !shown.contains("token=") && !shown.contains("eyJ"),
        "{shown}"
    );
    // The first link may have expired, so one more is requested.
    assert_eq!(workshop.handle.count("export_asset"), 2);
}

#[tokio::test]
async fn an_unsafe_link_is_rejected() {
    let workshop = Workshop::instant().await;
    for url in [
        "http://192.0.2.1/x.zip?token=canary",
        "ftp://cdn.example/x?token=canary",
        "https://user:canary@cdn.example/x",
    ] {
        let response = Canned::json(
            200,
            &serde_json::json!({"download_url": url, "expires_at": "soon"}),
        );
        workshop
            .handle
            .inject(On::operation("export_scene"), Fault::Respond(response));
        let export = workshop
            .alpha
            .export_scene()
            .scene_id("scn_1")
            .format("mujoco_mjcf");
        let error = export.download().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(!format!("{error} {error:?}").contains("token"), "{error:?}");
    }
}

#[tokio::test]
async fn a_model_file_without_an_archive_is_unpacked_too() {
    let workshop = Workshop::instant().await;
    let asset = workshop.asset("a bench").await;
    let dir = tempfile::tempdir().unwrap();
    let respond_with = |media, body: &'static str| {
        let file = Canned::empty(200).header("content-type", media).body(body);
        workshop
            .handle
            .inject(On::operation("cdn"), Fault::Respond(file));
    };
    for (format, body, name, language) in [
        (
            AssetFormat::MujocoMjcf,
            "<mujoco/>",
            "asset.xml",
            ModelFormat::Mjcf,
        ),
        (
            AssetFormat::IsaacSimUsd,
            "#usda 1.0",
            "asset.usd",
            ModelFormat::Usd,
        ),
        (
            AssetFormat::IsaacSimUrdf,
            "<robot/>",
            "asset.urdf",
            ModelFormat::Urdf,
        ),
    ] {
        respond_with("application/octet-stream", body);
        let export = workshop
            .alpha
            .export_asset()
            .asset_id(&asset.id)
            .format(format.clone());
        let out = dir.path().join(format.to_string());
        let bundle = export.download().await.unwrap().unpack(&out).await.unwrap();
        assert_eq!(
            (
                bundle.model().path().unwrap(),
                bundle.model().format().unwrap()
            ),
            (out.join(name).as_path(), language)
        );
        assert_eq!(
            std::fs::read_to_string(bundle.model().path().unwrap()).unwrap(),
            body
        );
    }
    let export = || {
        workshop
            .alpha
            .export_asset()
            .asset_id(&asset.id)
            .format("mujoco_mjcf")
    };
    respond_with("application/xml", "<mujoco/>");
    let path = dir.path().join("arm_v1.xml");
    assert_eq!(
        export()
            .download()
            .await
            .unwrap()
            .to_file(&path)
            .await
            .unwrap(),
        9
    );

    // A file that is not a model is discarded, and a directory that is not empty is not changed.
    respond_with("application/octet-stream", "<sdf/>");
    let out = dir.path().join("none");
    let error = export()
        .download()
        .await
        .unwrap()
        .unpack(&out)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archive);
    assert!(!out.exists());
    respond_with("application/xml", "<mujoco/>");
    let error = export()
        .download()
        .await
        .unwrap()
        .unpack(dir.path())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archive);
    let names: Vec<_> = names(dir.path()).into_iter().collect();
    assert_eq!(
        names,
        [
            "arm_v1.xml",
            "isaac_sim_urdf",
            "isaac_sim_usd",
            "mujoco_mjcf"
        ]
    );
}

#[tokio::test]
async fn no_printed_value_shows_the_key_or_a_token() {
    let workshop = Workshop::instant().await;
    let asset = workshop
        .alpha
        .create_asset()
        .prompt("a bench")
        .start()
        .await
        .unwrap();
    let export = workshop
        .alpha
        .export_asset()
        .asset_id(asset.id())
        .format("mujoco_mjcf");
    let link = export.clone().send().await.unwrap();
    let download = export.clone().download().await.unwrap();
    let shown = format!(
        "{:?} {asset:?} {export:?} {link:?} {download:?}",
        workshop.alpha
    );
    assert!(shown.contains(asset.id()));
    for secret in [workshop.simulator.alpha_api_key(), "token=", "eyJ"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
