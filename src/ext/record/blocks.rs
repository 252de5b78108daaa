//! The blocks of an event stream, with the times at which they were complete.

use std::time::Duration;

use super::exchange::{RecordedEvent, seconds};

/// The most blocks that are kept.
const MAX_BLOCKS: usize = 20_000;

/// The largest block that is kept.
const MAX_BLOCK: usize = 1024 * 1024;

/// The most bytes of blocks that are kept.
const MAX_TOTAL: usize = 16 * 1024 * 1024;

/// Splits a stream at its empty lines.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    complete: Vec<RecordedEvent>,
    /// The bytes of the current block, up to the largest that is kept.
    block: Vec<u8>,
    /// The number of its bytes.
    length: usize,
    /// Whether the current line has no character so far.
    is_line_empty: bool,
    /// Whether the last byte was a carriage return, which may be followed by a line feed.
    was_return: bool,
    total: usize,
    /// The number of bytes after the last block that is kept.
    omitted: u64,
}

impl Blocks {
    pub(super) fn new() -> Self {
        Self {
            is_line_empty: true,
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, data: &[u8], after: Duration) {
        for byte in data {
            if self.was_return && *byte != b'\n' {
                self.end_line(after);
            }
            self.was_return = *byte == b'\r';
            if self.length < MAX_BLOCK {
                self.block.push(*byte);
            }
            self.length += 1;
            match byte {
                b'\n' => self.end_line(after),
                b'\r' => {}
                _ => self.is_line_empty = false,
            }
        }
    }

    fn end_line(&mut self, after: Duration) {
        self.was_return = false;
        if self.is_line_empty {
            self.end_block(after);
        }
        self.is_line_empty = true;
    }

    fn end_block(&mut self, after: Duration) {
        let length = std::mem::take(&mut self.length);
        let block = std::mem::take(&mut self.block);
        let is_full = self.complete.len() >= MAX_BLOCKS || self.total + block.len() > MAX_TOTAL;
        if is_full || self.omitted > 0 {
            self.omitted += length as u64;
            return;
        }
        let text = if length > block.len() {
            format!(": {length} bytes\n\n")
        } else {
            self.total += length;
            String::from_utf8_lossy(&block).into_owned()
        };
        self.complete.push(RecordedEvent {
            after: seconds(after),
            text,
        });
    }

    /// Returns all blocks. The last one may be incomplete, or a comment on how much was omitted.
    pub(super) fn finish(mut self, after: Duration) -> Vec<RecordedEvent> {
        if self.was_return {
            self.end_line(after);
        }
        if self.length > 0 {
            self.end_block(after);
        }
        if self.omitted > 0 {
            let text = format!(": {} bytes\n\n", self.omitted);
            self.complete.push(RecordedEvent {
                after: seconds(after),
                text,
            });
        }
        self.complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The blocks of a stream that arrives in two pieces.
    fn blocks(stream: &[u8], split: usize) -> Vec<String> {
        let mut blocks = Blocks::new();
        blocks.push(&stream[..split], Duration::from_secs(1));
        blocks.push(&stream[split..], Duration::from_secs(2));
        let blocks = blocks.finish(Duration::from_secs(3));
        blocks.into_iter().map(|block| block.text).collect()
    }

    #[test]
    fn a_stream_is_split_at_empty_lines_of_every_kind() {
        for (stream, expected) in [
            (
                "data: 1\n\ndata: 2\n\n",
                &["data: 1\n\n", "data: 2\n\n"][..],
            ),
            (
                "data: 1\r\n\r\n: p\r\n\r\n",
                &["data: 1\r\n\r\n", ": p\r\n\r\n"],
            ),
            ("a\r\rb\r\r", &["a\r\r", "b\r\r"]),
            ("a\n\r\nb", &["a\n\r\n", "b"]),
            ("\n\na\n\n", &["\n", "\n", "a\n\n"]),
            ("a", &["a"]),
            ("", &[]),
        ] {
            for split in 0..=stream.len() {
                assert_eq!(
                    blocks(stream.as_bytes(), split),
                    expected,
                    "{stream:?} at {split}"
                );
            }
        }
    }

    #[test]
    fn a_block_has_the_time_of_its_last_byte() {
        let mut blocks = Blocks::new();
        blocks.push(b"a\n", Duration::from_secs(1));
        blocks.push(b"\nb\n\n", Duration::from_secs(2));
        blocks.push(b"c", Duration::from_secs(3));
        let times = blocks
            .finish(Duration::from_secs(4))
            .into_iter()
            .map(|block| block.after);
        assert_eq!(times.collect::<Vec<_>>(), [2.0, 2.0, 4.0]);
    }

    #[test]
    fn large_and_many_blocks_are_counted_rather_than_kept() {
        let large = [vec![b'a'; 2 * MAX_BLOCK], b"\n\n".to_vec()].concat();
        assert_eq!(blocks(&large, 5), [format!(": {} bytes\n\n", large.len())]);
        let many = b"a\n\n".repeat(MAX_BLOCKS + 10);
        let kept = blocks(&many, 0);
        assert_eq!(kept.len(), MAX_BLOCKS + 1);
        assert_eq!(kept.last().map(String::as_str), Some(": 30 bytes\n\n"));
        let one = [vec![b'a'; MAX_BLOCK - 2], b"\n\n".to_vec()].concat();
        assert_eq!(blocks(&one.repeat(20), 0).len(), 17);
    }
}
