//! The product of everything that a service's lists may do and everything that may become of a request:
//! no result of another request is taken without need, and every result that can be told apart is found.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::decide::{Confidence, Rival, Verdict, decide, new_among};
use super::is_read;
use crate::ext::error::{Baseline, PaidRequest};
use crate::ext::jobs::baseline::Listed;
use crate::ext::jobs::candidate::Candidate;

const PROMPT: &str = "A cafe\u{301} with 2 robots & a  <desk>, as in \"Blade Runner\"";

/// The time of the request, in seconds of the service's clock.
const REQUESTED: i64 = 1_800_000_000;

/// How long a scene takes.
const SCENE: i64 = 180;

/// The times of the lookups, after the request.
const LOOKUPS: [i64; 7] = [2, 5, 9, 20, 40, 200, 1_200];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Delay {
    None,
    Seconds(i64),
    UntilFinished,
}

#[derive(Debug, Clone, Copy)]
enum Order {
    NewestFirst,
    OldestFirst,
    ById,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Shown {
    AsSent,
    Trimmed,
    Truncated,
    Composed,
    LowerCase,
    HtmlEscaped,
    Never,
}

/// What happens beside the request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Beside {
    Nothing,
    /// Another user requests other scenes.
    OtherPrompts,
    /// Another user has requested the same, before this request.
    SameBefore,
    /// Another user requests the same after this request.
    SameAfter,
    /// This process has requested the same, and that response was lost, too. Both were accepted.
    OwnTwice,
    /// Another request of this process is still in flight, and then accepted.
    OwnInFlight,
}

/// What became of the request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Acceptance {
    Accepted,
    AcceptedLater,
    Refused,
}

#[derive(Debug, Clone, Copy)]
struct Service {
    delay: Delay,
    order: Order,
    page_cap: usize,
    total: bool,
    shown: Shown,
    times: bool,
    /// Scenes from before, one of them with the same prompt.
    library: i64,
}

#[derive(Debug, Clone, PartialEq)]
struct Scene {
    owner: Owner,
    number: i64,
    prompt: String,
    created: i64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Owner {
    Library,
    OtherUser,
    This,
    Rival,
}

impl Scene {
    fn id(&self) -> String {
        // Without a relation to the time.
        format!("{:016x}", self.number.wrapping_mul(0x1E37_79B9_7F4A_7C15))
    }
}

fn time(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap())
}

impl Service {
    /// Returns what is listed at a time, page by page.
    fn pages(self, scenes: &[Scene], now: i64) -> Vec<Listed> {
        let mut listed: Vec<&Scene> = scenes
            .iter()
            .filter(|scene| {
                let appears = match self.delay {
                    Delay::None => scene.created,
                    Delay::Seconds(delay) => scene.created + delay,
                    Delay::UntilFinished => scene.created + SCENE,
                };
                appears <= now
            })
            .collect();
        match self.order {
            Order::NewestFirst => listed.sort_by_key(|scene| -scene.created),
            Order::OldestFirst => listed.sort_by_key(|scene| scene.created),
            Order::ById => listed.sort_by_key(|scene| scene.id()),
        }
        let candidates: Vec<Candidate> = listed.iter().map(|scene| self.show(scene)).collect();
        let total = self.total.then_some(candidates.len() as u64);
        let mut pages: Vec<Listed> = candidates
            .chunks(self.page_cap)
            .map(|page| Listed::of(page.to_vec(), total))
            .collect();
        pages.push(Listed::of(Vec::new(), total));
        pages
    }

    fn show(self, scene: &Scene) -> Candidate {
        let prompt = &scene.prompt;
        let prompt = match self.shown {
            Shown::AsSent => Some(prompt.clone()),
            Shown::Trimmed => Some(prompt.split_whitespace().collect::<Vec<_>>().join(" ")),
            Shown::Truncated => Some(prompt.chars().take(24).collect()),
            Shown::Composed => Some(prompt.replace("e\u{301}", "\u{e9}")),
            Shown::LowerCase => Some(prompt.to_lowercase()),
            Shown::HtmlEscaped => Some(
                prompt
                    .replace('&', "&amp;")
                    .replace('<', "&lt;")
                    .replace('>', "&gt;")
                    .replace('"', "&quot;"),
            ),
            Shown::Never => None,
        };
        Candidate::shown(&scene.id(), prompt, self.times.then(|| time(scene.created)))
    }

    /// Whether lists show enough to tell a new scene from an old one.
    fn shows_what_is_new(self) -> bool {
        let is_first_page_all = self.library <= i64::try_from(self.page_cap).unwrap() && self.total;
        is_first_page_all || self.times || matches!(self.order, Order::NewestFirst)
    }
}

fn every() -> impl Iterator<Item = Service> {
    let mut services = Vec::new();
    for delay in [Delay::None, Delay::Seconds(8), Delay::UntilFinished] {
        for order in [Order::NewestFirst, Order::OldestFirst, Order::ById] {
            for page_cap in [100, 3] {
                for (total, times) in [(true, true), (true, false), (false, true), (false, false)] {
                    for shown in [
                        Shown::AsSent,
                        Shown::Trimmed,
                        Shown::Truncated,
                        Shown::Composed,
                        Shown::LowerCase,
                        Shown::HtmlEscaped,
                        Shown::Never,
                    ] {
                        for library in [0, 4] {
                            services.push(Service {
                                delay,
                                order,
                                page_cap,
                                total,
                                shown,
                                times,
                                library,
                            });
                        }
                    }
                }
            }
        }
    }
    services.into_iter()
}

/// Reads the list as a lookup does.
fn look(service: Service, scenes: &[Scene], now: i64, request: &PaidRequest) -> Vec<Candidate> {
    let mut listed = Vec::new();
    for page in service.pages(scenes, now) {
        if page.candidates.is_empty() {
            break;
        }
        listed.extend(page.candidates);
        if is_read(request, &listed, time(REQUESTED)) {
            break;
        }
    }
    listed
}

struct World {
    scenes: Vec<Scene>,
    rivals: Vec<(Rival, Option<i64>)>,
}

fn scene(owner: Owner, number: i64, prompt: &str, created: i64) -> Scene {
    Scene {
        owner,
        number,
        prompt: prompt.to_owned(),
        created,
    }
}

fn request(at: i64, baseline: Option<Baseline>) -> PaidRequest {
    // This machine's clock is an hour ahead.
    let mut request = PaidRequest::scene(PROMPT, time(at + 3_600));
    request.baseline = baseline;
    request
}

fn world(service: Service, beside: Beside, acceptance: Acceptance, baseline: &Baseline) -> World {
    let mut scenes = library(service);
    let n = service.library;
    match acceptance {
        Acceptance::Accepted => scenes.push(scene(Owner::This, n + 1, PROMPT, REQUESTED + 1)),
        Acceptance::AcceptedLater => scenes.push(scene(Owner::This, n + 1, PROMPT, REQUESTED + 8)),
        Acceptance::Refused => {}
    }
    let mut rivals = Vec::new();
    match beside {
        Beside::Nothing => {}
        Beside::OtherPrompts => {
            for other in 0..5 {
                let prompt = format!("a kitchen with {other} drawers and an open window");
                scenes.push(scene(
                    Owner::OtherUser,
                    n + 2 + other,
                    &prompt,
                    REQUESTED + other,
                ));
            }
        }
        Beside::SameBefore => scenes.push(same_before(service)),
        Beside::SameAfter => scenes.push(scene(Owner::OtherUser, n + 2, PROMPT, REQUESTED + 5)),
        Beside::OwnTwice | Beside::OwnInFlight => {
            scenes.push(scene(Owner::Rival, n + 2, PROMPT, REQUESTED + 2));
            let known_after = (beside == Beside::OwnInFlight).then_some(REQUESTED + 30);
            let rival = Rival {
                request: request(REQUESTED + 1, Some(baseline.clone())),
                is_pending: known_after.is_some(),
            };
            rivals.push((rival, known_after));
        }
    }
    World { scenes, rivals }
}

fn library(service: Service) -> Vec<Scene> {
    let prompt = |number: i64| {
        if number == 2 {
            PROMPT.to_owned()
        } else {
            format!("a garage with {number} shelves, and a bench below them")
        }
    };
    let old = |number| {
        scene(
            Owner::Library,
            number,
            &prompt(number),
            REQUESTED - 90_000 + number,
        )
    };
    (1..=service.library).map(old).collect()
}

/// The scene that another user has requested shortly before.
fn same_before(service: Service) -> Scene {
    scene(Owner::OtherUser, service.library + 2, PROMPT, REQUESTED - 5)
}

/// Repeats lookups until one finds the result. Returns it, or the last verdict.
fn search(
    service: Service,
    world: &World,
    request: &PaidRequest,
) -> Result<(Scene, Confidence), Verdict> {
    let mut last = Verdict::NotFound;
    for after in LOOKUPS {
        let now = REQUESTED + after;
        let mut found_by_others = Vec::new();
        let mut rivals = Vec::new();
        for (rival, known_after) in &world.rivals {
            // Its response names its scene.
            if known_after.is_some_and(|known_after| known_after <= now) {
                let own = world
                    .scenes
                    .iter()
                    .filter(|scene| scene.owner == Owner::Rival);
                found_by_others.extend(own.map(Scene::id));
            } else {
                rivals.push(rival.clone());
            }
        }
        let listed = look(service, &world.scenes, now, request);
        let mut new = new_among(listed, request.baseline.as_ref(), time(REQUESTED));
        new.retain(|(candidate, _)| !found_by_others.iter().any(|id| id == candidate.id()));
        let verdict = decide(request, 1, new, &rivals);
        if let Verdict::One(candidate, confidence) = &verdict {
            let found = world
                .scenes
                .iter()
                .find(|scene| scene.id() == candidate.id());
            return Ok((found.unwrap().clone(), *confidence));
        }
        last = verdict;
    }
    Err(last)
}

#[test]
fn a_result_is_found_wherever_it_can_be_told_apart_and_no_other_is_taken() {
    let mut runs = 0;
    for service in every() {
        for beside in [
            Beside::Nothing,
            Beside::OtherPrompts,
            Beside::SameBefore,
            Beside::SameAfter,
            Beside::OwnTwice,
            Beside::OwnInFlight,
        ] {
            let mut before = library(service);
            if beside == Beside::SameBefore {
                before.push(same_before(service));
            }
            let first_page = service.pages(&before, REQUESTED).swap_remove(0);
            let sent_at = service.times.then(|| time(REQUESTED));
            let baseline = first_page.baseline().sent_at(sent_at);
            let request = request(REQUESTED, Some(baseline.clone()));
            for acceptance in [
                Acceptance::Accepted,
                Acceptance::AcceptedLater,
                Acceptance::Refused,
            ] {
                let world = world(service, beside, acceptance, &baseline);
                let found = search(service, &world, &request);
                check(service, beside, acceptance, &found);
                runs += 1;
            }
        }
    }
    assert_eq!(runs, 3 * 3 * 2 * 4 * 7 * 2 * 6 * 3);
}

fn check(
    service: Service,
    beside: Beside,
    acceptance: Acceptance,
    found: &Result<(Scene, Confidence), Verdict>,
) {
    let case = format!("{service:?} {beside:?} {acceptance:?}: {found:?}");
    let owner = found.as_ref().ok().map(|(scene, _)| scene.owner);
    // Another user's scene is taken only where nothing tells it apart: it has the same prompt, and was
    // listed after the request.
    match owner {
        None | Some(Owner::This) => {}
        Some(Owner::OtherUser) => assert!(
            beside == Beside::SameAfter
                || beside == Beside::SameBefore && service.delay != Delay::None,
            "{case}"
        ),
        // Both were requested by this process, and are the same.
        Some(Owner::Rival) => assert_eq!(beside, Beside::OwnTwice, "{case}"),
        Some(Owner::Library) => panic!("{case}"),
    }
    let is_alone = matches!(
        beside,
        Beside::Nothing | Beside::OtherPrompts | Beside::OwnInFlight
    );
    let is_shown = service.shown != Shown::Never;
    if is_alone && is_shown && service.shows_what_is_new() {
        assert_eq!(owner.is_some(), acceptance != Acceptance::Refused, "{case}");
    }
    if !is_shown {
        assert!(found.is_err(), "{case}");
    }
    if beside == Beside::OwnTwice && is_shown && service.shows_what_is_new() {
        assert!(owner.is_some(), "{case}");
    }
}
