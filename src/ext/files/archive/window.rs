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
    inner: &'a R,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    /// The offsets of the bytes that are kept.
    kept: Range<u64>,
    /// As long as the next read.
    buffer: Vec<u8>,
}

impl<'a, R: ReaderAt> Window<'a, R> {
    pub(super) fn new(inner: &'a R) -> Self {
        let state = RefCell::new(State {
            kept: 0..0,
            buffer: Vec::new(),
        });
        Self { inner, state }
    }
}

impl<R: ReaderAt> ReaderAt for Window<'_, R> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state.borrow_mut();
        if !state.kept.contains(&offset) {
            // A reader with a buffer of its own needs no second one.
            if buffer.len() >= MIN {
                return self.inner.read_at(buffer, offset);
            }
            state.fill(self.inner, offset)?;
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
    /// Reads the bytes from `offset` on; none at the end.
    fn fill(&mut self, inner: &impl ReaderAt, offset: u64) -> io::Result<()> {
        let gap = offset.checked_sub(self.kept.end);
        let is_near = gap.is_some_and(|gap| gap <= NEAR);
        let length = if is_near { self.buffer.len() * 2 } else { MIN };
        self.buffer.resize(length.clamp(MIN, MAX), 0);
        self.kept = 0..0;
        let read = inner.read_at(&mut self.buffer, offset)?;
        self.kept = offset..offset.saturating_add(read as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Bytes, and the number of reads of them.
    struct Counted(Vec<u8>, Cell<usize>);

    impl ReaderAt for Counted {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            self.1.set(self.1.get() + 1);
            self.0.read_at(buffer, offset)
        }
    }

    /// Reads 30 bytes at each offset, and returns the number of reads.
    fn reads(length: usize, offsets: impl Iterator<Item = usize>) -> usize {
        let bytes = (0..length).map(|i| i.to_le_bytes()[i % 3]).collect();
        let counted = Counted(bytes, Cell::new(0));
        let window = Window::new(&counted);
        for offset in offsets {
            let mut found = [0; 30];
            window.read_exact_at(&mut found, offset as u64).unwrap();
            assert_eq!(found, counted.0[offset..offset + 30], "at {offset}");
        }
        counted.1.get()
    }

    #[test]
    fn neighbours_are_read_together_and_others_alone() {
        let length: usize = 4 << 20;
        let every = |step: usize| (0..length - 30).step_by(step);
        // Six reads of 4 to 128 KiB, and 256 KiB from then on.
        let rest = length - MIN * 63;
        assert_eq!(reads(length, every(512)), 6 + rest.div_ceil(MAX));
        assert_eq!(reads(length, every(100_000)), every(100_000).count());
        assert_eq!(reads(length, every(100_000).rev()), every(100_000).count());
    }

    #[test]
    fn a_read_beyond_the_end_finds_nothing_and_a_large_one_is_not_copied() {
        let counted = Counted(vec![7; 100_000], Cell::new(0));
        let window = Window::new(&counted);
        for offset in [100_000, 1 << 40, u64::MAX] {
            assert_eq!(window.read_at(&mut [0; 10], offset).unwrap(), 0);
        }
        assert_eq!(window.read_at(&mut [0; 10], 99_995).unwrap(), 5);
        let mut all = vec![0; 200_000];
        assert_eq!(window.read_at(&mut all, 0).unwrap(), 100_000);
        assert!(all[..100_000].iter().all(|&byte| byte == 7));
    }
}
