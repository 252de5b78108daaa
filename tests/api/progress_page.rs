//! The example `progress_page` in headless Chromium, which is driven over the `DevTools` protocol.

use std::collections::HashSet;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use gizmo_simulator::{Options, Vocabulary};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::support::{Lab, example};

/// A browser that reads commands from its file descriptor 3 and writes responses to 4.
struct Browser {
    _process: Child,
    commands: ChildStdin,
    responses: BufReader<ChildStdout>,
    count: u64,
    session: Value,
}

impl Browser {
    /// Starts the browser. Prints a notice and returns `None` if none is installed.
    #[expect(
        clippy::print_stdout,
        reason = "the output of the test names the skipped check"
    )]
    fn start(profile: &std::path::Path) -> Option<Self> {
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let installed = names.into_iter().find(|name| {
            let version = std::process::Command::new(name).arg("--version").output();
            version.is_ok_and(|output| output.status.success())
        });
        let Some(program) = installed else {
            println!("skipped: Chromium is not installed");
            return None;
        };
        let script = "exec \"$0\" \"$@\" 3<&0 4>&1 1>/dev/null";
        let mut process = Command::new("sh")
            .args(["-c", script, program, "--headless", "--no-sandbox"])
            .args([
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (commands, responses) = (
            process.stdin.take().unwrap(),
            process.stdout.take().unwrap(),
        );
        Some(Self {
            _process: process,
            commands,
            responses: BufReader::new(responses),
            count: 0,
            session: Value::Null,
        })
    }

    /// Sends a command and returns its result. Sends it again if the page has navigated in the
    /// meantime.
    async fn command(&mut self, method: &str, parameters: Value) -> Value {
        loop {
            let mut response = self.exchange(method, &parameters).await;
            let error = response["error"]["message"].as_str().unwrap_or_default();
            if error != "Execution context was destroyed." {
                assert_eq!(error, "", "{method}");
                return response["result"].take();
            }
        }
    }

    async fn exchange(&mut self, method: &str, parameters: &Value) -> Value {
        self.count += 1;
        let mut command = json!({ "id": self.count, "method": method, "params": parameters });
        if self.session.is_string() {
            command["sessionId"] = self.session.clone();
        }
        let command = format!("{command}\0");
        self.commands.write_all(command.as_bytes()).await.unwrap();
        loop {
            let mut message = Vec::new();
            self.responses.read_until(0, &mut message).await.unwrap();
            message.pop();
            let message: Value = serde_json::from_slice(&message).unwrap();
            if message["id"] == self.count {
                return message;
            }
        }
    }

    async fn open(&mut self, url: &str) {
        let target = json!({ "url": url, "newWindow": true, "width": 900, "height": 1000 });
        let target = self.command("Target.createTarget", target).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let mut attached = self.command("Target.attachToTarget", attach).await;
        self.session = attached["sessionId"].take();
    }

    /// Returns a picture of the page as PNG. Writes it next to `GIZMO_SCREENSHOT` if that is set, with
    /// `prefix` before its name.
    async fn screenshot(&mut self, prefix: &str) -> Vec<u8> {
        let format = json!({ "format": "png" });
        let shot = self.command("Page.captureScreenshot", format).await;
        let shot = shot["data"].as_str().unwrap();
        let png = base64::engine::general_purpose::STANDARD
            .decode(shot)
            .unwrap();
        if let Some(path) = std::env::var_os("GIZMO_SCREENSHOT") {
            let path = std::path::Path::new(&path);
            let name = path.file_name().unwrap().to_str().unwrap();
            std::fs::write(path.with_file_name(format!("{prefix}{name}")), &png).unwrap();
        }
        png
    }

    /// Evaluates an expression in the page and awaits its value if it is a promise.
    async fn evaluate(&mut self, expression: &str) -> Value {
        let expression = json!({
            "expression": expression,
            "awaitPromise": true,
            "returnByValue": true,
        });
        let mut evaluated = self.command("Runtime.evaluate", expression).await;
        evaluated["result"]["value"].take()
    }
}

/// Resolves to the title and the HTML of the page once it shows the link to the ZIP archive. Checks
/// the page on every animation frame.
const DONE: &str = r#"new Promise(done => {
    const check = () => document.querySelector("main")?.innerText.includes("succeeded")
        && document.querySelector("a").checkVisibility()
        ? done({ title: document.title, html: document.body.outerHTML })
        : requestAnimationFrame(check);
    check();
})"#;

/// Returns the number of colours in a PNG with eight bits per channel.
fn colours(png: &[u8]) -> usize {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(frame.bit_depth, png::BitDepth::Eight);
    let pixels = pixels[..frame.buffer_size()].chunks_exact(frame.color_type.samples());
    pixels.collect::<HashSet<_>>().len()
}

/// Each vocabulary with the stages and the summary that the page shows.
const VOCABULARIES: [(Vocabulary, &[&str], &str); 2] = [
    (
        Vocabulary::Documented,
        &["layout", "assets", "articulation", "physics", "assembly"],
        "5 stages complete",
    ),
    (
        Vocabulary::Observed,
        &["job", "floorplan", "structure", "asset", "placement"],
        "6 assets ready",
    ),
];

#[tokio::test]
async fn the_page_follows_the_job_and_links_to_the_zip_archive() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut browser) = Browser::start(&dir.path().join("profile")) else {
        return;
    };
    for (vocabulary, stages, summary) in VOCABULARIES {
        // A scene takes half a second.
        let mut options = Options::instant().with_speed(360.0);
        options.vocabulary = vocabulary;
        assert_page_shows(&mut browser, options, stages, summary).await;
    }
}

/// Starts the example, and opens its page. The example runs until the returned process is dropped.
async fn open_page(browser: &mut Browser, lab: &Lab, prompt: &str) -> Child {
    let mut command = example("progress_page");
    let command = lab.environment(&mut command).arg(prompt);
    let mut server = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    stdout.read_line(&mut url).await.unwrap();
    browser.open(url.trim()).await;
    server
}

async fn assert_page_shows(
    browser: &mut Browser,
    options: Options,
    stages: &[&str],
    summary: &str,
) {
    let lab = Lab::start(options).await;
    let _server = open_page(browser, &lab, "a lab with a lamp").await;
    let page = timeout(Duration::from_secs(60), browser.evaluate(DONE)).await;
    let page = page.expect("the page shows the end within a minute");

    assert!(
        page["title"].as_str().unwrap().starts_with("succeeded in "),
        "{page}"
    );
    let html = page["html"].as_str().unwrap();
    for stage in stages {
        assert!(
            html.contains(&format!("<title>{stage}</title>")),
            "{stage}: {html}"
        );
    }
    assert!(
        html.contains("workbench_") && html.contains(summary),
        "{html}"
    );
    let zip = "fetch(document.querySelector('a').href)\
        .then(async zip => [zip.status, (await zip.text()).slice(0, 4)])";
    assert_eq!(browser.evaluate(zip).await, json!([200, "PK\u{3}\u{4}"]));

    let png = browser.screenshot("").await;
    assert!(colours(&png) > 50, "{} colours", colours(&png));
    assert_is_readable(browser, 420).await;
}

/// Asserts that a page of this width in pixels does not scroll sideways, and that its letters are
/// at least eight pixels high.
async fn assert_is_readable(browser: &mut Browser, width: u32) {
    let size = json!({ "width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": false });
    browser
        .command("Emulation.setDeviceMetricsOverride", size)
        .await;
    let page = browser.evaluate(LETTERS).await;
    browser.screenshot("narrow-").await;
    assert!(
        page["width"].as_f64().unwrap() <= f64::from(width),
        "{page}"
    );
    let letters = page["letters"].as_array().unwrap();
    assert!(letters.len() > 5, "{page}");
    for text in letters {
        assert!(text[1].as_f64().unwrap() >= 8.0, "{text}");
    }
}

/// Returns the width of the contents of the page, and each visible text of its pictures with the
/// size of its letters in pixels.
const LETTERS: &str = r#"(() => {
    // First, because this updates the layout.
    const width = document.documentElement.scrollWidth;
    const texts = [...document.querySelectorAll("svg text")].filter(text => text.getBoundingClientRect().width > 0);
    return {
        width,
        letters: texts.map(text => [
            text.textContent,
            parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a,
        ]),
    };
})()"#;

/// Resolves to the title, the text and the colour of the failure once the page shows it.
const FAILED: &str = r#"new Promise(done => {
    const check = () => {
        const failure = document.querySelector(".failed");
        failure ? done({
            title: document.title,
            text: failure.innerText,
            colour: getComputedStyle(failure).color,
            heading: document.querySelector("svg .heading").textContent,
            link: document.querySelector("a").checkVisibility(),
        }) : requestAnimationFrame(check);
    };
    check();
})"#;

#[tokio::test]
async fn the_page_shows_that_a_job_has_failed_and_why() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut browser) = Browser::start(&dir.path().join("profile")) else {
        return;
    };
    let lab = Lab::start(Options::instant().with_speed(360.0)).await;
    lab.fail_job();
    let _server = open_page(&mut browser, &lab, "a robotics lab").await;
    let page = timeout(Duration::from_secs(60), browser.evaluate(FAILED)).await;
    let page = page.expect("the page shows the failure within a minute");
    let text = page["text"].as_str().unwrap();
    assert!(text.starts_with("Failed: the job failed: "), "{page}");
    assert_eq!(page["title"], page["text"]);
    assert_eq!(page["colour"], "rgb(179, 38, 30)");
    assert!(
        page["heading"]
            .as_str()
            .unwrap()
            .starts_with("failed after "),
        "{page}"
    );
    assert_eq!(page["link"], false);
    assert_is_readable(&mut browser, 420).await;
}
