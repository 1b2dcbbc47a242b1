//! Compressed texts, inflated a chunk at a time.
//!
//! The file: `u32` count, then per chunk `u32` packed and `u32` plain size, then the raw-deflate streams (all numbers
//! little endian), as `tools/extract/chunks.py` writes it.

use std::ops::Range;
use std::sync::OnceLock;

/// A chunk file compiled into the program.
pub(crate) struct Chunks {
    file: &'static [u8],
    chunks: OnceLock<Box<[Chunk]>>,
}

/// One chunk: where it lies in the file, and its text once somebody asked for it.
struct Chunk {
    packed: Range<usize>,
    plain_size: usize,
    text: OnceLock<Box<str>>,
}

impl Chunks {
    pub(crate) const fn new(file: &'static [u8]) -> Self {
        Self { file, chunks: OnceLock::new() }
    }

    /// `length` bytes at `offset` of the text of a chunk; `None` when there is no such place.
    pub(crate) fn text(&'static self, chunk: usize, offset: usize, length: usize) -> Option<&'static str> {
        let chunk = self.directory().get(chunk)?;
        let text = chunk.text.get_or_init(|| self.inflate(chunk).unwrap_or_default());
        text.get(offset..offset.checked_add(length)?)
    }

    fn directory(&'static self) -> &'static [Chunk] {
        self.chunks.get_or_init(|| self.read_directory().unwrap_or_default())
    }

    fn read_directory(&self) -> Option<Box<[Chunk]>> {
        let (count, rest) = split_u32(self.file)?;
        let (mut header, mut start) = (rest, 4 + 8 * count);
        let mut chunks = Vec::new();
        for _ in 0..count {
            let (packed_size, after) = split_u32(header)?;
            let (plain_size, after) = split_u32(after)?;
            header = after;
            chunks.push(Chunk { packed: start..start + packed_size, plain_size, text: OnceLock::new() });
            start += packed_size;
        }
        (start == self.file.len()).then(|| chunks.into_boxed_slice())
    }

    /// The plain sizes of the chunks.
    #[cfg(test)]
    pub(crate) fn plain_sizes(&'static self) -> impl Iterator<Item = usize> {
        self.directory().iter().map(|chunk| chunk.plain_size)
    }

    fn inflate(&self, chunk: &Chunk) -> Option<Box<str>> {
        let packed = self.file.get(chunk.packed.clone())?;
        let plain = miniz_oxide::inflate::decompress_to_vec_with_limit(packed, chunk.plain_size).ok()?;
        String::from_utf8(plain).ok().map(String::into_boxed_str)
    }
}

fn split_u32(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two stored (uncompressed) deflate blocks: "ab" and "xyz".
    static FILE: [u8; 35] = [
        2, 0, 0, 0, 7, 0, 0, 0, 2, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0, //
        1, 2, 0, 0xfd, 0xff, b'a', b'b', //
        1, 3, 0, 0xfc, 0xff, b'x', b'y', b'z',
    ];

    #[test]
    fn a_text_is_found_by_chunk_offset_and_length() {
        static CHUNKS: Chunks = Chunks::new(&FILE);
        assert_eq!(CHUNKS.text(0, 0, 2), Some("ab"));
        assert_eq!(CHUNKS.text(1, 1, 2), Some("yz"));
    }

    #[test]
    fn reading_a_text_inflates_its_chunk_alone() {
        static CHUNKS: Chunks = Chunks::new(&FILE);
        assert_eq!(CHUNKS.text(1, 0, 3), Some("xyz"));
        let inflated: Vec<bool> = CHUNKS.directory().iter().map(|chunk| chunk.text.get().is_some()).collect();
        assert_eq!(inflated, [false, true]);
    }

    #[test]
    fn a_place_outside_the_file_is_none() {
        static CHUNKS: Chunks = Chunks::new(&FILE);
        assert_eq!(CHUNKS.text(2, 0, 1), None);
        assert_eq!(CHUNKS.text(0, 1, 2), None);
        assert_eq!(CHUNKS.text(0, usize::MAX, 2), None);
    }

    #[test]
    fn a_truncated_file_has_no_chunks() {
        static CHUNKS: Chunks = Chunks::new(FILE.split_at(30).0);
        assert_eq!(CHUNKS.text(0, 0, 2), None);
    }
}
