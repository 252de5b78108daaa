//! The fields of the event that is being decoded: borrowed from the chunk, or collected in buffers.

use std::mem;

use simdutf8::basic::from_utf8;

/// The maximum capacity that a buffer keeps after an event, in bytes. Most events are far smaller,
/// and a process may have thousands of decoders.
const RETAINED: usize = 64 * 1024;

/// A field that the standard defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Event,
    Data,
    Id,
    Retry,
}

/// The fields of an event whose values are complete in the current chunk.
#[derive(Default)]
pub(super) struct Borrowed<'i> {
    pub(super) event: Option<&'i [u8]>,
    /// The only `data` so far: none is collected.
    pub(super) data: Option<&'i [u8]>,
    pub(super) id: Option<&'i [u8]>,
}

/// The other fields of an event, in buffers that are reused.
#[derive(Clone, Default)]
pub(super) struct Collected {
    /// Whether any of the buffers is in use.
    pub(super) in_use: bool,
    event: Vec<u8>,
    data: Vec<u8>,
    pub(super) has_data: bool,
    id: Vec<u8>,
    has_id: bool,
    /// The first part of a value, unless the field is `data`.
    pub(super) value: Vec<u8>,
    /// `event` and `data` with U+FFFD, if they had invalid UTF-8.
    repaired_event: String,
    repaired_data: String,
}

impl Field {
    pub(super) fn name(self) -> &'static [u8] {
        match self {
            Self::Event => b"event",
            Self::Data => b"data",
            Self::Id => b"id",
            Self::Retry => b"retry",
        }
    }
}

impl Collected {
    /// Stores the borrowed values before the chunk ends.
    pub(super) fn take(&mut self, borrowed: &mut Borrowed<'_>) {
        if let Some(event) = borrowed.event.take() {
            self.in_use = true;
            self.event.clear();
            self.event.extend_from_slice(event);
        }
        if let Some(id) = borrowed.id.take() {
            self.in_use = true;
            self.has_id = true;
            self.id.clear();
            self.id.extend_from_slice(id);
        }
        self.take_data(borrowed);
    }

    /// Stores the borrowed data, because more data follows.
    pub(super) fn take_data(&mut self, borrowed: &mut Borrowed<'_>) {
        if let Some(data) = borrowed.data.take() {
            self.in_use = true;
            self.has_data = true;
            self.data.extend_from_slice(data);
        }
    }

    /// Prepares for the parts of a value. Returns the number of bytes that this adds to the event.
    pub(super) fn open(&mut self, field: Field) -> usize {
        self.in_use = true;
        if field != Field::Data {
            self.value.clear();
        } else if mem::replace(&mut self.has_data, true) {
            self.data.push(b'\n');
            return 1;
        }
        0
    }

    /// Stores a part of a value.
    pub(super) fn push(&mut self, field: Field, part: &[u8]) {
        match field {
            Field::Data => self.data.extend_from_slice(part),
            _ => self.value.extend_from_slice(part),
        }
    }

    /// Applies a value whose parts are all stored.
    pub(super) fn close(&mut self, field: Field) {
        match field {
            Field::Event => mem::swap(&mut self.event, &mut self.value),
            Field::Id if !self.value.contains(&0) => {
                mem::swap(&mut self.id, &mut self.value);
                self.has_id = true;
            }
            Field::Id | Field::Data | Field::Retry => {}
        }
    }

    pub(super) fn id(&self) -> Option<&[u8]> {
        self.has_id.then_some(&*self.id)
    }

    /// Returns the type and the data of an event, each from `borrowed` or else from the buffers.
    pub(super) fn texts<'a>(&'a mut self, borrowed: &Borrowed<'a>) -> (&'a str, &'a str) {
        let event = borrowed.event.unwrap_or(&self.event);
        let data = borrowed.data.unwrap_or(&self.data);
        (
            text(event, &mut self.repaired_event, &mut self.in_use),
            text(data, &mut self.repaired_data, &mut self.in_use),
        )
    }

    /// Clears the buffers, and releases the memory of an unusually large event.
    pub(super) fn clear(&mut self) {
        if !self.in_use {
            return;
        }
        self.in_use = false;
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

/// Returns `bytes` as text. If they are not valid UTF-8, the text is stored in `repaired`, and
/// `in_use` is set.
fn text<'a>(bytes: &'a [u8], repaired: &'a mut String, in_use: &mut bool) -> &'a str {
    if let Ok(text) = from_utf8(bytes) {
        return text;
    }
    *in_use = true;
    push_text(bytes, repaired);
    repaired
}

/// Appends `bytes` to `text`, with U+FFFD for invalid UTF-8.
pub(super) fn push_text(bytes: &[u8], text: &mut String) {
    if let Ok(valid) = from_utf8(bytes) {
        text.push_str(valid);
        return;
    }
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}
