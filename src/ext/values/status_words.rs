//! The meanings of status words: the documented ones, and other words and spellings for them.

/// The meaning of a status word of a job or a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusWord {
    Waiting,
    Working,
    Succeeded,
    Failed,
    Cancelled,
}

impl StatusWord {
    /// Returns the meaning of a word in any case, with `-`, `_` or a space between its parts.
    pub(crate) fn of(word: &str) -> Option<Self> {
        row(word).map(|(meaning, _)| *meaning)
    }

    pub(crate) fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// Returns the words with the same meaning as a terminal status, including itself. The only synonym
/// of another status is itself, in its usual spelling. An unknown word has none.
pub(crate) fn synonyms(word: &str) -> &'static [&'static str] {
    let Some((meaning, words)) = row(word) else {
        return &[];
    };
    if meaning.is_terminal() {
        return words;
    }
    let position = words.iter().position(|known| is_same(known, word));
    position.map_or(&[], |at| &words[at..=at])
}

/// A meaning and its words.
type Row = (StatusWord, &'static [&'static str]);

/// All known words. In each row the documented word is the first.
// Assumptions: job-status-words, scene-status-words.
const WORDS: &[Row] = &[
    (
        StatusWord::Waiting,
        &[
            "queued",
            "pending",
            "waiting",
            "scheduled",
            "accepted",
            "created",
            "submitted",
        ],
    ),
    (
        StatusWord::Working,
        &[
            "running",
            "processing",
            "in_progress",
            "started",
            "generating",
            "working",
            "active",
        ],
    ),
    (
        StatusWord::Succeeded,
        &[
            "succeeded",
            "success",
            "successful",
            "completed",
            "complete",
            "done",
            "finished",
            "ready",
        ],
    ),
    (
        StatusWord::Failed,
        &[
            "failed",
            "failure",
            "error",
            "errored",
            "crashed",
            "timed_out",
            "timeout",
            "expired",
            "rejected",
        ],
    ),
    (
        StatusWord::Cancelled,
        &[
            "cancelled",
            "canceled",
            "aborted",
            "stopped",
            "killed",
            "terminated",
        ],
    ),
];

fn row(word: &str) -> Option<&'static Row> {
    let mut rows = WORDS.iter();
    rows.find(|(_, words)| words.iter().any(|known| is_same(known, word)))
}

fn is_same(known: &str, word: &str) -> bool {
    let word = word.trim();
    known.len() == word.len()
        && known.bytes().zip(word.bytes()).all(|(known, byte)| {
            known == byte.to_ascii_lowercase() || (known == b'_' && matches!(byte, b'-' | b' '))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::types::JobStatus;

    #[test]
    fn a_status_word_is_read_in_every_spelling() {
        for (word, meaning) in [
            ("queued", Some(StatusWord::Waiting)),
            ("IN_PROGRESS", Some(StatusWord::Working)),
            ("in-progress", Some(StatusWord::Working)),
            (" Completed ", Some(StatusWord::Succeeded)),
            ("done", Some(StatusWord::Succeeded)),
            ("error", Some(StatusWord::Failed)),
            ("Timed Out", Some(StatusWord::Failed)),
            ("canceled", Some(StatusWord::Cancelled)),
            ("completing", None),
            ("", None),
        ] {
            assert_eq!(StatusWord::of(word), meaning, "{word}");
        }
    }

    #[test]
    fn a_terminal_job_status_in_another_spelling_is_the_documented_one() {
        for (word, status) in [
            ("succeeded", JobStatus::Succeeded),
            ("SUCCEEDED", JobStatus::Succeeded),
            ("completed", JobStatus::Succeeded),
            ("done", JobStatus::Succeeded),
            ("error", JobStatus::Failed),
            ("canceled", JobStatus::Cancelled),
            ("RUNNING", JobStatus::Running),
            ("processing", JobStatus::Unknown("processing".to_owned())),
            ("completing", JobStatus::Unknown("completing".to_owned())),
        ] {
            assert_eq!(JobStatus::from(word), status);
        }
    }
}
