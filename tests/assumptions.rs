//! The table of assumptions in `openapi/assumptions.json`, and the code that cites it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// Where code cites assumptions. Each one must be cited outside of the simulator.
const SOURCES: [&str; 5] = ["build.rs", "build", "src", "xtask/src", SIMULATOR];
const SIMULATOR: &str = "crates/gizmo-simulator/src";

/// The documents whose operations an assumption may concern.
const DOCUMENTS: [&str; 2] = ["openapi/openapi.json", "openapi/alpha.json"];

const EVIDENCE: [&str; 3] = ["documented", "observed", "guess"];

/// The members of an entry that are text, and those that are lists of text.
const TEXTS: [&str; 4] = ["id", "statement", "evidence", "source"];
const LISTS: [&str; 2] = ["operations", "code"];

/// A source file: its path in the repository, and its text.
type Source = (String, String);

/// Returns a line for each fault of the table and of the citations in `sources`.
fn faults(table: &Value, sources: &[Source], operations: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut cited: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let entries = table["assumptions"].as_array();
    let entries = entries.map(Vec::as_slice).unwrap_or_default();
    if entries.is_empty() {
        faults.push("the table has no list `assumptions`".to_owned());
    }
    let ids: Vec<&str> = entries
        .iter()
        .filter_map(|entry| entry["id"].as_str())
        .collect();
    for (path, text) in sources {
        for (index, line) in text.lines().enumerate() {
            let place = format!("{path}:{}", index + 1);
            match citation(line) {
                Some(Ok(named)) => {
                    for id in named {
                        if !ids.contains(&id) {
                            faults.push(format!("{place} cites `{id}`, which is not in the table"));
                        }
                        cited.entry(id).or_default().insert(path);
                    }
                }
                Some(Err(why)) => faults.push(format!("{place}: {why}")),
                None => {}
            }
        }
    }
    let none = BTreeSet::new();
    for (index, entry) in entries.iter().enumerate() {
        let Some(id) = entry["id"].as_str() else {
            faults.push(format!("entry {index} has no `id`"));
            continue;
        };
        if ids.iter().position(|one| *one == id) != ids.iter().rposition(|one| *one == id) {
            faults.push(format!("`{id}` is the id of several entries"));
        }
        let own = faults_of(entry, operations);
        faults.extend(own.into_iter().map(|fault| format!("`{id}`: {fault}")));
        let cited_by = cited.get(id).unwrap_or(&none);
        if cited_by.iter().all(|path| path.starts_with(SIMULATOR)) {
            faults.push(format!("`{id}` is cited by no code that relies on it"));
        }
        let code = texts(&entry["code"]).unwrap_or_default();
        let expected: Vec<&str> = cited_by.iter().copied().collect();
        if code != expected {
            faults.push(format!(
                "`{id}`: `code` is {code:?}, but it is cited by {expected:?}"
            ));
        }
    }
    faults
}

/// Returns the faults of one entry that do not depend on the others.
fn faults_of(entry: &Value, operations: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for name in TEXTS {
        if entry[name]
            .as_str()
            .is_none_or(|text| text.trim().is_empty())
        {
            faults.push(format!("`{name}` is empty or missing"));
        }
    }
    for name in LISTS {
        if texts(&entry[name]).is_none() {
            faults.push(format!("`{name}` is not a list of text"));
        }
    }
    for name in entry.as_object().into_iter().flat_map(|entry| entry.keys()) {
        if !TEXTS.contains(&name.as_str()) && !LISTS.contains(&name.as_str()) {
            faults.push(format!("`{name}` is not a member of an entry"));
        }
    }
    let id = entry["id"].as_str().unwrap_or_default();
    if !id.is_empty() && !is_kebab_case(id) {
        faults.push("the id is not in kebab-case".to_owned());
    }
    let evidence = entry["evidence"].as_str().unwrap_or_default();
    if !evidence.is_empty() && !EVIDENCE.contains(&evidence) {
        let known = EVIDENCE.join(", ");
        faults.push(format!("the evidence is `{evidence}`, not one of {known}"));
    }
    for operation in texts(&entry["operations"]).unwrap_or_default() {
        if !operations.contains(operation) {
            faults.push(format!("no document has the operation `{operation}`"));
        }
    }
    faults
}

/// Returns the ids that a line cites, or why its citation is invalid; `None` if it has none.
fn citation(line: &str) -> Option<Result<Vec<&str>, &'static str>> {
    let (code, comment) = line.split_once("//")?;
    let text = comment.trim_start_matches(['/', '!']).trim();
    let (word, ids) = text.split_once(':')?;
    if !matches!(word, "Assumption" | "Assumptions") {
        return None;
    }
    let form = "a citation is `// Assumption: ID.` or `// Assumptions: ID, ID.`";
    if !code.trim().is_empty() {
        return Some(Err("a citation has a line of its own"));
    }
    if comment.starts_with(['/', '!']) {
        return Some(Err("a citation is not part of the documentation"));
    }
    let Some(ids) = ids.strip_prefix(' ').and_then(|ids| ids.strip_suffix('.')) else {
        return Some(Err(form));
    };
    let ids: Vec<&str> = ids.split(", ").collect();
    let is_valid = (ids.len() == 1) == (word == "Assumption") && ids.iter().all(|id| is_word(id));
    Some(if is_valid { Ok(ids) } else { Err(form) })
}

/// Whether text can be an id, which may be misspelt.
fn is_word(text: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    !text.is_empty() && text.chars().all(is_part)
}

fn is_kebab_case(id: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    id.split('-')
        .all(|word| !word.is_empty() && word.chars().all(is_part))
}

fn texts(list: &Value) -> Option<Vec<&str>> {
    list.as_array()?.iter().map(Value::as_str).collect()
}

/// The ids of all operations of a document.
fn operation_ids(document: &Value) -> impl Iterator<Item = String> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.filter_map(|(_, item)| item.as_object()).flatten();
    operations.filter_map(|(_, operation)| operation["operationId"].as_str().map(str::to_owned))
}

/// Collects the Rust files below `path`, which is relative to the repository.
fn collect(root: &Path, path: &str, sources: &mut Vec<Source>) {
    let file = root.join(path);
    if file.is_dir() {
        for entry in fs::read_dir(file).unwrap() {
            let name = entry.unwrap().file_name();
            collect(root, &format!("{path}/{}", name.to_str().unwrap()), sources);
        }
    } else if file.extension().is_some_and(|extension| extension == "rs") {
        sources.push((path.to_owned(), fs::read_to_string(file).unwrap()));
    }
}

#[test]
fn code_cites_the_assumptions_that_are_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(root.join(path)).unwrap()).unwrap()
    };
    let documents = DOCUMENTS.map(read);
    let operations = documents.iter().flat_map(operation_ids).collect();
    let mut sources = Vec::new();
    for path in SOURCES {
        collect(root, path, &mut sources);
    }
    let faults = faults(&read("openapi/assumptions.json"), &sources, &operations);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// A valid entry with this id, cited by one file.
fn entry(id: &str) -> Value {
    json!({
        "id": id,
        "statement": "A statement.",
        "evidence": "guess",
        "source": "nothing",
        "operations": ["get_job"],
        "code": ["src/a.rs"],
    })
}

/// The faults of a table and of files with these texts.
fn found(entries: &Value, files: &[(&str, &str)]) -> Vec<String> {
    let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
    let sources: Vec<Source> = files.iter().map(owned).collect();
    let operations = BTreeSet::from(["get_job".to_owned()]);
    faults(&json!({ "assumptions": entries }), &sources, &operations)
}

const FORM: &str = "a citation is `// Assumption: ID.` or `// Assumptions: ID, ID.`";

#[test]
fn a_table_and_code_that_agree_have_no_fault() {
    let mut second = entry("two-2");
    second["code"] = json!(["build/b.rs", "crates/gizmo-simulator/src/c.rs", "src/a.rs"]);
    second["operations"] = json!([]);
    let files = [
        (
            "build/b.rs",
            "fn b() {\n    // Why.\n    // Assumption: two-2.\n}",
        ),
        ("crates/gizmo-simulator/src/c.rs", "// Assumption: two-2."),
        (
            "src/a.rs",
            "//! Text.\n// Assumptions: one, two-2.\nfn a() {}\n",
        ),
        (
            "src/d.rs",
            "// An assumption: none.\nlet url = \"https://a.b/Assumption\";",
        ),
    ];
    assert_eq!(found(&json!([entry("one"), second]), &files), [""; 0]);
}

#[test]
fn a_citation_that_is_not_in_the_table_is_a_fault() {
    let files = [(
        "src/a.rs",
        "// Assumption: one.\n\n    // Assumption: onee.",
    )];
    assert_eq!(
        found(&json!([entry("one")]), &files),
        ["src/a.rs:3 cites `onee`, which is not in the table"]
    );
}

#[test]
fn a_citation_in_another_form_is_a_fault() {
    for (line, fault) in [
        ("// Assumption: one", FORM),
        ("// Assumption:one.", FORM),
        ("// Assumption: .", FORM),
        ("// Assumption: one, one.", FORM),
        ("// Assumptions: one.", FORM),
        ("// Assumptions: one,one.", FORM),
        ("// Assumption: one and more.", FORM),
        (
            "/// Assumption: one.",
            "a citation is not part of the documentation",
        ),
        (
            "//! Assumption: one.",
            "a citation is not part of the documentation",
        ),
        (
            "let a = 1; // Assumption: one.",
            "a citation has a line of its own",
        ),
    ] {
        let text = format!("// Assumption: one.\n{line}");
        assert_eq!(
            found(&json!([entry("one")]), &[("src/a.rs", &text)]),
            [format!("src/a.rs:2: {fault}")],
            "{line}"
        );
    }
}

#[test]
fn an_assumption_that_no_code_of_ours_cites_is_a_fault() {
    let mut uncited = entry("one");
    uncited["code"] = json!([]);
    let fault = "`one` is cited by no code that relies on it";
    assert_eq!(found(&json!([uncited]), &[("src/a.rs", "one")]), [fault]);
    let simulator = "crates/gizmo-simulator/src/a.rs";
    let mut simulated = entry("one");
    simulated["code"] = json!([simulator]);
    let files = [(simulator, "// Assumption: one.")];
    assert_eq!(found(&json!([simulated]), &files), [fault]);
}

#[test]
fn a_list_of_code_that_differs_from_the_citations_is_a_fault() {
    let (a, b) = (
        ("src/a.rs", "// Assumption: one."),
        ("src/b.rs", "// Assumption: one."),
    );
    for (code, files, cited_by) in [
        (
            json!(["src/a.rs"]),
            vec![a, b],
            r#"["src/a.rs", "src/b.rs"]"#,
        ),
        (json!(["src/a.rs", "src/b.rs"]), vec![a], r#"["src/a.rs"]"#),
        (
            json!(["src/b.rs", "src/a.rs"]),
            vec![a, b],
            r#"["src/a.rs", "src/b.rs"]"#,
        ),
        (json!(["src/a.rs", "src/a.rs"]), vec![a], r#"["src/a.rs"]"#),
    ] {
        let mut entry = entry("one");
        let listed = format!("{:?}", texts(&code).unwrap());
        entry["code"] = code;
        assert_eq!(
            found(&json!([entry]), &files),
            [format!(
                "`one`: `code` is {listed}, but it is cited by {cited_by}"
            )]
        );
    }
}

#[test]
fn an_invalid_entry_is_a_fault() {
    let without = |name: &str| {
        let mut entry = entry("one");
        entry.as_object_mut().unwrap().remove(name);
        entry
    };
    let with = |name: &str, value: Value| {
        let mut entry = entry("one");
        entry[name] = value;
        entry
    };
    for (entry, expected) in [
        (
            with("statement", json!(" ")),
            "`statement` is empty or missing",
        ),
        (without("statement"), "`statement` is empty or missing"),
        (without("source"), "`source` is empty or missing"),
        (without("evidence"), "`evidence` is empty or missing"),
        (
            with("evidence", json!("hearsay")),
            "the evidence is `hearsay`, not one of documented, observed, guess",
        ),
        (without("operations"), "`operations` is not a list of text"),
        (
            with("operations", json!([1])),
            "`operations` is not a list of text",
        ),
        (
            with("operations", json!(["get_job", "get_jobs"])),
            "no document has the operation `get_jobs`",
        ),
        (
            with("operation", json!([])),
            "`operation` is not a member of an entry",
        ),
    ] {
        assert_eq!(
            found(&json!([entry]), &[("src/a.rs", "// Assumption: one.")]),
            [format!("`one`: {expected}")]
        );
    }
}

#[test]
fn ids_are_unique_and_in_kebab_case() {
    let files = [("src/a.rs", "// Assumption: one.")];
    let twice = "`one` is the id of several entries";
    assert_eq!(
        found(&json!([entry("one"), entry("one")]), &files),
        [twice, twice]
    );
    for id in ["One", "one_two", "one-", "-one", "one--two"] {
        let text = format!("// Assumption: {id}.");
        assert_eq!(
            found(&json!([entry(id)]), &[("src/a.rs", &text)]),
            [format!("`{id}`: the id is not in kebab-case")]
        );
    }
}

#[test]
fn a_table_without_entries_or_ids_is_a_fault() {
    let missing = "the table has no list `assumptions`";
    assert_eq!(found(&json!([]), &[]), [missing]);
    assert_eq!(found(&json!({}), &[]), [missing]);
    assert_eq!(
        found(&json!([{"statement": "A."}]), &[]),
        ["entry 0 has no `id`"]
    );
}

#[test]
fn the_operations_of_a_document_are_found() {
    let document = json!({"paths": {"/a": {
        "get": {"operationId": "get_a"},
        "parameters": [],
        "post": {"operationId": "post_a"},
    }}});
    let ids: Vec<String> = operation_ids(&document).collect();
    assert_eq!(ids, ["get_a", "post_a"]);
}
