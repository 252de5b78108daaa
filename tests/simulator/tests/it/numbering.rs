//! Each numbering of events: what it looks like, and where a cursor resumes.

use gizmo_simulator::{Numbering, Options};
use reqwest::Method;
use serde_json::Value;

use crate::support::{Api, End, Event, read};

const ALL: [Numbering; 9] = [
    Numbering::IdAndSeq,
    Numbering::Id,
    Numbering::Seq,
    Numbering::None,
    Numbering::FromZero,
    Numbering::Text,
    Numbering::Prefixed,
    Numbering::Sparse,
    Numbering::PerStage,
];

/// A job that has ended, in both vocabularies: its events by query and by `Last-Event-ID`.
struct Ended {
    api: Api,
    path: String,
}

impl Ended {
    async fn start(options: Options) -> Self {
        let api = Api::start(options).await;
        let (job, _) = api.generate("a lab").await;
        api.ended(&job).await;
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

fn each() -> impl Iterator<Item = Options> {
    ALL.into_iter().flat_map(|numbering| {
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
async fn an_event_carries_its_number_as_the_numbering_says() {
    for options in each() {
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
            let numbered = |of: usize| (Some(of.to_string()), Value::from(of));
            let found = (event.id.clone(), seq.clone());
            match numbering {
                Numbering::IdAndSeq => assert_eq!(found, numbered(number)),
                Numbering::FromZero => assert_eq!(found, numbered(index)),
                Numbering::Id => assert_eq!(found, (numbered(number).0, Value::Null)),
                Numbering::Seq => assert_eq!(found, (None, numbered(number).1)),
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
                other => panic!("{other:?} is not tried"),
            }
        }
    }
}

#[tokio::test]
async fn after_resumes_at_its_number_or_skips_as_many_events() {
    for options in each() {
        let numbering = options.numbering;
        let ended = Ended::start(options).await;
        let all = ended.events("", None).await;
        let off = usize::from(numbering == Numbering::FromZero);
        for after in [0, 1, 5, all.len() - 1 - off, all.len()] {
            let query = format!("?after={after}");
            let found = ended.events(&query, None).await;
            let skipped = (after + off).min(all.len());
            assert_eq!(found, all[skipped..], "{numbering:?} {after}");
        }
    }
}

#[tokio::test]
async fn last_event_id_resumes_after_the_event_it_names() {
    for options in each() {
        let numbering = options.numbering;
        let ended = Ended::start(options).await;
        let all = ended.events("", None).await;
        let texts = matches!(numbering, Numbering::Text | Numbering::Prefixed);
        for index in [1, 5, all.len() - 1] {
            let Some(id) = &all[index].id else { continue };
            let found = ended.events("", Some(id)).await;
            assert_eq!(found, all[index + 1..], "{numbering:?} {id}");
            // Beside a cursor it counts where ids are texts.
            let from = match numbering {
                _ if texts => index + 1,
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
