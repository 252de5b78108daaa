//! Blocks of an event stream: fields and line ends stay, and so do numbers, words and the JSON in the data.

use serde_json::Value;

use super::Redactor;

/// A line of a block, with its end.
struct Line<'b> {
    text: &'b str,
    end: &'b str,
}

impl Line<'_> {
    /// The value of a field, and what is before it: `("data: ", "{}")`.
    fn field(&self, name: &str) -> Option<(&str, &str)> {
        let text = self.text.strip_prefix('\u{feff}').unwrap_or(self.text);
        let rest = text.strip_prefix(name)?;
        let value = match rest.strip_prefix(':') {
            Some(value) => value.strip_prefix(' ').unwrap_or(value),
            None if rest.is_empty() => "",
            None => return None,
        };
        Some((&self.text[..self.text.len() - value.len()], value))
    }
}

impl Redactor {
    /// Adds the private words in the data of a block.
    pub(in crate::ext::record) fn collect_block(&mut self, block: &str) {
        if let Ok(value) = serde_json::from_str(&data(&lines(block))) {
            self.collect(&value, false);
        }
    }

    /// Replaces what is private in a block.
    pub(in crate::ext::record) fn block(&mut self, block: &str) -> String {
        let lines = lines(block);
        let mut json = serde_json::from_str::<Value>(&data(&lines)).ok();
        let is_json = json.is_some();
        let mut replaced = String::with_capacity(block.len());
        for line in &lines {
            if let Some((start, value)) = line.field("data") {
                let value = match json.take() {
                    Some(json) => self.json(json).to_string(),
                    // The first line has all of the JSON.
                    None if is_json => continue,
                    None if self.is_public_word(value) => value.to_owned(),
                    None => self.text(value),
                };
                replaced.push_str(start);
                replaced.push_str(&value);
            } else {
                let line = self.line(line);
                replaced.push_str(&line);
            }
            replaced.push_str(line.end);
        }
        replaced
    }

    /// Any line without data.
    fn line(&mut self, line: &Line<'_>) -> String {
        if let Some((start, value)) = line.field("event") {
            let is_public = self.is_public_word(value) || self.is_harmless_word(value);
            let value = if is_public {
                value.to_owned()
            } else {
                self.text(value)
            };
            return format!("{start}{value}");
        }
        if let Some((start, value)) = line.field("id") {
            let is_number = value.len() <= 20 && value.bytes().all(|byte| byte.is_ascii_digit());
            let value = if is_number {
                value.to_owned()
            } else {
                self.text(value)
            };
            return format!("{start}{value}");
        }
        if let Some((start, value)) = line.field("retry") {
            let value = self.each_word(value, |_, word| {
                word.bytes().all(|byte| byte.is_ascii_digit())
            });
            return format!("{start}{value}");
        }
        if let Some(comment) = line.text.strip_prefix(':') {
            let is_public = self.is_harmless_word(comment.trim());
            let comment = if is_public {
                comment.to_owned()
            } else {
                self.text(comment)
            };
            return format!(":{comment}");
        }
        // Letters before the colon name a field that the standard ignores.
        match line.text.strip_prefix('\u{feff}') {
            Some(text) => format!("\u{feff}{}", self.text(text)),
            None => self.text(line.text),
        }
    }
}

/// The data of a block: the values of its fields `data`, joined.
fn data(lines: &[Line<'_>]) -> String {
    let data = lines.iter().filter_map(|line| line.field("data"));
    let data: Vec<&str> = data.map(|(_, value)| value).collect();
    data.join("\n")
}

fn lines(block: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut rest = block;
    while !rest.is_empty() {
        let length = rest.find(['\r', '\n']).unwrap_or(rest.len());
        let (text, behind) = rest.split_at(length);
        let end = if behind.starts_with("\r\n") {
            2
        } else {
            behind.len().min(1)
        };
        let (end, behind) = behind.split_at(end);
        lines.push(Line { text, end });
        rest = behind;
    }
    lines
}
