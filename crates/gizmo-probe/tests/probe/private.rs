//! Nothing private is in a recording or a report.

use std::path::Path;

use gizmo_simulator::Options;

use crate::run::{KEY, PAID, PROMPTS, probe};
use crate::standin::Changes;

/// Every file below a directory, with its content.
fn files(directory: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let text = std::fs::read(&path).unwrap();
            found.push((
                path.display().to_string(),
                String::from_utf8_lossy(&text).into_owned(),
            ));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_prompt_name_or_id_is_in_any_file() {
    let mut changes = Changes::default();
    // A service that repeats private text where nobody expects it.
    changes.header(|asked, replied| {
        let key = asked.headers.get("authorization").cloned();
        if let Some(key) = key {
            replied.headers.insert("x-echo", key);
        }
    });
    changes.response(|asked, replied| {
        if asked.is("GET", "/v1/whoami") {
            replied.json(|body| {
                body["email"] = "eulalia@zebrawood.example".into();
                body["status"] = KEY.into();
                body["state"] = "zanzibar8842".into();
            });
        }
        if asked.is("GET", "/v1/scenes/*") {
            let id = asked.path.rsplit('/').next().unwrap().to_owned();
            replied.json(|body| {
                body[&id] = "here".into();
                body["message"] = format!("scene {id} of Eulalia").into();
                body["link"] = format!("https://zebrawood.example/{id}?signature=vermilion").into();
            });
        }
    });
    let probed = probe(changes, Options::default(), &PAID).await;
    let mut private = vec![KEY.to_owned(), "zanzibar8842".to_owned()];
    private.extend(
        probed
            .ids
            .iter()
            .map(|id| id.replace("job_", "").replace("sc_", "")),
    );
    for prompt in PROMPTS {
        let words = prompt.split(|letter: char| !letter.is_alphanumeric());
        private.extend(words.filter(|word| word.len() > 5).map(str::to_lowercase));
    }
    private.extend(["credenza", "walnut", "eulalia", "signature=v", "wooden"].map(str::to_owned));
    let files = files(probed.directory.path());
    assert!(files.len() > 100, "{}", probed.stderr());
    for (name, text) in files {
        let text = text.to_lowercase();
        // The observatory is a room of the simulator's vocabulary as well.
        for word in private.iter().filter(|word| word.as_str() != "kitchenette") {
            assert!(!text.contains(word.as_str()), "{name} contains `{word}`");
        }
    }
}
