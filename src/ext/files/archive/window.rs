//! Reads many small neighbours of an archive, such as its headers, with few reads of the file.

use std::cell::RefCell;
use std::io;
use std::ops::Range;

use rawzip::ReaderAt;

/// The number of bytes in the first read. It covers a header, and costs a large archive little.
const MIN: usize = 4 * 1024;
/// The maximum number of bytes in one read.
const MAX: usize = 256 * 1024;
/// How far behind the last bytes the next ones count as their neighbours. What lies between is read in vain.
const NEAR: u64 = 16 * 1024;

/// A reader that keeps the bytes around its last read. A read right behind them fetches twice as many.
#[derive(Debug)]
pub(super) struct Window<'a, R> {
    archive: &'a R,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    /// The offsets in the file of the bytes that are kept.
    kept: Range<u64>,
    /// As long as the next read.
    buffer: Vec<u8>,
}

impl<'a, R> Window<'a, R> {
    pub(super) fn new(archive: &'a R) -> Self {
        let state = RefCell::new(State {
            kept: 0..0,
            buffer: Vec::new(),
        });
        Self { archive, state }
    }
}

impl<R: ReaderAt> ReaderAt for Window<'_, R> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state.borrow_mut();
        if !state.kept.contains(&offset) {
            // A reader with a buffer of its own needs no second one.
            if buffer.len() >= MIN {
                return self.archive.read_at(buffer, offset);
            }
            state.fill(self.archive, offset)?;
        }
        let State { kept, buffer: all } = &*state;
        let known = usize::try_from(kept.end - kept.start).expect("no more than the buffer");
        let from = usize::try_from(offset - kept.start).expect("no more than the buffer");
        let read = (known - from).min(buffer.len());
        buffer[..read].copy_from_slice(&all[from..from + read]);
        Ok(read)
    }
}

impl State {
    /// Reads the bytes from `offset` on; none at the end of the file.
    fn fill(&mut self, archive: &impl ReaderAt, offset: u64) -> io::Result<()> {
        let gap = offset.checked_sub(self.kept.end);
        let is_near = gap.is_some_and(|gap| gap <= NEAR);
        let length = if is_near { self.buffer.len() * 2 } else { MIN };
        self.buffer.resize(length.clamp(MIN, MAX), 0);
        self.kept = 0..0;
        let read = archive.read_at(&mut self.buffer, offset)?;
        self.kept = offset..offset.saturating_add(read as u64);
        Ok(())
    }
}
