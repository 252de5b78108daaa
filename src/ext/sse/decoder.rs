//! Decodes bytes into server-sent events, without I/O or a clock.

mod fields;
mod line_end;

use std::{error, fmt, mem, time::Duration};

use fields::{Borrowed, Collected, Field, push_text};
use line_end::line_end;

/// The largest expected event is a `done` event of 10 MiB. This is half as much again.
const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Decodes the bytes of a `text/event-stream` into events, by [WHATWG's algorithm][whatwg].
///
/// It does no I/O: pass each chunk of a response body to [`next`](Self::next) until it returns
/// `None`. A chunk may end anywhere. Values within one chunk are borrowed from it. Others are
/// collected in buffers that are reused, so small events do not allocate. Comments are not stored.
/// The time is linear in the number of bytes, for chunks of any size.
///
/// Invalid UTF-8 becomes U+FFFD, only in the value that contains it. An incomplete event at the end
/// of the stream is discarded, with its id. In addition to the standard, [`reset`](Self::reset)
/// keeps the last event id for the next connection, as browsers do, and an event has a [size
/// limit](Self::with_limit).
///
/// # Examples
/// ```
/// use gizmo_client::sse::Decoder;
///
/// let mut decoder = Decoder::new();
/// let mut seen = Vec::new();
/// for chunk in [&b"id: 7\ndata: he"[..], b"llo\n\nevent: done\ndata\n", b"\n"] {
///     let mut rest = chunk;
///     while let Some(event) = decoder.next(&mut rest)? {
///         seen.push(format!("{} {} {:?}", event.id, event.event, event.data));
///     }
/// }
/// assert_eq!(seen, ["7 message \"hello\"", "7 done \"\""]);
/// # Ok::<(), gizmo_client::sse::TooLarge>(())
/// ```
///
/// [whatwg]: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
#[derive(Clone)]
pub struct Decoder {
    line: Line,
    limit: usize,
    /// The bytes of the event's values so far. Above `limit` until the end of an event that is too
    /// large.
    size: usize,
    /// Whether `TooLarge` was returned for this event.
    rejected: bool,
    /// Whether there was a field since the last event.
    started: bool,
    /// The collected values. Until `started`, those of the last event, which the caller may still
    /// borrow.
    collected: Collected,
    last_event_id: String,
    retry: Option<Duration>,
}

/// An event. Its values are borrowed from the chunk or from the [`Decoder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The type: the value of the last `event` field, or `message` if that is absent or empty.
    pub event: &'a str,
    /// The values of the `data` fields, joined by LF. Without a `data` field there is no event.
    pub data: &'a str,
    /// The last event id: that of this event or, if it has none, of an earlier one. Empty before
    /// the first id.
    pub id: &'a str,
    /// Whether this event set `id`, instead of inheriting it.
    pub has_id: bool,
}

/// The error for an event that exceeds the [limit](Decoder::with_limit).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TooLarge {
    limit: usize,
}

/// The position in a line at which the last chunk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// At the start of the stream, after this many bytes of a byte order mark.
    Mark(usize),
    /// At the start of a line.
    Start,
    /// At the start of a line, after a CR. An LF here is part of that line end.
    AfterCr,
    /// In the name of a field, after this many bytes.
    Name(Field, usize),
    /// After the colon of a field. A space here is not part of the value.
    Colon(Field),
    /// In the value of a field, of which the first part is collected.
    Value(Field),
    /// In a comment or an unknown field.
    Ignored,
}

/// The start of a line.
enum LineStart {
    /// The name of this field, and its colon.
    Field(Field),
    /// The end of the line.
    Empty,
    /// The chunk has ended.
    Missing,
}

impl Decoder {
    /// Creates a decoder for the start of a stream, with a limit of 16 MiB and no last event id.
    pub fn new() -> Self {
        Self {
            line: Line::Mark(0),
            limit: DEFAULT_LIMIT,
            size: 0,
            rejected: false,
            started: false,
            collected: Collected::default(),
            last_event_id: String::new(),
            retry: None,
        }
    }

    /// Sets the maximum size of an event in bytes. Defaults to 16 MiB.
    ///
    /// The memory of the decoder is bounded by four times the limit, because invalid UTF-8 becomes
    /// U+FFFD, which is longer.
    ///
    /// The size includes the values of `event`, `data`, `id` and `retry` as received, also those
    /// that a later field replaces, and each LF that joins two lines of data. It does not depend on
    /// the chunks. Comments and unknown fields are not stored and not counted.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sets the last event id, for a stream that is resumed.
    ///
    /// Events inherit it until one has an id of its own.
    #[must_use]
    pub fn with_last_event_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id = id.into();
        self
    }

    /// Decodes the next event, and advances `input` beyond it.
    ///
    /// Returns `None` when all of `input` was read and the next chunk is needed. A caller that
    /// stops before that loses nothing if it keeps `input`, or its remaining length.
    ///
    /// An event is returned at the first byte that ends its empty line: the decoder does not wait
    /// for an LF after a CR.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] if an event exceeds the [limit](Self::with_limit). It is returned once. The
    /// event is skipped, with its id, and the next call continues after it.
    pub fn next<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'a>>, TooLarge> {
        if !self.started && self.collected.in_use {
            self.collected.clear();
        }
        let mut resumed = None;
        if self.line != Line::Start {
            resumed = self.resume(input)?;
            if input.is_empty() && resumed.is_none() {
                return Ok(None);
            }
        }
        let mut borrowed = Borrowed::default();
        loop {
            let start = match resumed.take() {
                Some(field) => LineStart::Field(field),
                None => self.line_start(input),
            };
            match start {
                LineStart::Field(field) => self.field(field, input, &mut borrowed)?,
                LineStart::Empty if borrowed.data.is_some() || self.collected.has_data => {
                    return Ok(Some(self.deliver(&borrowed)));
                }
                LineStart::Empty => {
                    self.take_id(borrowed.id);
                    self.clear();
                    borrowed = Borrowed::default();
                }
                LineStart::Missing => {
                    if self.started {
                        self.collected.take(&mut borrowed);
                    }
                    return Ok(None);
                }
            }
        }
    }

    /// Discards the incomplete event at the end of a connection, and expects a new stream.
    ///
    /// The last event id of complete events, `retry` and the limit are kept.
    pub fn reset(&mut self) {
        self.clear();
        self.line = Line::Mark(0);
    }

    /// Returns the last id that an empty line completed, with or without data; empty if there was
    /// none.
    ///
    /// A new connection sends it as `Last-Event-ID`.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Returns the reconnection time that the server requests.
    ///
    /// It is the value of the last `retry` field that consists only of ASCII digits, in
    /// milliseconds. It applies as soon as its line has ended. A number beyond `u64::MAX` counts as
    /// `u64::MAX`.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Resumes the line in which the last chunk ended. Returns the field whose value starts here.
    fn resume(&mut self, input: &mut &[u8]) -> Result<Option<Field>, TooLarge> {
        match self.line {
            Line::Start => {}
            _ if input.is_empty() => {}
            Line::AfterCr => {
                self.line = Line::Start;
                *input = input.strip_prefix(b"\n").unwrap_or(input);
            }
            Line::Mark(read) => self.mark(read, input),
            Line::Name(field, read) => return Ok(self.name(field, read, input)),
            Line::Colon(field) => {
                self.line = Line::Start;
                return Ok(Some(field));
            }
            Line::Value(field) => {
                let value = self.rest_of_line(input, Line::Value(field));
                self.push(field, value)?;
                if self.line != Line::Value(field) {
                    self.close(field);
                }
            }
            Line::Ignored => {
                self.rest_of_line(input, Line::Ignored);
            }
        }
        Ok(None)
    }

    /// Skips a byte order mark, of which `read` bytes were read.
    fn mark(&mut self, read: usize, input: &mut &[u8]) {
        let expected = &BYTE_ORDER_MARK[read..];
        let common = common_prefix(expected, input);
        *input = &input[common..];
        self.line = if common == expected.len() || read + common == 0 {
            Line::Start
        } else if input.is_empty() {
            Line::Mark(read + common)
        } else {
            Line::Ignored // no known field starts with a part of a byte order mark
        };
        if self.line == Line::Ignored {
            self.rest_of_line(input, Line::Ignored);
        }
    }

    /// Reads the start of a line, and skips comments and unknown fields.
    #[inline]
    fn line_start(&mut self, input: &mut &[u8]) -> LineStart {
        loop {
            // Usually a comment is followed by an empty line, which is skipped here, too.
            while let [b':', ..] = input {
                self.rest_of_line(input, Line::Ignored);
                if let [b'\n', rest @ ..] = input
                    && !self.started
                {
                    *input = rest;
                }
            }
            let (field, value) = match input.first() {
                None => return LineStart::Missing,
                Some(b'\n' | b'\r') => {
                    self.rest_of_line(input, Line::Start);
                    return LineStart::Empty;
                }
                Some(b'd') => (Field::Data, input.strip_prefix(b"data:")),
                Some(b'e') => (Field::Event, input.strip_prefix(b"event:")),
                Some(b'i') => (Field::Id, input.strip_prefix(b"id:")),
                Some(b'r') => (Field::Retry, input.strip_prefix(b"retry:")),
                Some(_) => {
                    self.rest_of_line(input, Line::Ignored);
                    continue;
                }
            };
            self.started = true;
            if let Some(value) = value {
                *input = value;
                return LineStart::Field(field);
            }
            if let Some(field) = self.name(field, 0, input) {
                return LineStart::Field(field);
            }
        }
    }

    /// Continues to read what may be the name of `field`. Returns the field if its value starts
    /// here.
    fn name(&mut self, field: Field, read: usize, input: &mut &[u8]) -> Option<Field> {
        let expected = &field.name()[read..];
        let common = common_prefix(expected, input);
        *input = &input[common..];
        self.line = Line::Start;
        match input.first() {
            None => self.line = Line::Name(field, read + common),
            Some(b':') if common == expected.len() => {
                *input = &input[1..];
                return Some(field);
            }
            Some(b'\n' | b'\r') if common == expected.len() => return Some(field),
            Some(_) => {
                self.rest_of_line(input, Line::Ignored);
            }
        }
        None
    }

    /// Reads the value of a field, from after its colon.
    fn field<'i>(
        &mut self,
        field: Field,
        input: &mut &'i [u8],
        borrowed: &mut Borrowed<'i>,
    ) -> Result<(), TooLarge> {
        match *input {
            [] => {
                self.line = Line::Colon(field);
                return Ok(());
            }
            [b' ', rest @ ..] => *input = rest,
            _ => {}
        }
        let value = self.rest_of_line(input, Line::Value(field));
        if self.line == Line::Value(field) {
            self.collected.take(borrowed);
            self.open(field);
            return self.push(field, value);
        }
        if field == Field::Data && (self.collected.has_data || borrowed.data.is_some()) {
            self.collected.take_data(borrowed);
            self.open(field);
            return self.push(field, value);
        }
        self.size = self.size.saturating_add(value.len());
        if self.size > self.limit {
            return self.reject();
        }
        match field {
            Field::Event => borrowed.event = Some(value),
            Field::Data => borrowed.data = Some(value),
            Field::Id if value.contains(&0) => {}
            Field::Id => borrowed.id = Some(value),
            Field::Retry => self.retry = delay(value).or(self.retry),
        }
        Ok(())
    }

    /// Returns the rest of the line, and advances `input` beyond the line end. If the chunk has no
    /// line end, the state becomes `open`.
    #[expect(
        clippy::inline_always,
        reason = "the loop over the lines is half as fast without it"
    )]
    #[inline(always)]
    fn rest_of_line<'i>(&mut self, input: &mut &'i [u8], open: Line) -> &'i [u8] {
        let Some(end) = line_end(input) else {
            self.line = open;
            return mem::take(input);
        };
        let (line, rest) = input.split_at(end);
        *input = &rest[1..];
        self.line = Line::Start;
        if rest[0] == b'\r' {
            self.after_cr(input);
        }
        line
    }

    /// Skips the LF of a CRLF.
    #[cold]
    fn after_cr(&mut self, input: &mut &[u8]) {
        match *input {
            [] => self.line = Line::AfterCr,
            [b'\n', rest @ ..] => *input = rest,
            _ => {}
        }
    }

    /// Stores a part of a value, unless the event becomes too large.
    fn push(&mut self, field: Field, part: &[u8]) -> Result<(), TooLarge> {
        self.size = self.size.saturating_add(part.len());
        if self.size > self.limit {
            return self.reject();
        }
        self.collected.push(field, part);
        Ok(())
    }

    /// Prepares for the parts of a value.
    fn open(&mut self, field: Field) {
        if !self.rejected {
            self.size = self.size.saturating_add(self.collected.open(field));
        }
    }

    /// Applies a value whose parts are all stored.
    fn close(&mut self, field: Field) {
        if self.rejected {
            return;
        }
        match field {
            Field::Retry => self.retry = delay(&self.collected.value).or(self.retry),
            _ => self.collected.close(field),
        }
    }

    /// Discards an event over the limit. Returns an error only the first time.
    #[cold]
    fn reject(&mut self) -> Result<(), TooLarge> {
        self.collected.clear();
        if mem::replace(&mut self.rejected, true) {
            return Ok(());
        }
        Err(TooLarge { limit: self.limit })
    }

    /// Returns the complete event, and prepares for the next one.
    fn deliver<'a, 'i: 'a>(&'a mut self, borrowed: &Borrowed<'i>) -> Event<'a> {
        let has_id = self.take_id(borrowed.id);
        self.size = 0;
        self.started = false;
        let (event, data) = self.collected.texts(borrowed);
        Event {
            event: if event.is_empty() { "message" } else { event },
            data,
            id: &self.last_event_id,
            has_id,
        }
    }

    /// Sets the last event id to that of the event. Returns whether the event has one.
    fn take_id(&mut self, borrowed: Option<&[u8]>) -> bool {
        let Some(id) = borrowed.or(self.collected.id()) else {
            return false;
        };
        self.last_event_id.clear();
        push_text(id, &mut self.last_event_id);
        true
    }

    /// Prepares for a new event.
    fn clear(&mut self) {
        self.size = 0;
        self.rejected = false;
        self.started = false;
        self.collected.clear();
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows the size of the buffered values, but not their contents.
impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("line", &self.line)
            .field("size", &self.size)
            .field("limit", &self.limit)
            .field("last_event_id", &self.last_event_id)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

impl TooLarge {
    /// Returns the limit in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "server-sent event exceeds the limit of {} bytes",
            self.limit
        )
    }
}

impl error::Error for TooLarge {}

fn common_prefix(expected: &[u8], found: &[u8]) -> usize {
    expected
        .iter()
        .zip(found)
        .take_while(|(expected, found)| expected == found)
        .count()
}

/// Parses milliseconds; `None` unless all bytes are ASCII digits.
fn delay(digits: &[u8]) -> Option<Duration> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let milliseconds = digits.iter().fold(0_u64, |number, digit| {
        let digit = u64::from(digit - b'0');
        number.saturating_mul(10).saturating_add(digit)
    });
    Some(Duration::from_millis(milliseconds))
}
