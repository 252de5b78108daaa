//! A bake is paid for once, however the response to its request is lost, and regardless of what the service lists.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use gizmo_client::{BakeBuilder, BakeEvent, Bundle, Confidence, Error, ErrorKind};
use gizmo_simulator::{
    At, Canned, Fault, Listed, Memory, On, Options, Order, ShownPrompt, ShownTime,
};

use crate::support::{Lab, names, steady_clock};

const PROMPT: &str = "A cafe\u{301} with 2 robots & a  <desk>, as in \"Blade Runner\"";

/// What becomes of the request.
#[derive(Debug, Clone)]
struct Loss {
    fault: Fault,
    is_accepted: bool,
}

/// Every point at which a response is lost, and every intermediary that responds in its place.
fn losses() -> Vec<Loss> {
    let accepted = |fault| Loss {
        fault,
        is_accepted: true,
    };
    let on_the_way = |status| accepted(Fault::RespondAfterHandling(Canned::html(status)));
    let busy = |status| {
        let busy = Canned::html(status).retry_after("1");
        accepted(Fault::RespondAfterHandling(busy))
    };
    let later = |seconds| {
        let delay = Duration::from_secs(seconds);
        accepted(Fault::HandleLater(delay, Canned::html(504)))
    };
    let mut losses = vec![
        accepted(Fault::DropBeforeResponse),
        accepted(Fault::CutHead(20)),
        accepted(Fault::CutBody(At::Byte(5))),
        accepted(Fault::StallBeforeResponse),
        later(1),
        later(7),
        busy(429),
        busy(503),
        Loss {
            fault: Fault::DropBeforeReading,
            is_accepted: false,
        },
        Loss {
            fault: Fault::DropBeforeHandling,
            is_accepted: false,
        },
    ];
    losses.extend([200, 402, 403, 404, 409, 425, 429, 499, 500, 502].map(on_the_way));
    losses
}

/// What another user of the account does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum OtherUser {
    Nothing,
    SameBefore,
    SameAfter,
    OtherPrompts,
}

/// The options of a simulator for a combination. Each axis that is not given takes a value that depends
/// on the number, so that all values occur with all others.
fn memory(listed: Listed, number: usize) -> Memory {
    use ShownPrompt::{
        AsSent, Composed, HtmlEscaped, LowerCase, Never, OnlyInResource, Trimmed, Truncated,
    };
    let prompts = [
        AsSent,
        Trimmed,
        Truncated(24),
        Composed,
        LowerCase,
        HtmlEscaped,
        OnlyInResource,
        Never,
    ];
    let orders = [Order::NewestFirst, Order::OldestFirst, Order::ById];
    let times = [
        ShownTime::UnixSeconds,
        ShownTime::Iso8601,
        ShownTime::Words,
        ShownTime::Never,
    ];
    Memory {
        listed,
        order: orders[number % 3],
        page_cap: [100, 3][number % 2],
        total: !number.is_multiple_of(5),
        prompt: prompts[number % 8],
        created_at: times[number / 2 % 4],
    }
}

async fn run(bake: BakeBuilder, dir: &Path) -> (Vec<BakeEvent>, Result<Bundle, Error>) {
    let mut bake = bake.into_dir(dir.join("lab"));
    let mut events = Vec::new();
    loop {
        match bake.next().await.unwrap() {
            Ok(BakeEvent::Finished(bundle)) => return (events, Ok(bundle)),
            Ok(event) => events.push(event),
            Err(error) => return (events, Err(error)),
        }
    }
}

/// Asserts that an error states how to go on, and that the request is not forgotten.
fn assert_names_next_steps(error: &Error, case: &str) {
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{case}: {error:#}");
    assert!(error.is_outcome_unknown() && error.paid_request().is_some());
    for step in ["bake again", "`adopt`", "`ask_again`"] {
        assert!(error.to_string().contains(step), "{case}: {error:#}");
    }
}

/// Runs a part of all combinations, so that the parts run in parallel.
async fn combinations(part: usize) {
    steady_clock();
    let losses = losses();
    let own = losses.len().div_ceil(PARTS);
    let mut number = part * own * 12;
    for loss in losses.chunks(own).nth(part).unwrap() {
        for listed in [
            Listed::AtOnce,
            Listed::After(Duration::from_secs(8)),
            Listed::WhenFinished,
        ] {
            for other in [
                OtherUser::Nothing,
                OtherUser::SameBefore,
                OtherUser::SameAfter,
                OtherUser::OtherPrompts,
            ] {
                number += 1;
                combination(loss, listed, other, number).await;
            }
        }
    }
}

const PARTS: usize = 4;

#[tokio::test(start_paused = true)]
async fn no_loss_is_paid_for_twice_regardless_of_the_lists_part_1() {
    combinations(0).await;
}

#[tokio::test(start_paused = true)]
async fn no_loss_is_paid_for_twice_regardless_of_the_lists_part_2() {
    combinations(1).await;
}

#[tokio::test(start_paused = true)]
async fn no_loss_is_paid_for_twice_regardless_of_the_lists_part_3() {
    combinations(2).await;
}

#[tokio::test(start_paused = true)]
async fn no_loss_is_paid_for_twice_regardless_of_the_lists_part_4() {
    combinations(3).await;
}

async fn combination(loss: &Loss, listed: Listed, other: OtherUser, number: usize) {
    let memory = memory(listed, number);
    let case = format!("{loss:?} {memory:?} {other:?}");
    let lab = Lab::start(Options {
        memory,
        clock_skew: [0, 3_600, -3_600][number % 3],
        ..Options::instant().with_speed(20.0)
    });
    let lab = lab.await;
    let dir = tempfile::tempdir().unwrap();
    let on = On::operation("generate_scene");
    lab.handle.inject(on, loss.fault.clone());
    // It is complete and listed before the request.
    let mut others = BTreeSet::from([lab.handle.start_scene("a garage with shelves")]);
    if other == OtherUser::SameBefore {
        others.insert(lab.handle.start_scene(PROMPT));
    }
    for job in lab.handle.jobs() {
        lab.handle.finish(&job.id);
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    // Longer than a scene takes.
    let bake = lab
        .client
        .bake(PROMPT)
        .search_limit(Duration::from_secs(60));
    let baking = run(bake, dir.path());
    let another = async {
        while lab.handle.count("generate_scene") == 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        match other {
            OtherUser::SameAfter => Vec::from([lab.handle.start_scene(PROMPT)]),
            OtherUser::OtherPrompts => (0..4)
                .map(|room| {
                    lab.handle
                        .start_scene(&format!("a kitchen with {room} drawers"))
                })
                .collect(),
            OtherUser::Nothing | OtherUser::SameBefore => Vec::new(),
        }
    };
    let ((events, baked), more) = tokio::join!(baking, another);
    others.extend(more);
    let own: Vec<String> = lab.handle.scenes();
    let own: Vec<&String> = own.iter().filter(|id| !others.contains(*id)).collect();
    assert_eq!(own.len(), usize::from(loss.is_accepted), "{case}");
    let is_alone = other != OtherUser::SameAfter;
    match baked {
        Ok(_) => {
            let found = events.iter().find_map(|event| match event {
                BakeEvent::Found { result, .. } => result.scene_id.as_ref(),
                _ => None,
            });
            let found = found.unwrap_or_else(|| panic!("{case}"));
            if others.contains(found) {
                // Nothing tells it apart, which the event states.
                assert_eq!(other, OtherUser::SameAfter, "{case}");
            }
            assert!(loss.is_accepted || !is_alone, "{case}");
            let names: Vec<_> = names(dir.path()).into_iter().collect();
            assert_eq!(names, ["lab", "lab.bake.json"], "{case}");
        }
        Err(error) => {
            assert_names_next_steps(&error, &case);
            let is_shown = memory.prompt != ShownPrompt::Never;
            assert!(
                !(loss.is_accepted && is_alone && is_shown),
                "{case}: {error:#}"
            );
            assert!(dir.path().join("lab.bake.json").is_file());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn equal_prompts_of_one_bake_all_get_one_scene_each() {
    steady_clock();
    for listed in [Listed::AtOnce, Listed::WhenFinished] {
        let memory = Memory {
            listed,
            ..Memory::default()
        };
        let lab = Lab::start(Options {
            memory,
            ..Options::instant().with_speed(10.0)
        });
        let lab = lab.await;
        // The first response arrives while the second request is looked for.
        let on = On::operation("generate_scene");
        let late = Fault::DelayHead(Duration::from_secs(20));
        lab.handle.inject(on.clone(), late);
        lab.handle
            .inject(on.clone().nth(2), Fault::DropBeforeResponse);
        lab.handle.inject(on.nth(3), Fault::DropBeforeResponse);
        let dir = tempfile::tempdir().unwrap();
        let all = lab
            .client
            .bake_all([PROMPT; 3])
            .into_dir(dir.path())
            .await
            .unwrap();
        assert_eq!(all.failed().count(), 0, "{all:?}");
        assert_eq!(lab.handle.job_count(), 3);
        assert_eq!(scenes(dir.path()).len(), 3);
    }
}

/// Returns the scenes that journals name.
fn scenes(dir: &Path) -> BTreeSet<String> {
    let journals = names(dir)
        .into_iter()
        .filter(|name| name.ends_with(".bake.json"));
    journals
        .map(|name| {
            let journal = std::fs::read(dir.join(name)).unwrap();
            let journal: serde_json::Value = serde_json::from_slice(&journal).unwrap();
            journal["scene_id"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn bakes_beside_each_other_get_one_scene_each_also_with_separate_clients() {
    steady_clock();
    let lab = Lab::start(Options::instant().with_speed(10.0)).await;
    let token = gizmo_client::Client::builder()
        .service_token("gzm_service_simulator")
        .base_url(lab.simulator.url())
        .build()
        .unwrap();
    let lost = On::operation("generate_scene").times(2);
    lab.handle.inject(lost, Fault::DropBeforeResponse);
    let dir = tempfile::tempdir().unwrap();
    let one = lab.client.bake(PROMPT).into_dir(dir.path().join("one"));
    let two = token.bake(PROMPT).into_dir(dir.path().join("two"));
    let (one, two) = tokio::join!(one, two);
    one.unwrap();
    two.unwrap();
    assert_eq!(scenes(dir.path()).len(), 2);
    assert_eq!(lab.handle.job_count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_found_is_adopted_or_requested_again_only_by_the_caller() {
    steady_clock();
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let bake = || lab.client.bake(PROMPT).search_limit(Duration::ZERO);
    let lose = || {
        let on = On::operation("generate_scene");
        lab.handle.inject(on, Fault::DropBeforeHandling);
    };
    lose();
    let (_, first) = run(bake(), dir.path()).await;
    assert_names_next_steps(&first.unwrap_err(), "first");
    let (_, still_lost) = run(bake(), dir.path()).await;
    assert_names_next_steps(&still_lost.unwrap_err(), "again");
    assert_eq!(lab.handle.count("generate_scene"), 1);
    // The second request is lost as well, and both are remembered.
    lose();
    let (_, both) = run(bake().ask_again(), dir.path()).await;
    let error = both.unwrap_err();
    assert_names_next_steps(&error, "both");
    assert!(error.to_string().contains("1 more time"), "{error}");
    // The third is refused, which does not settle the others.
    lab.handle.set_credits(Some(0));
    let (_, refused) = run(bake().ask_again(), dir.path()).await;
    assert!(refused.unwrap_err().is_insufficient_credits());
    lab.handle.set_credits(None);
    let (_, unknown) = run(bake(), dir.path()).await;
    assert_names_next_steps(&unknown.unwrap_err(), "after the refusal");
    assert_eq!(lab.handle.count("generate_scene"), 3);

    let (_, wrong) = run(bake().adopt("sc_unknown"), dir.path()).await;
    let wrong = wrong.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::InvalidRequest, "{wrong}");
    let scene = lab.scene().await;
    let (events, adopted) = run(bake().adopt(&scene.scene_id), dir.path()).await;
    assert!(adopted.unwrap().model().path().unwrap().is_file());
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, BakeEvent::Started { .. }))
    );
    // Into a new directory, by the job.
    let (_, adopted) = run(bake().adopt(&scene.id), &dir.path().join("other")).await;
    assert!(adopted.unwrap().model().path().unwrap().is_file());
    assert_eq!(lab.handle.count("generate_scene"), 4);
}

#[tokio::test(start_paused = true)]
async fn ask_again_pays_for_another_job_only_if_the_first_is_not_found() {
    steady_clock();
    let lab = Lab::instant().await;
    for (fault, jobs) in [
        (Fault::DropBeforeResponse, 1),
        (Fault::DropBeforeHandling, 2),
    ] {
        let dir = tempfile::tempdir().unwrap();
        lab.handle.inject(On::operation("generate_scene"), fault);
        let (_, baked) = run(lab.client.bake(PROMPT).ask_again(), dir.path()).await;
        baked.unwrap();
        assert_eq!(lab.handle.job_count(), jobs);
    }
}

#[tokio::test(start_paused = true)]
async fn a_scene_is_found_below_a_thousand_newer_ones() {
    steady_clock();
    let memory = Memory {
        created_at: ShownTime::Never,
        ..Memory::default()
    };
    let lab = Lab::start(Options {
        memory,
        name_jobs: true,
        ..Options::instant()
    });
    let lab = lab.await;
    lab.scene().await;
    let lost = On::operation("generate_scene");
    lab.handle.inject(lost, Fault::DropBeforeResponse);
    let generate = lab.client.generate_scene().prompt(PROMPT);
    let error = generate.start().await.unwrap_err();
    for other in 0..1_050 {
        lab.handle
            .start_scene(&format!("a room with {other} lamps"));
    }
    let found = lab.client.reconcile(&error).await.unwrap();
    let gizmo_client::Reconciled::Found { job, confidence } = found else {
        panic!("{found}")
    };
    assert_eq!(job.id(), lab.handle.jobs()[1].id);
    assert_eq!(confidence, Confidence::High);
}

#[tokio::test]
async fn a_journal_of_an_older_newer_or_damaged_kind_is_told_apart() {
    let lab = Lab::instant().await;
    let scene = lab.scene().await;
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("lab.bake.json");
    let older = serde_json::json!({
        "version": 1,
        "request": {
            "service": lab.client.base_url(), "prompt": PROMPT, "in_scene": null, "format": "mjcf",
            "model": null, "asset_pipeline": null, "reference_images": null, "robot_profile": null,
        },
        "phase": "working",
        "asked_at": { "secs_since_epoch": 1_700_000_000, "nanos_since_epoch": 0 },
        "job_id": scene.id, "scene_id": scene.scene_id, "asset_id": null,
    });
    std::fs::write(&journal, older.to_string()).unwrap();
    let (_, baked) = run(lab.client.bake(PROMPT), dir.path()).await;
    baked.unwrap();
    assert_eq!(lab.handle.job_count(), 1);
    for (text, expected) in [
        (
            r#"{"version": 3, "state": []}"#,
            "bake with the newer version of the crate",
        ),
        (r#"{"version": 2, "phase""#, "is damaged"),
        ("{}", "is damaged"),
    ] {
        std::fs::write(&journal, text).unwrap();
        let (_, refused) = run(lab.client.bake(PROMPT), dir.path()).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
        assert!(refused.to_string().contains(expected), "{refused}");
        assert_eq!(std::fs::read_to_string(&journal).unwrap(), text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_scene_whose_job_is_gone_is_baked_all_the_same() {
    steady_clock();
    let lab = Lab::start(Options::instant().with_speed(60.0)).await;
    let dir = tempfile::tempdir().unwrap();
    let mut bake = lab.client.bake(PROMPT).into_dir(dir.path().join("lab"));
    let first = bake.next().await.unwrap().unwrap();
    assert!(matches!(first, BakeEvent::Started { .. }));
    drop(bake);
    let job = lab.client.job(&lab.handle.jobs()[0].id);
    let scene_id = job.wait().await.unwrap().scene_id;
    lab.handle.delete_job(job.id());
    let (events, baked) = run(lab.client.bake(PROMPT), dir.path()).await;
    baked.unwrap();
    let is_unnamed =
        |event: &BakeEvent| matches!(event, BakeEvent::Unnamed { scene_id: id } if *id == scene_id);
    assert!(events.iter().any(is_unnamed), "{events:?}");
    assert_eq!(lab.handle.count("generate_scene"), 1);
}

#[tokio::test]
async fn a_bake_needs_five_requests() {
    let lab = Lab::instant().await;
    let dir = tempfile::tempdir().unwrap();
    let (_, baked) = run(lab.client.bake(PROMPT), dir.path()).await;
    baked.unwrap();
    assert!(lab.handle.total() <= 5, "{}", lab.handle.total());
}
