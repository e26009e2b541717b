//! The header of a gzip member: no hash value covers it, so its content is unauthenticated.

use std::fmt;

use super::finding::{Code, Finding};

/// The ten bytes that every gzip member begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GzipHeader(pub [u8; 10]);

/// Bits of the flags byte, and what they say that the header holds.
const FLAGS: [(u8, &str); 5] = [
    (1, "a text flag"),
    (1 << 1, "a header checksum"),
    (1 << 2, "extra bytes"),
    (1 << 3, "a file name"),
    (1 << 4, "a comment"),
];

/// Compression and system as CloudTrail tells them, and as Java's own writer does, which older
/// files may come from. No two of them differ in one bit only.
const USUAL: [(u8, u8); 3] = [(2, 3), (0, 0), (0, 255)];

impl GzipHeader {
    /// Header that CloudTrail writes: no flags, no time, best compression, Unix.
    pub const CLOUDTRAIL: Self = Self([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3]);

    /// Content that CloudTrail does not write; empty for a usual header.
    #[must_use]
    pub fn oddities(&self) -> Vec<&'static str> {
        let [_, _, _, flags, m0, m1, m2, m3, compression, system] = self.0;
        let mut odd: Vec<_> =
            FLAGS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, what)| *what).collect();
        if [m0, m1, m2, m3] != [0; 4] {
            odd.push("a time");
        }
        if !USUAL.contains(&(compression, system)) {
            odd.push("another writer's marks");
        }
        odd
    }

    /// The notice on a header that holds what CloudTrail does not write.
    #[must_use]
    pub fn notice(&self) -> Option<Finding> {
        let odd = self.oddities();
        let message = format!(
            "The object's gzip header has content that CloudTrail does not write ({}). Digests do not cover the header, and data may be hidden there.",
            odd.join(", ")
        );
        let notice = Finding::new(Code::GzipHeader, message).compared(Self::CLOUDTRAIL, self);
        (!odd.is_empty()).then_some(notice)
    }
}

impl fmt::Display for GzipHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(flags: u8, time: u8, compression: u8, system: u8) -> GzipHeader {
        GzipHeader([0x1f, 0x8b, 8, flags, 0, 0, time, 0, compression, system])
    }

    #[test]
    fn usual_headers_give_no_notice_and_each_flipped_bit_of_one_does() {
        assert_eq!(GzipHeader::CLOUDTRAIL, header(0, 0, 2, 3));
        for (compression, system) in USUAL {
            let usual = header(0, 0, compression, system);
            assert_eq!(usual.notice(), None);
            for bit in 3 * 8..80 {
                let mut flipped = usual;
                flipped.0[bit / 8] ^= 1 << (bit % 8);
                // Flags that are reserved are refused on reading.
                assert_eq!(flipped.notice().is_some(), !(29..32).contains(&bit), "{flipped}");
            }
        }
    }

    #[test]
    fn the_notice_names_what_the_header_holds() {
        for (odd, says) in [
            (header(8, 0, 2, 3), "(a file name)"),
            (header(4 | 16, 1, 0, 255), "(extra bytes, a comment, a time)"),
            (header(0, 0, 4, 255), "(another writer's marks)"),
        ] {
            let notice = odd.notice().unwrap();
            assert!(notice.message.contains(says), "{}", notice.message);
            assert_eq!(notice.actual, Some(odd.to_string()));
            assert_eq!(notice.expected.as_deref(), Some("1f8b0800000000000203"));
        }
    }
}
