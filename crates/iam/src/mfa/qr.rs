//! A QR code as a PNG picture (ISO/IEC 18004; PNG third edition).

use kernel::{Error, Result};
use qrcode::{Color, EcLevel, QrCode};

/// Side of a module in pixels.
const SCALE: usize = 4;
/// Light modules around the code.
const QUIET_ZONE: usize = 4;

/// `text` as a picture of black and white pixels.
pub(super) fn png(text: &str) -> Result<Vec<u8>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)
        .map_err(|cause| Error::internal(format!("a QR code cannot be drawn: {cause}")))?;
    let width = code.width();
    let colors = code.to_colors();
    let is_dark = |x: usize, y: usize| {
        let inside = |at: usize| at.checked_sub(QUIET_ZONE).filter(|at| *at < width);
        matches!((inside(x), inside(y)), (Some(x), Some(y)) if colors[y * width + x] == Color::Dark)
    };
    let side = (width + 2 * QUIET_ZONE) * SCALE;
    let mut pixels = Vec::with_capacity(side * (side / 8 + 2));
    for y in 0..side {
        // Every line starts with its filter: none.
        pixels.push(0);
        for first in (0..side).step_by(8) {
            let bit = |x: usize| u8::from(x >= side || !is_dark(x / SCALE, y / SCALE));
            pixels.push((first..first + 8).fold(0, |byte, x| (byte << 1) | bit(x)));
        }
    }
    let side = u32::try_from(side).map_err(|_| Error::internal("a QR code is too large"))?;
    Ok(file(side, &pixels))
}

fn file(side: u32, pixels: &[u8]) -> Vec<u8> {
    let mut header = Vec::with_capacity(13);
    header.extend_from_slice(&side.to_be_bytes());
    header.extend_from_slice(&side.to_be_bytes());
    // One bit of grey a pixel; deflate, adaptive filters, not interlaced.
    header.extend_from_slice(&[1, 0, 0, 0, 0]);
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut out, b"IHDR", &header);
    chunk(&mut out, b"IDAT", &miniz_oxide::deflate::compress_to_vec_zlib(pixels, 6));
    chunk(&mut out, b"IEND", &[]);
    out
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], body: &[u8]) {
    out.extend_from_slice(&(body.len() as u32).to_be_bytes());
    let start = out.len();
    out.extend_from_slice(kind);
    out.extend_from_slice(body);
    let checksum = crc32(&out[start..]);
    out.extend_from_slice(&checksum.to_be_bytes());
}

/// The checksum of PNG's annex D.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_a_whole_png() {
        let picture = png("otpauth://totp/a?secret=ABC").expect("drawn");
        assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"));
        // The empty last chunk has a checksum that every PNG file ends with.
        assert!(picture.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"));
    }

    #[test]
    fn the_checksum_is_that_of_zlib() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
