//! Ids of objects in Active Directory (objectGUID).

use std::fmt;

/// An id that an object keeps when it is renamed or moved: 16 bytes, the first three fields with their lowest byte
/// first (MS-DTYP §2.3.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 16]);

/// Where the bytes of the written form come from.
const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

impl ObjectId {
    /// From the attribute's value.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The attribute's value.
    pub fn bytes(&self) -> [u8; 16] {
        self.0
    }

    /// Reads the written form.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
        if text.len() != 36 || digits.len() != 32 {
            return None;
        }
        let mut bytes = [0; 16];
        for (pair, at) in digits.chunks_exact(2).zip(ORDER) {
            let pair = std::str::from_utf8(pair).ok()?;
            bytes[at] = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(bytes)).filter(|id| id.to_string().eq_ignore_ascii_case(text))
    }
}

impl From<[u8; 16]> for ObjectId {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, at) in ORDER.into_iter().enumerate() {
            if matches!(position, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{:02x}", self.0[at])?;
        }
        Ok(())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_form_has_the_order_that_windows_shows() {
        let bytes = [0xcf, 0xd9, 0x5b, 0x1e, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        let id = ObjectId::from_bytes(&bytes).expect("16 bytes");
        assert_eq!(id.to_string(), "1e5bd9cf-0201-0403-0506-0708090a0b0c");
        assert_eq!(ObjectId::parse(&id.to_string()), Some(id));
        for other in ["", "1e5bd9cf", "1e5bd9cf-0201-0403-0506-0708090a0b0x", "1e5bd9cf02010403-0506-0708090a-0b0c--"] {
            assert_eq!(ObjectId::parse(other), None, "{other}");
        }
        assert_eq!(ObjectId::from_bytes(&bytes[..15]), None);
    }
}
