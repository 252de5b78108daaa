//! The files of a recording.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::exchange::{ABOUT, About, Content, Exchange};

/// The largest file that is written. [`read`](super::exchange::read) accepts it.
const MAX_FILE: usize = 60 * 1024 * 1024;

/// The largest file with line breaks and indentation. A larger one is written without.
const MAX_PRETTY: usize = 16 * 1024 * 1024;

/// Creates the directory, and the file that says that it is a recording.
pub(super) fn create(directory: &Path, about: &About) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut text = serde_json::to_vec_pretty(about)?;
    text.push(b'\n');
    // A file that exists belongs to another recording.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(directory.join(ABOUT))?;
    file.write_all(&text)
}

/// The name of an exchange's file: `0007-get_job.json`.
pub(super) fn name(exchange: &Exchange) -> String {
    let operation = exchange.operation.as_deref().unwrap_or("request");
    format!("{:04}-{operation}.json", exchange.number)
}

/// The text of an exchange's file. A body that makes it too large is replaced by its size.
pub(super) fn text(exchange: &Exchange) -> String {
    text_within(exchange, MAX_PRETTY, MAX_FILE)
}

fn text_within(exchange: &Exchange, max_pretty: usize, max: usize) -> String {
    let pretty = limited(exchange, true, max_pretty);
    if let Some(text) = pretty.or_else(|| limited(exchange, false, max)) {
        return text;
    }
    let mut smaller = exchange.clone();
    let without = |content: &Content| {
        let mut counter = Counter(0);
        let _ = serde_json::to_writer(&mut counter, content);
        Content::Bytes(counter.0)
    };
    if let Some(response) = &mut smaller.response {
        response.body = without(&response.body);
    }
    smaller.request.body = without(&smaller.request.body);
    limited(&smaller, true, MAX_FILE).unwrap_or_default()
}

fn limited(exchange: &Exchange, is_pretty: bool, limit: usize) -> Option<String> {
    let mut text = Limited {
        text: Vec::new(),
        limit,
    };
    if is_pretty {
        serde_json::to_writer_pretty(&mut text, exchange).ok()?;
    } else {
        serde_json::to_writer(&mut text, exchange).ok()?;
    }
    text.text.push(b'\n');
    String::from_utf8(text.text).ok()
}

/// Writes a file under another name first, so that a file with an exchange's name is complete.
pub(super) fn write(directory: &Path, name: &str, text: &str) -> io::Result<()> {
    let staging = directory.join(format!(".{name}.part"));
    let written = File::create(&staging).and_then(|mut file| file.write_all(text.as_bytes()));
    let renamed = written.and_then(|()| fs::rename(&staging, directory.join(name)));
    if renamed.is_err() {
        let _ = fs::remove_file(&staging);
    }
    renamed
}

/// Text up to a limit, beyond which writing fails.
struct Limited {
    text: Vec<u8>,
    limit: usize,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Counts what is written.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::ext::record::exchange::RecordedRequest;

    fn exchange(body: Value) -> Exchange {
        Exchange {
            number: 7,
            operation: None,
            note: None,
            sent_at: 0.5,
            request: RecordedRequest {
                method: "POST".to_owned(),
                target: "/v1/scenes".to_owned(),
                headers: Vec::new(),
                body: Content::Json(body),
            },
            response: None,
            failure: Some("connect".to_owned()),
        }
    }

    #[test]
    fn a_file_can_be_read_again_in_any_size() {
        let nested = (0..100).fold(json!([1, 2]), |inner, _| json!([inner]));
        let exchange = exchange(nested);
        let pretty = text_within(&exchange, 100_000, 100_000);
        let compact = text_within(&exchange, 1_000, 1_000);
        for text in [&pretty, &compact] {
            assert_eq!(serde_json::from_str::<Exchange>(text).unwrap(), exchange);
        }
        assert!(pretty.len() > 10_000 && compact.len() < 1_000);
        let smallest = text_within(&exchange, 10, 10);
        let smallest: Exchange = serde_json::from_str(&smallest).unwrap();
        assert_eq!(smallest.number, 7);
        assert!(matches!(smallest.request.body, Content::Bytes(200..)));
        assert_eq!(name(&exchange), "0007-request.json");
    }
}
