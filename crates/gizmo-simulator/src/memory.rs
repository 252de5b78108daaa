//! The service's memory: when, in which order and in which form its lists show what it has made.

use std::time::Duration;

use gizmo_client::Timestamp;
use gizmo_client::types::{Asset, Scene};
use serde_json::json;
use tokio::time::Instant;

use crate::clock::iso_8601;

/// How lists show scenes and assets. By default: at once, newest first, in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// When something is listed.
    pub listed: Listed,
    /// The order of lists.
    pub order: Order,
    /// The number of items on a page if a request asks for more (default 100).
    pub page_cap: u64,
    /// Whether lists report the number of all items (default: yes).
    pub total: bool,
    /// The form in which lists show a prompt.
    pub prompt: ShownPrompt,
    /// The form in which a creation time is shown.
    pub created_at: ShownTime,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            listed: Listed::default(),
            order: Order::default(),
            page_cap: 100,
            total: true,
            prompt: ShownPrompt::default(),
            created_at: ShownTime::default(),
        }
    }
}

/// When a scene or an asset appears in lists. It is found by its id at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Listed {
    /// A scene when its job starts, an asset when it is complete.
    #[default]
    AtOnce,
    /// A scene this long after its job has started (on tokio's clock, not scaled), an asset when it is
    /// complete.
    After(Duration),
    /// A scene when its last job has ended, an asset when it is complete.
    WhenFinished,
}

impl Listed {
    /// Whether a scene is listed that was created at this time.
    // Assumptions: scene-listed-when, asset-listed-when.
    pub(crate) fn shows(self, created: Instant, is_finished: bool) -> bool {
        match self {
            Self::AtOnce => true,
            Self::After(delay) => created.elapsed() >= delay,
            Self::WhenFinished => is_finished,
        }
    }
}

/// The order of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Order {
    /// By the time of creation, newest first.
    #[default]
    NewestFirst,
    /// By the time of creation, oldest first.
    OldestFirst,
    /// By id, which is unrelated to the time.
    ById,
}

impl Order {
    /// Sorts items that are sorted by time, newest first.
    pub(crate) fn sort<T>(self, items: &mut [T], id: impl Fn(&T) -> String) {
        match self {
            // Assumption: list-newest-first.
            Self::NewestFirst => {}
            Self::OldestFirst => items.reverse(),
            Self::ById => items.sort_by_cached_key(id),
        }
    }
}

/// The form in which lists show a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ShownPrompt {
    /// As it was sent.
    #[default]
    AsSent,
    /// Without white space around it, and with single spaces in it.
    Trimmed,
    /// The first characters, of this number.
    Truncated(usize),
    /// Decomposed characters are composed: `e` and U+0301 become `é`.
    Composed,
    /// In lower case.
    LowerCase,
    /// Escaped for HTML.
    HtmlEscaped,
    /// Only the resource itself shows it.
    OnlyInResource,
    /// Nothing shows it.
    Never,
}

impl ShownPrompt {
    fn show(self, prompt: &str) -> Option<String> {
        Some(match self {
            Self::AsSent => prompt.to_owned(),
            Self::Trimmed => prompt.split_whitespace().collect::<Vec<_>>().join(" "),
            Self::Truncated(length) => prompt.chars().take(length).collect(),
            Self::Composed => prompt.replace("e\u{301}", "\u{e9}"),
            Self::LowerCase => prompt.to_lowercase(),
            Self::HtmlEscaped => prompt
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
                .replace('\'', "&#x27;"),
            Self::OnlyInResource | Self::Never => return None,
        })
    }
}

/// The form in which a creation time is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ShownTime {
    /// Unix time in seconds.
    #[default]
    UnixSeconds,
    /// `2024-11-12T09:41:00Z`
    Iso8601,
    /// Text such as `12 minutes ago`.
    Words,
    /// Not at all.
    Never,
}

impl ShownTime {
    fn show(self, shown: &Timestamp) -> Option<Timestamp> {
        let value = match self {
            Self::UnixSeconds => return Some(shown.clone()),
            Self::Iso8601 => json!(iso_8601(shown.as_value().as_u64()?)),
            Self::Words => json!("12 minutes ago"),
            Self::Never => return None,
        };
        serde_json::from_value(value).ok()
    }
}

/// A resource that lists contain.
pub(crate) trait Shown {
    fn prompt(&mut self) -> &mut Option<String>;
    fn times(&mut self) -> [&mut Option<Timestamp>; 2];
}

impl Shown for Scene {
    fn prompt(&mut self) -> &mut Option<String> {
        &mut self.prompt
    }

    fn times(&mut self) -> [&mut Option<Timestamp>; 2] {
        [&mut self.created_at, &mut self.updated_at]
    }
}

impl Shown for Asset {
    fn prompt(&mut self) -> &mut Option<String> {
        &mut self.prompt
    }

    fn times(&mut self) -> [&mut Option<Timestamp>; 2] {
        [&mut self.created_at, &mut self.updated_at]
    }
}

impl Memory {
    /// Returns a resource as a list shows it.
    pub(crate) fn in_list<T: Shown>(self, resource: T) -> T {
        let mut resource = self.alone(resource);
        let prompt = resource.prompt().take();
        *resource.prompt() = prompt.and_then(|prompt| self.prompt.show(&prompt));
        resource
    }

    /// Returns a resource as a request for it shows it.
    pub(crate) fn alone<T: Shown>(self, mut resource: T) -> T {
        if self.prompt == ShownPrompt::Never {
            resource.prompt().take();
        }
        for time in resource.times() {
            *time = time.take().and_then(|shown| self.created_at.show(&shown));
        }
        resource
    }
}
