//! Searches for the end of a line. It is on the hot path, because it reads every byte.

use std::ops::BitOr;

use memchr::memchr2;

/// The number of bytes that are searched in blocks, and the size of a block.
const SHORT: usize = 64;
const BLOCK: usize = 16;

/// A word with 1 in each byte.
const EACH: u64 = u64::MAX / 255;

/// Returns the position of the first LF or CR.
///
/// Most lines are short, so `memchr2`, which is the fastest on long lines, starts at the 65th byte.
#[expect(
    clippy::inline_always,
    reason = "the loop over the lines is half as fast without it"
)]
#[inline(always)]
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    if let Some(end) = bytes.first_chunk().and_then(word_end) {
        return Some(end);
    }
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

#[expect(
    clippy::inline_always,
    reason = "the loop over the lines is half as fast without it"
)]
#[inline(always)]
fn block_end(block: &[u8; BLOCK]) -> Option<usize> {
    // Compilers vectorize this comparison. It rarely succeeds without a line end, because few other
    // control characters are below 0x0E, and text rarely contains them.
    let controls = block.iter().map(|byte| *byte < 0x0E);
    if !controls.fold(false, BitOr::bitor) {
        return None;
    }
    let mut words = block.as_chunks().0.iter().enumerate();
    words.find_map(|(index, word)| Some(index * 8 + word_end(word)?))
}

#[expect(
    clippy::inline_always,
    reason = "the loop over the lines is half as fast without it"
)]
#[inline(always)]
fn word_end(bytes: &[u8; 8]) -> Option<usize> {
    let word = u64::from_le_bytes(*bytes);
    // The highest bit of each byte below 0x0E, and of some bytes that follow one.
    let mut found = word.wrapping_sub(EACH * 0x0E) & !word & (EACH * 0x80);
    while found != 0 {
        let end = found.trailing_zeros() as usize / 8;
        if matches!(bytes[end], b'\n' | b'\r') {
            return Some(end);
        }
        found &= found - 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(bytes: &[u8]) -> Option<usize> {
        bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'))
    }

    #[test]
    fn a_line_end_is_found_at_every_position_in_lines_of_every_length() {
        for length in 0..200 {
            let mut line = vec![b'x'; length];
            assert_eq!(line_end(&line), None);
            for position in 0..length {
                for end in [b'\n', b'\r'] {
                    line[position] = end;
                    assert_eq!(line_end(&line), Some(position), "of {length}");
                    line[length - 1] = b'\n';
                    assert_eq!(line_end(&line), expected(&line), "{position} of {length}");
                    line[length - 1] = b'x';
                }
                line[position] = b'x';
            }
        }
    }

    #[test]
    fn no_other_byte_is_a_line_end_at_any_position() {
        for byte in (0..=u8::MAX).filter(|byte| !matches!(byte, b'\n' | b'\r')) {
            for length in [1, 7, 8, 9, 15, 16, 17, 40, 64, 65, 90] {
                assert_eq!(line_end(&vec![byte; length]), None, "{byte} times {length}");
                for position in 0..length {
                    let mut line = vec![byte; length];
                    line[position] = b'\n';
                    assert_eq!(line_end(&line), Some(position), "{byte} of {length}");
                }
            }
        }
    }
}
