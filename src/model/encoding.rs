//! Encodings of small text files that people save by hand: UTF-8, and UTF-16 as Windows writes it.

use std::borrow::Cow;

/// Reason for which bytes are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// Neither UTF-8 nor marked as anything else.
    #[error("its text is not UTF-8, nor UTF-16 with a byte order mark; save it as UTF-8")]
    NotUtf8,
    /// UTF-16 as its mark or its form shows, and not sound.
    #[error("its text is UTF-16 that is damaged or has no byte order mark; save it as UTF-8")]
    Utf16,
    /// UTF-32, as its mark shows.
    #[error("its text is UTF-32; save it as UTF-8")]
    Utf32,
    /// A compressed file.
    #[error("it is compressed with gzip; save it unpacked")]
    Gzip,
}

/// Decodes text in UTF-8, or in UTF-16 with a byte order mark, as Windows tools save it.
///
/// # Errors
/// When it is neither: what it is.
pub fn decode_text(bytes: &[u8]) -> Result<Cow<'_, str>, EncodingError> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (units, rest) = bytes.as_chunks();
        let units = units.iter().map(|pair| unit(*pair));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        text.ok().filter(|_| rest.is_empty()).map(Cow::Owned).ok_or(EncodingError::Utf16)
    };
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Err(EncodingError::Utf32),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0x1f, 0x8b, ..] => Err(EncodingError::Gzip),
        // JSON begins with ASCII: every other byte of it is 0 then.
        [0, 1..=0xff, ..] | [1..=0xff, 0, ..] => Err(EncodingError::Utf16),
        _ => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| EncodingError::NotUtf8)
        }
    }
}
