//! Where a line ends: the search that every byte goes through.

use std::ops::BitOr;

use memchr::memchr2;

/// Bytes that are searched in blocks, and bytes of a block.
const SHORT: usize = 64;
const BLOCK: usize = 16;

/// 1 in each byte.
const EACH: u64 = u64::MAX / 255;

/// Finds the LF or CR that ends a line.
///
/// Most lines are short: the search that is the fastest on long ones is only called from the 65th
/// byte on.
#[expect(
    clippy::inline_always,
    reason = "the loop over the lines is half as fast without"
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
    reason = "the loop over the lines is half as fast without"
)]
#[inline(always)]
fn block_end(block: &[u8; BLOCK]) -> Option<usize> {
    // Compilers make one comparison of this: LF and CR are the last but few control characters.
    let controls = block.iter().map(|byte| *byte < 0x0E);
    if !controls.fold(false, BitOr::bitor) {
        return None;
    }
    let mut words = block.as_chunks().0.iter().enumerate();
    words.find_map(|(index, word)| Some(index * 8 + word_end(word)?))
}

#[expect(
    clippy::inline_always,
    reason = "the loop over the lines is half as fast without"
)]
#[inline(always)]
fn word_end(bytes: &[u8; 8]) -> Option<usize> {
    let word = u64::from_le_bytes(*bytes);
    // The highest bit of each byte below 0x0E, and of some that follow one.
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
    fn an_end_is_found_at_every_place_in_lines_of_every_length() {
        for length in 0..200 {
            let mut line = vec![b'x'; length];
            assert_eq!(line_end(&line), None);
            for place in 0..length {
                for end in [b'\n', b'\r'] {
                    line[place] = end;
                    assert_eq!(line_end(&line), Some(place), "of {length}");
                    line[length - 1] = b'\n';
                    assert_eq!(line_end(&line), expected(&line), "{place} of {length}");
                    line[length - 1] = b'x';
                }
                line[place] = b'x';
            }
        }
    }

    #[test]
    fn no_other_byte_is_an_end_wherever_it_stands() {
        for byte in (0..=u8::MAX).filter(|byte| !matches!(byte, b'\n' | b'\r')) {
            for length in [1, 7, 8, 9, 15, 16, 17, 40, 64, 65, 90] {
                assert_eq!(line_end(&vec![byte; length]), None, "{byte} times {length}");
                for place in 0..length {
                    let mut line = vec![byte; length];
                    line[place] = b'\n';
                    assert_eq!(line_end(&line), Some(place), "{byte} of {length}");
                }
            }
        }
    }
}
