//! Bytes in, server-sent events out: the decoder, with no socket, no clock and no `.await`.

use std::{error, fmt, mem, str, time::Duration};

use memchr::memchr2;

/// Bytes of values an event may have unless told otherwise: half as much again as the largest
/// `done` event to be expected, which holds a scene of 10 MiB.
const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

/// Bytes a buffer may keep from one event to the next. Most events are far smaller, and a process
/// may hold thousands of decoders.
const RETAINED: usize = 64 * 1024;

/// Bytes of a line that are searched for its end in blocks, and bytes of a block.
const SHORT: usize = 64;
const BLOCK: usize = 16;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Decodes the bytes of a `text/event-stream` into events, by [WHATWG's algorithm][whatwg].
///
/// It does no I/O: hand each chunk of a response's body to [`next`](Self::next) until that answers
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
    /// `gathered` holds an event that the caller has had.
    delivered: bool,
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
    pub own_id: bool,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Event,
    Data,
    Id,
    Retry,
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

/// The fields of an event that lie whole within the chunk at hand.
#[derive(Default)]
struct Borrowed<'i> {
    event: Option<&'i [u8]>,
    /// The only `data` so far: none is gathered.
    data: Option<&'i [u8]>,
    id: Option<&'i [u8]>,
}

/// The fields of an event that do not, in buffers that are used again.
#[derive(Clone, Default)]
struct Gathered {
    /// Whether anything below is in use.
    any: bool,
    event: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    id: Vec<u8>,
    has_id: bool,
    /// The first part of a value, unless it is one of `data`.
    value: Vec<u8>,
    /// `event` and `data` where they had invalid UTF-8.
    repaired_event: String,
    repaired_data: String,
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
            delivered: false,
            gathered: Gathered::default(),
            last_event_id: String::new(),
            retry: None,
        }
    }

    /// Sets how many bytes one event may have, and with it how many the decoder may hold.
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
        if self.delivered {
            self.clear();
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
                    self.gather(&mut borrowed);
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

    /// Takes up the line in which the last chunk ended. Answers the field whose value starts here.
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
            Line::Ignored // part of a mark and then something else is no known field's name
        };
        if self.line == Line::Ignored {
            self.rest_of_line(input, Line::Ignored);
        }
    }

    /// Reads the head of a line, passing over lines that mean nothing.
    #[inline]
    fn head(&mut self, input: &mut &[u8]) -> Head {
        loop {
            let (field, rest) = match *input {
                [b'd', b'a', b't', b'a', b':', rest @ ..] => (Field::Data, rest),
                [b'e', b'v', b'e', b'n', b't', b':', rest @ ..] => (Field::Event, rest),
                [b'i', b'd', b':', rest @ ..] => (Field::Id, rest),
                [b'\n', rest @ ..] if !self.started => {
                    *input = rest;
                    continue;
                }
                [b'\n' | b'\r', ..] => {
                    self.rest_of_line(input, Line::Start);
                    return Head::Empty;
                }
                [b':', ..] => {
                    self.rest_of_line(input, Line::Ignored);
                    continue;
                }
                [] => return Head::Missing,
                _ => match self.other(input) {
                    Some(field) => return Head::Field(field),
                    None => continue,
                },
            };
            *input = rest;
            self.started = true;
            return Head::Field(field);
        }
    }

    /// Reads the head of a line that may be a field's.
    fn other(&mut self, input: &mut &[u8]) -> Option<Field> {
        let field = match input.first()? {
            b'd' => Field::Data,
            b'e' => Field::Event,
            b'i' => Field::Id,
            b'r' => Field::Retry,
            _ => {
                self.rest_of_line(input, Line::Ignored);
                return None;
            }
        };
        self.name(field, 0, input)
    }

    /// Reads on in what may be a field's name. Answers the field if its value starts here.
    fn name(&mut self, field: Field, read: usize, input: &mut &[u8]) -> Option<Field> {
        let expected = &field.name()[read..];
        let common = common_prefix(expected, input);
        *input = &input[common..];
        self.line = Line::Start;
        self.started = true;
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
            self.gather(borrowed);
            self.open(field);
            return self.push(field, value);
        }
        if field == Field::Data && (self.gathered.has_data || borrowed.data.is_some()) {
            self.gather(borrowed);
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
            Field::Retry => self.set_retry(value),
        }
        Ok(())
    }

    /// Takes the line to its end, and past it, off `input`; `open` is where the decoder is left
    /// when the chunk has no end of the line.
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

    /// Makes ready for the parts of a value.
    fn open(&mut self, field: Field) {
        if self.refused {
            return;
        }
        let gathered = &mut self.gathered;
        gathered.any = true;
        if field != Field::Data {
            gathered.value.clear();
        } else if mem::replace(&mut gathered.has_data, true) {
            gathered.data.push(b'\n');
            self.size = self.size.saturating_add(1);
        }
    }

    /// Stores a part of a value.
    fn push(&mut self, field: Field, part: &[u8]) -> Result<(), TooLarge> {
        self.size = self.size.saturating_add(part.len());
        if self.size > self.limit {
            return self.refuse();
        }
        match field {
            Field::Data => self.gathered.data.extend_from_slice(part),
            _ => self.gathered.value.extend_from_slice(part),
        }
        Ok(())
    }

    /// Gives effect to a value all parts of which are stored.
    fn close(&mut self, field: Field) {
        if self.refused {
            return;
        }
        let gathered = &mut self.gathered;
        match field {
            Field::Data => {}
            Field::Event => mem::swap(&mut gathered.event, &mut gathered.value),
            Field::Id if gathered.value.contains(&0) => {}
            Field::Id => {
                mem::swap(&mut gathered.id, &mut gathered.value);
                gathered.has_id = true;
            }
            Field::Retry => {
                let value = mem::take(&mut gathered.value);
                self.set_retry(&value);
                self.gathered.value = value;
            }
        }
    }

    /// Stores what is borrowed from a chunk that is about to go.
    fn gather(&mut self, borrowed: &mut Borrowed<'_>) {
        let gathered = &mut self.gathered;
        if let Some(event) = borrowed.event.take() {
            gathered.any = true;
            gathered.event.clear();
            gathered.event.extend_from_slice(event);
        }
        if let Some(data) = borrowed.data.take() {
            gathered.any = true;
            gathered.has_data = true;
            gathered.data.extend_from_slice(data);
        }
        if let Some(id) = borrowed.id.take() {
            gathered.any = true;
            gathered.has_id = true;
            gathered.id.clear();
            gathered.id.extend_from_slice(id);
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
        let own_id = self.take_id(borrowed.id);
        self.size = 0;
        self.started = false;
        let Gathered {
            any,
            event,
            data,
            repaired_event,
            repaired_data,
            ..
        } = &mut self.gathered;
        let event = match borrowed.event.unwrap_or(event) {
            [] => "message",
            event => text(event, repaired_event, any),
        };
        let data = text(borrowed.data.unwrap_or(data), repaired_data, any);
        self.delivered = *any;
        Event {
            event,
            data,
            id: &self.last_event_id,
            own_id,
        }
    }

    /// Makes the event's id, if it has one, the last event id.
    fn take_id(&mut self, borrowed: Option<&[u8]>) -> bool {
        let gathered = self.gathered.has_id.then_some(&*self.gathered.id);
        let Some(id) = borrowed.or(gathered) else {
            return false;
        };
        self.last_event_id.clear();
        match str::from_utf8(id) {
            Ok(id) => self.last_event_id.push_str(id),
            Err(_) => push_text(id, &mut self.last_event_id),
        }
        true
    }

    fn set_retry(&mut self, value: &[u8]) {
        if let Some(milliseconds) = milliseconds(value) {
            self.retry = Some(Duration::from_millis(milliseconds));
        }
    }

    /// Makes ready for an event.
    fn clear(&mut self) {
        self.size = 0;
        self.refused = false;
        self.started = false;
        self.delivered = false;
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

impl Gathered {
    fn clear(&mut self) {
        if !self.any {
            return;
        }
        self.any = false;
        self.has_data = false;
        self.has_id = false;
        for buffer in [
            &mut self.event,
            &mut self.data,
            &mut self.id,
            &mut self.value,
        ] {
            buffer.clear();
            buffer.shrink_to(RETAINED);
        }
        for text in [&mut self.repaired_event, &mut self.repaired_data] {
            text.clear();
            text.shrink_to(RETAINED);
        }
    }
}

impl Field {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Event => b"event",
            Self::Data => b"data",
            Self::Id => b"id",
            Self::Retry => b"retry",
        }
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

/// Finds the LF or CR that ends a line.
///
/// Most lines are short: the search that is the fastest on long ones is only called from the 65th
/// byte on.
#[inline(always)]
fn line_end(bytes: &[u8]) -> Option<usize> {
    let (blocks, tail) = bytes[..bytes.len().min(SHORT)].as_chunks();
    for (index, block) in blocks.iter().enumerate() {
        if let Some(end) = block_end(block) {
            return Some(index * BLOCK + end);
        }
    }
    if bytes.len() > SHORT {
        return memchr2(b'\n', b'\r', &bytes[SHORT..]).map(|end| SHORT + end);
    }
    match bytes.last_chunk() {
        Some(block) if !tail.is_empty() => block_end(block).map(|end| bytes.len() - BLOCK + end),
        _ => tail.iter().position(|byte| matches!(byte, b'\n' | b'\r')),
    }
}

#[inline(always)]
fn block_end(block: &[u8; BLOCK]) -> Option<usize> {
    const EACH: u128 = u128::MAX / 255;
    // Compilers make one comparison of this: LF and CR are the last but few control characters.
    if !block
        .iter()
        .fold(false, |found, byte| found | (*byte < 0x0E))
    {
        return None;
    }
    let word = u128::from_le_bytes(*block);
    // The highest bit of each byte below 0x0E, and of some that follow one.
    let mut found = word.wrapping_sub(EACH * 0x0E) & !word & (EACH * 0x80);
    while found != 0 {
        let end = found.trailing_zeros() as usize / 8;
        if matches!(block[end], b'\n' | b'\r') {
            return Some(end);
        }
        found &= found - 1;
    }
    None
}

fn common_prefix(expected: &[u8], found: &[u8]) -> usize {
    expected
        .iter()
        .zip(found)
        .take_while(|(expected, found)| expected == found)
        .count()
}

/// `bytes` as text, by way of `repaired`, then `used`, if they are not valid UTF-8.
fn text<'a>(bytes: &'a [u8], repaired: &'a mut String, used: &mut bool) -> &'a str {
    if let Ok(text) = str::from_utf8(bytes) {
        return text;
    }
    *used = true;
    push_text(bytes, repaired);
    repaired
}

fn push_text(bytes: &[u8], text: &mut String) {
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// The number that ASCII digits, and nothing else, write in base ten.
fn milliseconds(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |number: u64, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    }))
}
