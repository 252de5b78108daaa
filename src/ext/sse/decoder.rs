//! Bytes in, server-sent events out: the decoder, with no socket, no clock and no `.await`.

mod fields;
mod line_end;

use std::{error, fmt, mem, time::Duration};

use fields::{Borrowed, Field, Gathered, push_text};
use line_end::line_end;

/// Half as much again as the largest `done` event to be expected, which is 10 MiB.
const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Decodes the bytes of a `text/event-stream` into events, by [WHATWG's algorithm][whatwg].
///
/// It does no I/O: hand each chunk of a response's body to [`next`](Self::next) until it returns
/// `None`. Chunks may be cut anywhere. Values that lie whole within a chunk are borrowed from it;
/// others are gathered in buffers that are used again, so small events allocate nothing. Comments
/// are never stored. Time is linear in the bytes, however they are cut.
///
/// Invalid UTF-8 becomes U+FFFD, in the value that holds it and nowhere else. An event that the
/// end of the stream cuts short is not seen, nor is its id. Beyond WHATWG, the last event id is
/// kept from one connection to the next ([`reset`](Self::reset)), as browsers do, and an event has
/// a [size limit](Self::with_limit).
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
    /// Bytes of the event's values so far; above `limit` until the end of an event that is refused.
    size: usize,
    /// `TooLarge` has been said of this event.
    refused: bool,
    /// There has been a field since the last event.
    started: bool,
    /// Until `started`, the last event, as the caller may still look at it.
    gathered: Gathered,
    last_event_id: String,
    retry: Option<Duration>,
}

/// One event, its values borrowed from the chunk or from the [`Decoder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Event<'a> {
    /// The type: the value of the last `event` field, `message` when there was none or an empty
    /// one.
    pub event: &'a str,
    /// The values of the `data` fields, joined by LF. An event without `data` is none.
    pub data: &'a str,
    /// The last event id: this event's own or, where it has none, the one before it; empty before
    /// the first.
    pub id: &'a str,
    /// Whether `id` was set by this event and not inherited.
    pub has_id: bool,
}

/// An event had more bytes than the [limit](Decoder::with_limit).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TooLarge {
    limit: usize,
}

/// Where in a line the last chunk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// At the start of the stream, that many bytes into a byte order mark.
    Mark(usize),
    /// At the start of a line.
    Start,
    /// At the start of a line, after a CR: an LF here belongs to that line's end.
    AfterCr,
    /// In a field's name, after that many bytes of it.
    Name(Field, usize),
    /// After a field's colon: a space here is not part of the value.
    Colon(Field),
    /// In a field's value, the first part of which is gathered.
    Value(Field),
    /// In a comment or a field of no meaning.
    Ignored,
}

/// How a line begins.
enum Head {
    /// With this field's name and colon.
    Field(Field),
    /// With its end.
    Empty,
    /// Not in this chunk.
    Missing,
}

impl Decoder {
    /// Makes a decoder for the start of a stream, with a limit of 16 MiB and no last event id.
    pub fn new() -> Self {
        Self {
            line: Line::Mark(0),
            limit: DEFAULT_LIMIT,
            size: 0,
            refused: false,
            started: false,
            gathered: Gathered::default(),
            last_event_id: String::new(),
            retry: None,
        }
    }

    /// Sets how many bytes one event may have, 16 MiB by default, and with it what the decoder may
    /// hold: U+FFFD for invalid UTF-8 can make it four times as much, and no more.
    ///
    /// Counted are the values of `event`, `data`, `id` and `retry` as received, those that a later
    /// field replaces included, and each LF that joins two lines of data. Where the chunks are cut
    /// makes no difference. Comments and unknown fields are not stored and not counted.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Sets the last event id, for a stream that is resumed.
    ///
    /// Events inherit it until one brings its own.
    #[must_use]
    pub fn with_last_event_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id = id.into();
        self
    }

    /// Takes the next event off the front of `input`.
    ///
    /// `None` says that all of `input` was read and that the next chunk is wanted. Otherwise
    /// `input` is left at what follows the event, so a caller who stops half-way loses nothing if
    /// it keeps `input`, or how much of it is left.
    ///
    /// An event is given out with the byte that ends its empty line: a CR is not held back to see
    /// whether an LF follows.
    ///
    /// # Errors
    /// [`TooLarge`] when an event exceeds the [limit](Self::with_limit). It is said once; the event
    /// is passed over together with its id, and decoding can go on with the event after it.
    pub fn next<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Event<'a>>, TooLarge> {
        if !self.started && self.gathered.any {
            self.gathered.clear();
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
            let head = match resumed.take() {
                Some(field) => Head::Field(field),
                None => self.head(input),
            };
            match head {
                Head::Field(field) => self.field(field, input, &mut borrowed)?,
                Head::Empty if borrowed.data.is_some() || self.gathered.has_data => {
                    return Ok(Some(self.deliver(&borrowed)));
                }
                Head::Empty => {
                    self.take_id(borrowed.id);
                    self.clear();
                    borrowed = Borrowed::default();
                }
                Head::Missing => {
                    if self.started {
                        self.gathered.take(&mut borrowed);
                    }
                    return Ok(None);
                }
            }
        }
    }

    /// Forgets the event that the end of a connection cut short, and expects a new stream.
    ///
    /// The last event id of the events before it, `retry` and the limit stay.
    pub fn reset(&mut self) {
        self.clear();
        self.line = Line::Mark(0);
    }

    /// The id of the last event that ended, by its own empty line, with or without data; empty when
    /// there was none.
    ///
    /// It is what a new connection sends as `Last-Event-ID`.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// How long the server wants its clients to wait before they connect again.
    ///
    /// It is the last `retry` field of nothing but ASCII digits, in milliseconds, and holds as soon
    /// as its line has ended. A number beyond `u64` counts as `u64::MAX`.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Takes up the line in which the last chunk ended. Returns the field whose value starts here.
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

    /// Passes over a byte order mark, of which `read` bytes have been seen.
    fn mark(&mut self, read: usize, input: &mut &[u8]) {
        let expected = &BYTE_ORDER_MARK[read..];
        let common = common_prefix(expected, input);
        *input = &input[common..];
        self.line = if common == expected.len() || read + common == 0 {
            Line::Start
        } else if input.is_empty() {
            Line::Mark(read + common)
        } else {
            Line::Ignored // part of a mark and then something else is not the name of a known field
        };
        if self.line == Line::Ignored {
            self.rest_of_line(input, Line::Ignored);
        }
    }

    /// Reads the head of a line, passing over lines that mean nothing.
    #[inline]
    fn head(&mut self, input: &mut &[u8]) -> Head {
        loop {
            // Mostly a comment is all there is between two empty lines.
            while let [b':', ..] = input {
                self.rest_of_line(input, Line::Ignored);
                if let [b'\n', rest @ ..] = input
                    && !self.started
                {
                    *input = rest;
                }
            }
            let (field, value) = match input.first() {
                None => return Head::Missing,
                Some(b'\n' | b'\r') => {
                    self.rest_of_line(input, Line::Start);
                    return Head::Empty;
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
                return Head::Field(field);
            }
            if let Some(field) = self.name(field, 0, input) {
                return Head::Field(field);
            }
        }
    }

    /// Reads on in what may be a field's name. Returns the field if its value starts here.
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

    /// Reads a field from behind its colon.
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
            self.gathered.take(borrowed);
            self.open(field);
            return self.push(field, value);
        }
        if field == Field::Data && (self.gathered.has_data || borrowed.data.is_some()) {
            self.gathered.take_data(borrowed);
            self.open(field);
            return self.push(field, value);
        }
        self.size = self.size.saturating_add(value.len());
        if self.size > self.limit {
            return self.refuse();
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

    /// Takes the line to its end, and past it, off `input`; `open` is where the decoder is left
    /// when the chunk has no end of the line.
    #[expect(
        clippy::inline_always,
        reason = "the loop over the lines is half as fast without"
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

    /// Passes over the LF of a CRLF.
    #[cold]
    fn after_cr(&mut self, input: &mut &[u8]) {
        match *input {
            [] => self.line = Line::AfterCr,
            [b'\n', rest @ ..] => *input = rest,
            _ => {}
        }
    }

    /// Stores a part of a value.
    fn push(&mut self, field: Field, part: &[u8]) -> Result<(), TooLarge> {
        self.size = self.size.saturating_add(part.len());
        if self.size > self.limit {
            return self.refuse();
        }
        self.gathered.push(field, part);
        Ok(())
    }

    /// Makes ready for the parts of a value.
    fn open(&mut self, field: Field) {
        if !self.refused {
            self.size = self.size.saturating_add(self.gathered.open(field));
        }
    }

    /// Gives effect to a value all parts of which are stored.
    fn close(&mut self, field: Field) {
        if self.refused {
            return;
        }
        match field {
            Field::Retry => self.retry = delay(&self.gathered.value).or(self.retry),
            _ => self.gathered.close(field),
        }
    }

    /// Drops what there is of an event over the limit, and says so the first time.
    #[cold]
    fn refuse(&mut self) -> Result<(), TooLarge> {
        self.gathered.clear();
        if mem::replace(&mut self.refused, true) {
            return Ok(());
        }
        Err(TooLarge { limit: self.limit })
    }

    fn deliver<'a, 'i: 'a>(&'a mut self, borrowed: &Borrowed<'i>) -> Event<'a> {
        let has_id = self.take_id(borrowed.id);
        self.size = 0;
        self.started = false;
        let (event, data) = self.gathered.texts(borrowed);
        Event {
            event: if event.is_empty() { "message" } else { event },
            data,
            id: &self.last_event_id,
            has_id,
        }
    }

    /// Makes the event's id, if it has one, the last event id.
    fn take_id(&mut self, borrowed: Option<&[u8]>) -> bool {
        let Some(id) = borrowed.or(self.gathered.id()) else {
            return false;
        };
        self.last_event_id.clear();
        push_text(id, &mut self.last_event_id);
        true
    }

    /// Makes ready for an event.
    fn clear(&mut self) {
        self.size = 0;
        self.refused = false;
        self.started = false;
        self.gathered.clear();
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows how much is buffered, not what.
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
    /// The limit, in bytes.
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

/// The milliseconds that ASCII digits, and nothing else, write in base ten.
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
