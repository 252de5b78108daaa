//! The example `mcp`, run as a program by a client of the Model Context Protocol.

use std::process::Stdio;

use gizmo_client::Bundle;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use crate::support::{Lab, example};

/// A client whose user answers every question in the same way.
struct McpClient {
    _server: Child,
    to: ChildStdin,
    from: Lines<BufReader<ChildStdout>>,
    answer: Value,
    questions: Vec<String>,
    calls: u64,
}

impl McpClient {
    /// Starts the server. Without an `answer`, the client cannot ask its user.
    async fn start(lab: &Lab, answer: Option<Value>) -> Self {
        let mut command = example("mcp");
        lab.environment(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = command.spawn().unwrap();
        let (to, from) = (server.stdin.take().unwrap(), server.stdout.take().unwrap());
        let capabilities = match &answer {
            Some(_) => json!({"elicitation": {}}),
            None => json!({}),
        };
        let mut client = Self {
            _server: server,
            to,
            from: BufReader::new(from).lines(),
            answer: answer.unwrap_or_default(),
            questions: Vec::new(),
            calls: 0,
        };
        client
            .request(
                "initialize",
                json!({
                    "protocolVersion": "2025-06-18", "capabilities": capabilities,
                    "clientInfo": {"name": "test", "version": "1"},
                }),
            )
            .await;
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        client.send(&initialized).await;
        client
    }

    async fn send(&mut self, message: &Value) {
        self.to
            .write_all(format!("{message}\n").as_bytes())
            .await
            .unwrap();
    }

    /// Sends a request, answers the questions of the server, and returns the result.
    async fn request(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
            .await;
        loop {
            let line = self.from.next_line().await.unwrap().expect("a response");
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["method"] == "elicitation/create" {
                self.questions
                    .push(message["params"]["message"].as_str().unwrap().to_owned());
                let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": self.answer});
                self.send(&answer).await;
            } else if message["id"] == id {
                assert!(message["error"].is_null(), "{message}");
                return message["result"].clone();
            }
        }
    }

    /// Calls a tool. Its error is an `Err`.
    async fn call(&mut self, tool: &str, arguments: Value) -> Result<String, String> {
        let result = self
            .request("tools/call", json!({"name": tool, "arguments": arguments}))
            .await;
        let text = result["content"][0]["text"].as_str().unwrap().to_owned();
        if result["isError"] == true {
            Err(text)
        } else {
            Ok(text)
        }
    }
}

#[tokio::test]
async fn a_language_model_generates_follows_and_exports_a_scene() {
    let lab = Lab::instant().await;
    let agree = json!({"action": "accept", "content": {"agree": true}});
    let mut client = McpClient::start(&lab, Some(agree)).await;
    let tools = client.request("tools/list", json!({})).await;
    let tools = tools["tools"].as_array().unwrap();
    let generate = tools
        .iter()
        .find(|tool| tool["name"] == "generate")
        .unwrap();
    assert_eq!(
        generate["inputSchema"]["properties"]["prompt"]["minLength"],
        1
    );
    assert_eq!(tools.len(), 4);

    let found = client
        .call("search_catalog", json!({"query": "lamp"}))
        .await
        .unwrap();
    assert!(
        !serde_json::from_str::<Vec<Value>>(&found)
            .unwrap()
            .is_empty()
    );
    let job = client
        .call("generate", json!({"prompt": "a lab"}))
        .await
        .unwrap();
    assert_eq!(
        client.questions,
        ["Generate \"a lab\"? This costs credits."]
    );
    let state = client.call("follow", json!({"job_id": job})).await.unwrap();
    let scene = state.strip_prefix("complete: scene ").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let lab_dir = dir.path().join("lab");
    let export = json!({"scene_id": scene, "format": "usd", "directory": lab_dir});
    let model = client.call("export", export).await.unwrap();
    assert_eq!(
        Bundle::open(&lab_dir)
            .unwrap()
            .model()
            .display()
            .to_string(),
        model
    );
    let error = client
        .call("follow", json!({"job_id": "job_x"}))
        .await
        .unwrap_err();
    assert!(error.contains("404"), "{error}");
}

#[tokio::test]
async fn nothing_is_paid_unless_the_user_agrees() {
    for answer in [
        None,
        Some(json!({"action": "decline"})),
        Some(json!({"action": "cancel"})),
        Some(json!({"action": "accept", "content": {"agree": false}})),
        Some(json!({"action": "accept"})),
        Some(json!({"action": "accept", "content": {"agree": "of course"}})),
    ] {
        let lab = Lab::instant().await;
        let mut client = McpClient::start(&lab, answer.clone()).await;
        let refused = client.call("generate", json!({"prompt": "a lab"})).await;
        assert!(refused.is_err(), "{answer:?}: {refused:?}");
        assert_eq!(client.questions.len(), usize::from(answer.is_some()));
        assert_eq!(lab.handle.job_count(), 0, "{answer:?}");
    }
}
