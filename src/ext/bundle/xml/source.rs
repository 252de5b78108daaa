//! The bytes of an XML file as UTF-8.
//!
//! Bytes that are not UTF-8 are read as Latin-1 (ISO-8859-1), whether the file declares an encoding
//! or not. Simulators ignore the declaration, too.

use std::io::{self, BufRead, ErrorKind, Read};
use std::ops::Range;

/// The size of the buffer in bytes.
const BUFFER: usize = 64 * 1024;
/// The maximum size of a tag, a text or a comment in bytes. A mesh of a million faces takes a tenth.
// Assumption: export-size.
const MAX_EVENT: u64 = 1 << 30;
/// The maximum number of Latin-1 characters in a tag, a text or a comment. The numbers of a mesh
/// contain none.
const MAX_LATIN: usize = 1_000_000;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A reader of UTF-8 that knows the position in the file of each byte that it returned.
pub(super) struct Source<R> {
    inner: R,
    ended: bool,
    buffer: Box<[u8]>,
    /// The part of the buffer that was not returned yet.
    window: Range<usize>,
    /// The number of bytes at the start of the window that are known to be UTF-8.
    valid: usize,
    /// A Latin-1 character as UTF-8, and the part of it that was not returned yet.
    latin: [u8; 2],
    pending: Range<usize>,
    /// The number of bytes that were returned.
    position: u64,
    /// The size of the byte order mark, which is not returned.
    mark: u64,
    /// The number of Latin-1 characters before those in `latins`. Each adds one byte.
    passed: u64,
    /// The positions of the second bytes of the Latin-1 characters since the last `advance`.
    latins: Vec<u64>,
    /// The number of bytes that may be returned between two calls of `advance`, and what is left.
    limit: u64,
    left: u64,
}

impl<R: Read> Source<R> {
    /// Creates a source, and skips the byte order mark.
    pub(super) fn new(inner: R) -> io::Result<Self> {
        Self::with_limit(inner, MAX_EVENT)
    }

    fn with_limit(inner: R, limit: u64) -> io::Result<Self> {
        let mut source = Self {
            inner,
            ended: false,
            buffer: vec![0; BUFFER].into(),
            window: 0..0,
            valid: 0,
            latin: [0; 2],
            pending: 0..0,
            position: 0,
            mark: 0,
            passed: 0,
            latins: Vec::new(),
            limit,
            left: limit,
        };
        while source.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            source.consume(BYTE_ORDER_MARK.len());
            source.mark += BYTE_ORDER_MARK.len() as u64;
            source.position = 0;
        }
        Ok(source)
    }

    /// Permits as many bytes after `position` as the limit, and forgets what is before it.
    pub(super) fn advance(&mut self, position: u64) {
        self.left = self.limit.saturating_sub(self.position - position);
        let passed = self.latins.partition_point(|latin| *latin < position);
        self.latins.drain(..passed);
        self.passed += passed as u64;
    }

    /// Returns the position in the file of the byte that was returned at `position`.
    pub(super) fn in_file(&self, position: u64) -> u64 {
        let latins = self.latins.partition_point(|latin| *latin < position);
        self.mark + position - self.passed - latins as u64
    }

    /// Provides bytes to return, unless the file has ended.
    fn fill(&mut self) -> io::Result<()> {
        while self.pending.is_empty() && self.valid == 0 {
            match std::str::from_utf8(&self.buffer[self.window.clone()]) {
                Ok("") if self.ended => break,
                Ok(text) if !text.is_empty() => self.valid = text.len(),
                Err(error) if error.valid_up_to() > 0 => self.valid = error.valid_up_to(),
                Err(error) if error.error_len().is_some() || self.ended => self.expand()?,
                // There is nothing, or the first part of a character.
                Ok(_) | Err(_) => self.read_more()?,
            }
        }
        Ok(())
    }

    /// Takes the first byte as a Latin-1 character.
    fn expand(&mut self) -> io::Result<()> {
        if self.latins.len() == MAX_LATIN {
            return Err(io::Error::new(ErrorKind::InvalidData, "it is not text"));
        }
        let character = char::from(self.buffer[self.window.start]);
        self.window.start += 1;
        self.pending = 0..character.encode_utf8(&mut self.latin).len();
        self.latins.push(self.position + 1);
        Ok(())
    }

    fn read_more(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.window.clone(), 0);
        self.window = 0..self.window.len();
        let read = loop {
            match self.inner.read(&mut self.buffer[self.window.end..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.ended = read == 0;
        self.window.end += read;
        Ok(())
    }
}

impl<R: Read> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.fill()?;
        if !self.pending.is_empty() {
            return Ok(&self.latin[self.pending.clone()]);
        }
        if self.left == 0 && self.valid > 0 {
            let detail = format!("a tag or a text exceeds {} bytes", self.limit);
            return Err(io::Error::new(ErrorKind::FileTooLarge, detail));
        }
        let size = usize::try_from(self.left).map_or(self.valid, |left| left.min(self.valid));
        Ok(&self.buffer[self.window.start..][..size])
    }

    fn consume(&mut self, amount: usize) {
        self.position += amount as u64;
        if !self.pending.is_empty() {
            self.pending.start += amount;
            return;
        }
        self.left -= amount as u64;
        self.window.start += amount;
        self.valid -= amount;
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns one byte at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let length = out.len().min(1);
            self.0.read(&mut out[..length])
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_read_as_latin_1() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"abc", "abc"),
            (
                "a\u{e9}\u{20ac}\u{1f600}".as_bytes(),
                "a\u{e9}\u{20ac}\u{1f600}",
            ),
            ("\u{feff}\u{feff}a".as_bytes(), "a"),
            (b"\xe9", "\u{e9}"),
            (b"caf\xe9 \xe2\x82", "caf\u{e9} \u{e2}\u{82}"),
            (b"\xe2\x82a\xff", "\u{e2}\u{82}a\u{ff}"),
        ] {
            let mut read = String::new();
            Source::new(bytes)
                .unwrap()
                .read_to_string(&mut read)
                .unwrap();
            assert_eq!(read, text);
            read.clear();
            let mut slow = Source::new(Slow(bytes)).unwrap();
            slow.read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
        }
    }

    #[test]
    fn positions_are_those_in_the_file() {
        let file = b"\xef\xbb\xbfa\xe9b\xff\xffc";
        let mut source = Source::new(&file[..]).unwrap();
        let mut text = Vec::new();
        source.read_to_end(&mut text).unwrap();
        for advanced in [0, 4] {
            source.advance(advanced);
            for (at, _) in std::str::from_utf8(&text).unwrap().char_indices().skip(3) {
                let place = usize::try_from(source.in_file(at as u64)).unwrap();
                let character = std::str::from_utf8(&text[at..]).unwrap().chars().next();
                assert_eq!(character, Some(char::from(file[place])));
            }
        }
    }

    #[test]
    fn what_is_read_at_once_is_limited() {
        let mut source = Source::with_limit(io::repeat(b'a'), 100).unwrap();
        let mut bytes = [0; 60];
        source.read_exact(&mut bytes).unwrap();
        source.advance(60);
        source.read_exact(&mut bytes).unwrap();
        let error = source.read_exact(&mut bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
    }
}
