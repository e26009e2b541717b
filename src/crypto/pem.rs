//! The blocks of a PEM text. Text around the blocks is allowed (openssl writes some), as are any
//! line width and line ending; a block that does not end, or is not base64, is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::refusal::Refusal;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// One block.
pub(super) struct Block<'a> {
    /// Label, such as `PUBLIC KEY`.
    pub(super) label: &'a str,
    /// True if its headers say that it is encrypted.
    #[cfg_attr(not(feature = "seal"), expect(dead_code, reason = "asked of private keys only"))]
    pub(super) encrypted: bool,
    /// The decoded content; `None` where headers or damage make it unreadable. Whether that
    /// matters depends on the label: a private key is refused as such, damaged or not.
    pub(super) der: Option<Vec<u8>>,
}

/// True if bytes hold a PEM block.
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    bytes.windows(BEGIN.len()).any(|window| window == BEGIN.as_bytes())
}

/// Splits a text into its blocks.
pub(super) fn blocks(text: &str) -> Result<Vec<Block<'_>>, Refusal> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix(BEGIN) else {
            if line.contains(BEGIN) || line.starts_with(END) {
                return Err(Refusal::Pem("a misplaced BEGIN or END line"));
            }
            continue;
        };
        let label = label.strip_suffix(DASHES).ok_or(Refusal::Pem("an incomplete BEGIN line"))?;
        let (mut body, mut headers, mut encrypted, mut ended) =
            (String::new(), false, false, false);
        for line in lines.by_ref() {
            if let Some(end) = line.strip_prefix(END) {
                if end.strip_suffix(DASHES) != Some(label) {
                    return Err(Refusal::Pem("an END line does not match its BEGIN line"));
                }
                ended = true;
                break;
            }
            // Headers of the old form, `Proc-Type: 4,ENCRYPTED`: no base64 holds a colon.
            headers |= line.contains(':');
            encrypted |= line.contains("ENCRYPTED");
            body.push_str(line);
        }
        if !ended {
            return Err(Refusal::Pem("a block has no END line"));
        }
        let der = if headers { None } else { STANDARD.decode(body).ok() };
        blocks.push(Block { label, encrypted: encrypted && headers, der });
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_blocks_of_any_width_between_other_text() {
        let text = "Bag Attributes\r\n-----BEGIN A B-----\r\nAAEC\r\nAw==\r\n-----END A B-----\r\n\
                    \n  -----BEGIN C-----  \n AAECAw== \n-----END C-----";
        let blocks = blocks(text).unwrap();
        let read: Vec<_> = blocks.iter().map(|b| (b.label, b.der.as_deref())).collect();
        let bytes: &[u8] = &[0, 1, 2, 3];
        assert_eq!(read, [("A B", Some(bytes)), ("C", Some(bytes))]);
    }

    #[test]
    fn damaged_blocks_are_refused_or_unreadable() {
        for (text, reason) in [
            ("-----BEGIN A-----\nAAEC", "no END line"),
            ("-----BEGIN A-----\nAAEC\n-----END B-----", "does not match"),
            ("-----BEGIN A\nAAEC\n-----END A-----", "incomplete BEGIN line"),
            ("-----END A-----", "misplaced"),
            ("x -----BEGIN A-----\nAAEC\n-----END A-----", "misplaced"),
        ] {
            let Err(refusal) = blocks(text) else { panic!("accepted: {text}") };
            assert!(refusal.to_string().contains(reason), "{text}: {refusal}");
        }
        for text in ["A!A=", "AAE", "Proc-Type: 4,ENCRYPTED\n\nAAEC"] {
            let text = format!("-----BEGIN A-----\n{text}\n-----END A-----\n");
            let blocks = blocks(&text).unwrap();
            assert!(blocks[0].der.is_none(), "{text}");
            assert_eq!(blocks[0].encrypted, text.contains("ENCRYPTED"));
        }
    }
}
