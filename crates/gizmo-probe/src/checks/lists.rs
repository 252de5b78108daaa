//! Checks of lists.

use gizmo_client::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Check, kind};
use crate::evidence::{Evidence, Seen};
use crate::find;
use crate::note;
use crate::tally::Tally;

pub(super) const CHECKS: &[Check] = &[
    ("list-envelope", envelope),
    ("list-newest-first", newest_first),
    ("list-newest-first", new_is_first),
    ("list-limit", limit),
    ("list-offset", offset),
    ("list-total", total),
    ("list-assets-by-scene", by_scene),
    ("list-created-at", created_at),
    ("catalog-envelope", catalog_envelope),
    ("catalog-slug", catalog_slug),
    ("catalog-categories", categories),
];

const LISTS: [&str; 3] = ["list_scenes", "list_assets", "search_catalog"];

/// The most items of a page by default, and at all.
const DEFAULT_LIMIT: usize = 20;
const LARGEST_LIMIT: usize = 100;

fn lists(evidence: &Evidence) -> impl Iterator<Item = Seen<'_>> {
    LISTS
        .iter()
        .flat_map(|operation| evidence.successes(operation))
}

/// The lists that were requested for this reason, before the paid part.
fn noted<'a>(evidence: &'a Evidence, note: &'a str) -> impl Iterator<Item = Seen<'a>> {
    lists(evidence).filter(move |seen| seen.note() == note)
}

fn items(seen: Seen<'_>) -> Option<(String, &Vec<Value>)> {
    find::list(seen.json()?)
}

fn envelope(evidence: &Evidence, tally: &mut Tally) {
    for seen in lists(evidence).filter(|seen| seen.operation() != "search_catalog") {
        let place = items(seen).map(|(place, _)| place);
        match place.as_deref() {
            Some("/scenes" | "/assets" | "/items") => tally.holds(),
            Some("") => tally.fails(seen, "", "an array"),
            Some(place) => tally.fails(seen, place, "the list"),
            None => tally.fails(seen, "", "no list"),
        }
        for name in ["total", "limit", "offset"] {
            let value = seen.json().and_then(|body| body.get(name));
            let holds = value.is_some_and(Value::is_u64);
            tally.expect(holds, seen, &format!("/{name}"), kind(value));
        }
    }
}

fn time(item: &Value) -> Option<std::time::SystemTime> {
    let time = Timestamp::deserialize(item.get("created_at")?).ok()?;
    time.system_time()
}

fn newest_first(evidence: &Evidence, tally: &mut Tally) {
    let lists = noted(evidence, note::LIST).chain(noted(evidence, note::LARGEST));
    for seen in lists.filter(|seen| seen.operation() != "search_catalog") {
        let Some((place, items)) = items(seen) else {
            continue;
        };
        for (index, pair) in items.windows(2).enumerate() {
            if let (Some(first), Some(second)) = (time(&pair[0]), time(&pair[1])) {
                let place = format!("{place}/{}/created_at", index + 1);
                tally.expect(first >= second, seen, &place, "later than the one before");
            }
        }
    }
}

/// What the probe has made is the newest. Only something else that is new may be before it.
fn new_is_first(evidence: &Evidence, tally: &mut Tally) {
    for run in evidence.runs() {
        let names: &[&str] = match run.accepted.note() {
            note::PAID_SCENE => &find::SCENE,
            note::PAID_ASSET => &find::ASSET,
            _ => continue,
        };
        let Some((list, _)) = run.first_listed(names) else {
            continue;
        };
        let ids = |seen: Seen<'_>| seen.json().map(|body| find::ids(body, names));
        let before = run.baseline.and_then(ids).unwrap_or_default();
        let listed = ids(list).unwrap_or_default();
        let mut are_new = listed.iter().map(|id| !before.contains(id));
        let first = are_new.clone().next().unwrap_or(true);
        let at = are_new.position(|is_new| is_new).unwrap_or_default();
        let place = items(list).map(|(place, _)| place).unwrap_or_default();
        tally.expect(
            first,
            list,
            &format!("{place}/{at}"),
            "the newest, after older ones",
        );
    }
}

fn limit(evidence: &Evidence, tally: &mut Tally) {
    for (note, most) in [
        (note::LIST, DEFAULT_LIMIT),
        (note::PAGE_1, 1),
        (note::PAGE_2, 1),
        (note::LARGEST, LARGEST_LIMIT),
        (note::TOO_LARGE, LARGEST_LIMIT),
    ] {
        for seen in noted(evidence, note) {
            let Some((place, items)) = items(seen) else {
                continue;
            };
            let found = format!("{} items", items.len());
            tally.expect(items.len() <= most, seen, &place, found);
            let limit = seen.json().and_then(|body| body.get("limit"));
            if note == note::LIST && limit.is_some() {
                let holds = limit.and_then(Value::as_u64) == Some(DEFAULT_LIMIT as u64);
                tally.expect(holds, seen, "/limit", kind(limit));
            }
        }
        // The first page is full if there are more.
        for seen in noted(evidence, note).filter(|_| note == note::LIST) {
            let total = seen.json().and_then(|body| body["total"].as_u64());
            if let (Some(total), Some((place, items))) = (total, items(seen)) {
                let is_full = items.len() as u64 >= total.min(DEFAULT_LIMIT as u64);
                let found = format!("{} items of {total}", items.len());
                tally.expect(is_full, seen, &place, found);
            }
        }
    }
}

const ID_NAMES: [&str; 3] = ["slug", "scene_id", "asset_id"];

fn offset(evidence: &Evidence, tally: &mut Tally) {
    for second in noted(evidence, note::PAGE_2) {
        let first =
            noted(evidence, note::PAGE_1).find(|first| first.operation() == second.operation());
        let all = noted(evidence, note::LIST).find(|all| all.operation() == second.operation());
        let ids = |seen: Option<Seen<'_>>| {
            let body = seen.and_then(Seen::json).cloned().unwrap_or_default();
            find::ids(&body, &ID_NAMES)
        };
        let (first, all, ids) = (ids(first), ids(all), ids(Some(second)));
        let place = items(second).map(|(place, _)| place).unwrap_or_default();
        if all.len() < 2 {
            continue;
        }
        let found = match ids.first() {
            None => "nothing",
            Some(id) if first.first() == Some(id) => "the first item again",
            Some(_) => "another item",
        };
        tally.expect(ids.first() == all.get(1), second, &place, found);
    }
    for seen in noted(evidence, note::BEYOND) {
        if let Some((place, items)) = items(seen) {
            let found = format!("{} items", items.len());
            tally.expect(items.is_empty(), seen, &place, found);
        }
    }
}

fn total(evidence: &Evidence, tally: &mut Tally) {
    for seen in noted(evidence, note::LIST).chain(noted(evidence, note::LARGEST)) {
        let total = seen.json().and_then(|body| body["total"].as_u64());
        let limit = seen.json().and_then(|body| body["limit"].as_u64());
        if let (Some(total), Some((_, items))) = (total, items(seen)) {
            let count = items.len() as u64;
            let is_last = limit.is_some_and(|limit| count < limit);
            let holds = if is_last {
                total == count
            } else {
                total >= count
            };
            tally.expect(holds, seen, "/total", format!("{total} for {count} items"));
        }
    }
    for seen in noted(evidence, note::PAGE_1) {
        let total = |seen: Seen<'_>| seen.json().and_then(|body| body["total"].as_u64());
        let all = noted(evidence, note::LIST).find(|all| all.operation() == seen.operation());
        if let (Some(all), Some(one)) = (all.and_then(total), total(seen)) {
            tally.expect(
                all == one,
                seen,
                "/total",
                format!("{one} instead of {all}"),
            );
        }
    }
}

fn by_scene(evidence: &Evidence, tally: &mut Tally) {
    for seen in noted(evidence, note::OF_SCENE) {
        let wanted = seen.query().strip_prefix("scene_id=").unwrap_or_default();
        let Some((place, items)) = items(seen) else {
            continue;
        };
        for (index, item) in items.iter().enumerate() {
            if let Some(scene) = item["scene_id"].as_str() {
                let place = format!("{place}/{index}/scene_id");
                tally.expect(scene == wanted, seen, &place, "the id of another scene");
            }
        }
    }
}

fn created_at(evidence: &Evidence, tally: &mut Tally) {
    for seen in lists(evidence).filter(|seen| seen.operation() != "search_catalog") {
        let Some((place, items)) = items(seen) else {
            continue;
        };
        for (index, item) in items.iter().enumerate() {
            let place = format!("{place}/{index}/created_at");
            let found = kind(item.get("created_at"));
            tally.expect(time(item).is_some(), seen, &place, found);
        }
    }
}

fn catalog_envelope(evidence: &Evidence, tally: &mut Tally) {
    for seen in evidence.successes("search_catalog") {
        match items(seen) {
            Some((place, _)) => tally.expect(place == "/items", seen, &place, "the list"),
            None => tally.fails(seen, "/items", "no list"),
        }
    }
    for seen in evidence.successes("get_catalog_item") {
        let item = seen.json().and_then(|body| body.get("item"));
        tally.expect(
            item.is_some_and(Value::is_object),
            seen,
            "/item",
            kind(item),
        );
    }
}

fn catalog_slug(evidence: &Evidence, tally: &mut Tally) {
    for seen in evidence.successes("search_catalog") {
        let Some((place, items)) = items(seen) else {
            continue;
        };
        for (index, item) in items.iter().enumerate() {
            let place = format!("{place}/{index}/slug");
            tally.expect(
                item["slug"].is_string(),
                seen,
                &place,
                kind(item.get("slug")),
            );
        }
    }
}

fn categories(evidence: &Evidence, tally: &mut Tally) {
    for seen in evidence.successes("list_categories") {
        let Some((place, items)) = items(seen) else {
            tally.fails(seen, "/categories", "no list");
            continue;
        };
        tally.expect(place == "/categories", seen, &place, "the list");
        for (index, item) in items.iter().enumerate() {
            let found = match item {
                Value::Object(_) => kind(item.get("name")),
                other => kind(Some(other)),
            };
            let place = format!("{place}/{index}/name");
            tally.expect(item["name"].is_string(), seen, &place, found);
        }
    }
}
