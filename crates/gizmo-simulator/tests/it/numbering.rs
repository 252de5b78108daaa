//! The numberings of events: the numbers that each assigns, and where a cursor resumes.

use gizmo_simulator::{Numbering, Options};
use reqwest::Method;
use serde_json::Value;

use crate::support::{Api, End, Event, read};

/// An ended job, whose events can be requested by query and by `Last-Event-ID`.
struct Ended {
    api: Api,
    path: String,
}

impl Ended {
    async fn start(options: Options) -> Self {
        let api = Api::start(options).await;
        let (job, _) = api.generate("a lab").await;
        api.wait(&job).await;
        let path = format!("/v1/jobs/{job}/events");
        Self { api, path }
    }

    async fn events(&self, query: &str, last_event_id: Option<&str>) -> Vec<Event> {
        let path = format!("{}{query}", self.path);
        let mut request = self.api.request(Method::GET, &path);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let stream = read(request.send().await.unwrap()).await;
        assert_eq!(stream.end, End::Clean);
        stream.events()
    }
}

/// Returns options for each numbering in both vocabularies.
fn each_numbering() -> impl Iterator<Item = Options> {
    Numbering::ALL.into_iter().flat_map(|numbering| {
        let documented = Options {
            numbering,
            ..Options::instant().documented()
        };
        let vocabulary = Options::default().vocabulary;
        [
            documented.clone(),
            Options {
                vocabulary,
                ..documented
            },
        ]
    })
}

#[tokio::test]
async fn events_are_numbered_as_each_numbering_requires() {
    for options in each_numbering() {
        let numbering = options.numbering;
        let ended = Ended::start(options).await;
        let events = ended.events("", None).await;
        assert!(events.len() > 10);
        let mut stages = std::collections::HashMap::new();
        let mut before: Option<String> = None;
        for (index, event) in events.iter().enumerate() {
            let number = index + 1;
            let id = event.id.as_deref();
            let seq = &event.data["seq"];
            let id_and_seq = |number: usize| (Some(number.to_string()), Value::from(number));
            let found = (event.id.clone(), seq.clone());
            match numbering {
                Numbering::IdAndSeq => assert_eq!(found, id_and_seq(number)),
                Numbering::FromZero => assert_eq!(found, id_and_seq(index)),
                Numbering::Id => assert_eq!(found, (id_and_seq(number).0, Value::Null)),
                Numbering::Seq => assert_eq!(found, (None, id_and_seq(number).1)),
                Numbering::None => assert_eq!(found, (None, Value::Null)),
                Numbering::Prefixed => {
                    assert_eq!(found, (Some(format!("job:{number}")), Value::Null));
                }
                Numbering::Sparse => {
                    let id = (number % 2 == 0).then(|| number.to_string());
                    assert_eq!(found, (id, Value::Null));
                }
                Numbering::Text => {
                    let id = id.unwrap().to_owned();
                    assert_eq!((id.len(), seq), (26, &Value::Null));
                    assert!(before.is_none_or(|before| before < id));
                    before = Some(id);
                }
                Numbering::PerStage => {
                    let stage = event.data["stage"].as_str().unwrap_or(&event.name);
                    let in_stage = stages.entry(stage.to_owned()).or_insert(0);
                    *in_stage += 1;
                    assert_eq!(found, (None, Value::from(*in_stage)));
                }
                other => panic!("{other:?} is not tested"),
            }
        }
    }
}

#[tokio::test]
async fn the_after_parameter_resumes_after_its_number_or_skips_as_many_events() {
    for options in each_numbering() {
        let numbering = options.numbering;
        let ended = Ended::start(options).await;
        let all = ended.events("", None).await;
        let offset = usize::from(numbering == Numbering::FromZero);
        for after in [0, 1, 5, all.len() - 1 - offset, all.len()] {
            let query = format!("?after={after}");
            let found = ended.events(&query, None).await;
            let skipped = (after + offset).min(all.len());
            assert_eq!(found, all[skipped..], "{numbering:?} {after}");
        }
    }
}

#[tokio::test]
async fn last_event_id_resumes_after_the_event_it_names() {
    for options in each_numbering() {
        let numbering = options.numbering;
        let ended = Ended::start(options).await;
        let all = ended.events("", None).await;
        let text_ids = matches!(numbering, Numbering::Text | Numbering::Prefixed);
        for index in [1, 5, all.len() - 1] {
            let Some(id) = &all[index].id else { continue };
            let found = ended.events("", Some(id)).await;
            assert_eq!(found, all[index + 1..], "{numbering:?} {id}");
            // With both cursors, `Last-Event-ID` takes precedence only where IDs are not numbers.
            let from = match numbering {
                _ if text_ids => index + 1,
                Numbering::FromZero => 4,
                _ => 3,
            };
            let found = ended.events("?after=3", Some(id)).await;
            assert_eq!(found, all[from..], "{numbering:?} {id}");
        }
        assert_eq!(
            ended.events("", Some("unknown")).await,
            all,
            "{numbering:?}"
        );
        let found = ended.events("?after=0", Some("unknown")).await;
        let from = usize::from(numbering == Numbering::FromZero);
        assert_eq!(found, all[from..], "{numbering:?}");
    }
}
