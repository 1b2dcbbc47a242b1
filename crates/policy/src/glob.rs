//! Wildcard patterns: `*` is any run of characters, `?` is exactly one.
//!
//! A pattern is cut at its stars. The first and last piece are anchored, every piece between is searched leftmost,
//! which is exact for this pattern language and never goes back: literal pieces are found by a two-way search,
//! pieces with `?` by shift-and over bit sets. Time is therefore proportional to the text (times the words of a bit
//! set for pieces with `?`), whatever the pattern.

use memchr::memmem;
use smallvec::SmallVec;

/// One character of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// Itself.
    Literal(char),
    /// `?`.
    AnyCharacter,
    /// `*`.
    AnyRun,
}

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Glob {
    /// `*`.
    Any,
    /// No wildcard.
    Exact(Box<str>),
    /// `text*`.
    Prefix(Box<str>),
    /// `*text`.
    Suffix(Box<str>),
    /// Everything else: the pieces between the stars, the first and last anchored (and possibly empty).
    Pieces(Box<[Piece]>),
}

/// What stands between two stars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(Box<str>),
    Masked(Box<Masked>),
}

/// The tokens of plain pattern text.
pub(crate) fn tokens(pattern: &str) -> impl Iterator<Item = Token> + '_ {
    pattern.chars().map(|character| match character {
        '*' => Token::AnyRun,
        '?' => Token::AnyCharacter,
        other => Token::Literal(other),
    })
}

impl Glob {
    /// Compiles plain pattern text.
    pub(crate) fn new(pattern: &str) -> Self {
        Self::from_tokens(tokens(pattern))
    }

    /// Compiles tokens.
    pub(crate) fn from_tokens(tokens: impl IntoIterator<Item = Token>) -> Self {
        let mut pieces: Vec<Vec<Token>> = vec![Vec::new()];
        for token in tokens {
            match token {
                Token::AnyRun => pieces.push(Vec::new()),
                other => {
                    if let Some(last) = pieces.last_mut() {
                        last.push(other);
                    }
                }
            }
        }
        // `a**b` is `a*b`.
        let count = pieces.len();
        let mut index = 0;
        pieces.retain(|piece| {
            index += 1;
            index == 1 || index == count || !piece.is_empty()
        });
        let mut pieces: Vec<Piece> = pieces.into_iter().map(Piece::new).collect();
        match pieces.as_mut_slice() {
            [Piece::Literal(text)] => Self::Exact(std::mem::take(text)),
            [Piece::Literal(first), Piece::Literal(last)] => match (first.is_empty(), last.is_empty()) {
                (true, true) => Self::Any,
                (false, true) => Self::Prefix(std::mem::take(first)),
                (true, false) => Self::Suffix(std::mem::take(last)),
                (false, false) => Self::Pieces(pieces.into()),
            },
            _ => Self::Pieces(pieces.into()),
        }
    }

    /// Whether the whole of `text` matches.
    #[inline]
    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => **exact == *text,
            Self::Prefix(prefix) => text.starts_with(&**prefix),
            Self::Suffix(suffix) => text.ends_with(&**suffix),
            Self::Pieces(pieces) => match_pieces(pieces, text),
        }
    }
}

fn match_pieces(pieces: &[Piece], text: &str) -> bool {
    let [first, between @ .., last] = pieces else {
        return pieces.first().is_some_and(|only| only.prefix_length(text) == Some(text.len()));
    };
    let Some(start) = first.prefix_length(text) else { return false };
    let mut rest = &text[start..];
    let Some(length) = last.suffix_length(rest) else { return false };
    rest = &rest[..rest.len() - length];
    for piece in between {
        match piece.find_end(rest) {
            Some(end) => rest = &rest[end..],
            None => return false,
        }
    }
    true
}

impl Piece {
    fn new(tokens: Vec<Token>) -> Self {
        let literal = tokens
            .iter()
            .map(|token| match token {
                Token::Literal(character) => Some(*character),
                _ => None,
            })
            .collect::<Option<String>>();
        match literal {
            Some(text) => Self::Literal(text.into()),
            None => Self::Masked(Box::new(Masked::new(&tokens))),
        }
    }

    /// The length of the beginning of `text` that this piece covers.
    fn prefix_length(&self, text: &str) -> Option<usize> {
        match self {
            Self::Literal(literal) => text.starts_with(&**literal).then_some(literal.len()),
            Self::Masked(masked) => {
                let mut characters = text.chars();
                for wanted in &masked.characters {
                    let found = characters.next()?;
                    if wanted.is_some_and(|wanted| wanted != found) {
                        return None;
                    }
                }
                Some(text.len() - characters.as_str().len())
            }
        }
    }

    /// The length of the end of `text` that this piece covers.
    fn suffix_length(&self, text: &str) -> Option<usize> {
        match self {
            Self::Literal(literal) => text.ends_with(&**literal).then_some(literal.len()),
            Self::Masked(masked) => {
                let mut characters = text.chars();
                for wanted in masked.characters.iter().rev() {
                    let found = characters.next_back()?;
                    if wanted.is_some_and(|wanted| wanted != found) {
                        return None;
                    }
                }
                Some(text.len() - characters.as_str().len())
            }
        }
    }

    /// Where the leftmost occurrence ends.
    fn find_end(&self, text: &str) -> Option<usize> {
        match self {
            Self::Literal(literal) => {
                memmem::find(text.as_bytes(), literal.as_bytes()).map(|start| start + literal.len())
            }
            Self::Masked(masked) => masked.find_end(text),
        }
    }
}

/// A piece with at least one `?`, with its shift-and tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Masked {
    /// `None` is `?`.
    characters: Box<[Option<char>]>,
    /// The distinct literal characters, sorted.
    alphabet: Box<[char]>,
    /// The row of each ASCII character in `masks`.
    ascii_rows: Box<[u8; 128]>,
    /// The positions a character may stand at: row 0 for characters outside the alphabet, then one row for each.
    masks: Box<[u64]>,
    /// Length of a row.
    words: usize,
}

impl Masked {
    fn new(tokens: &[Token]) -> Self {
        let characters: Box<[Option<char>]> = tokens
            .iter()
            .map(|token| match token {
                Token::Literal(character) => Some(*character),
                Token::AnyCharacter | Token::AnyRun => None,
            })
            .collect();
        let mut alphabet: Vec<char> = characters.iter().filter_map(|character| *character).collect();
        alphabet.sort_unstable();
        alphabet.dedup();
        let words = characters.len().div_ceil(64);
        let mut masks = vec![0; words * (alphabet.len() + 1)];
        for (index, wanted) in characters.iter().enumerate() {
            let bit = 1 << (index % 64);
            for (row, character) in [None].into_iter().chain(alphabet.iter().map(Some)).enumerate() {
                if wanted.is_none() || wanted.as_ref() == character {
                    masks[row * words + index / 64] |= bit;
                }
            }
        }
        let mut ascii_rows = Box::new([0; 128]);
        // ASCII comes first in the sorted alphabet, so that its rows fit a byte.
        for (row, character) in (1..).zip(alphabet.iter().take_while(|character| character.is_ascii())) {
            ascii_rows[*character as usize] = row;
        }
        Self { characters, alphabet: alphabet.into(), ascii_rows, masks: masks.into(), words }
    }

    fn row(&self, character: char) -> usize {
        match self.ascii_rows.get(character as usize) {
            Some(row) => usize::from(*row),
            None => self.alphabet.binary_search(&character).map_or(0, |at| at + 1),
        }
    }

    fn find_end(&self, text: &str) -> Option<usize> {
        let last = self.characters.len() - 1;
        if self.words == 1 && text.is_ascii() {
            let mut state = 0_u64;
            let end = text.bytes().position(|byte| {
                state = ((state << 1) | 1) & self.masks[usize::from(self.ascii_rows[usize::from(byte & 127)])];
                state >> last & 1 == 1
            });
            return end.map(|at| at + 1);
        }
        let mut state: SmallVec<[u64; 8]> = smallvec::smallvec![0; self.words];
        for (at, character) in text.char_indices() {
            let row = self.row(character);
            let mask = &self.masks[row * self.words..(row + 1) * self.words];
            let mut carry = 1;
            for (word, mask) in state.iter_mut().zip(mask) {
                let next = *word >> 63;
                *word = ((*word << 1) | carry) & mask;
                carry = next;
            }
            if state[last / 64] >> (last % 64) & 1 == 1 {
                return Some(at + character.len_utf8());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, word for word.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
            Some(('?', rest)) => !text.is_empty() && naive(rest, &text[1..]),
            Some((character, rest)) => text.first() == Some(character) && naive(rest, &text[1..]),
        }
    }

    #[test]
    fn every_short_pattern_matches_as_defined() {
        let words = |alphabet: &[char], length: u32| -> Vec<Vec<char>> {
            let mut all = Vec::new();
            for size in 0..=length {
                for mut number in 0..alphabet.len().pow(size) {
                    let mut word = Vec::new();
                    for _ in 0..size {
                        word.push(alphabet[number % alphabet.len()]);
                        number /= alphabet.len();
                    }
                    all.push(word);
                }
            }
            all
        };
        let texts = words(&['a', 'é', 'b'], 4);
        for pattern in words(&['a', 'é', '*', '?'], 5) {
            let glob = Glob::new(&pattern.iter().collect::<String>());
            for text in &texts {
                let written: String = text.iter().collect();
                assert_eq!(glob.matches(&written), naive(&pattern, text), "{pattern:?} {written}");
            }
        }
    }

    #[test]
    fn long_pieces_with_question_marks_use_several_words() {
        let piece = "ab?".repeat(50);
        let glob = Glob::new(&format!("*{piece}*"));
        assert!(glob.matches(&format!("xxab{}", "abc".repeat(50))));
        assert!(!glob.matches(&format!("xx{}", "abc".repeat(49))));
    }
}
