//! Showing text that came from a bucket: nothing in it may reach a terminal as a command.

use std::fmt;

/// Shows a text with every character that could steer a terminal or hide other text escaped as
/// `\u{..}`: controls, escapes, bidirectional and invisible format characters, line separators. A
/// backslash is doubled, so that no text passes for the escape of another.
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(|c| c == '\\' || is_steering(c)) {
            let (plain, tail) = rest.split_at(at);
            f.write_str(plain)?;
            let mut chars = tail.chars();
            match chars.next() {
                Some('\\') => f.write_str("\\\\")?,
                Some(steering) => write!(f, "\\u{{{:x}}}", u32::from(steering))?,
                None => {}
            }
            rest = chars.as_str();
        }
        f.write_str(rest)
    }
}

/// Reads what [`Printable`] shows; `None` where it never shows that.
pub(super) fn unprintable(text: &str) -> Option<String> {
    let mut raw = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        raw.push_str(plain);
        rest = match escape.strip_prefix("u{") {
            None => {
                raw.push('\\');
                escape.strip_prefix('\\')?
            }
            Some(number) => {
                let (number, after) = number.split_once('}')?;
                raw.push(char::from_u32(u32::from_str_radix(number, 16).ok()?)?);
                after
            }
        };
    }
    raw.push_str(rest);
    (Printable(&raw).to_string() == text).then_some(raw)
}

/// True if a character may change what a terminal, a browser or a reader makes of the text
/// around it.
#[must_use]
pub fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{feff}'
            | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{2800}' | '\u{3164}' | '\u{ffa0}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::{Printable, unprintable};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_shown_reads_back(text in "[a\\\\\\{}u0\\x1b\\u{202e}\\u{e0041}é]{0,12}", other in "[a\\\\{}u1b]{0,8}") {
            prop_assert_eq!(unprintable(&Printable(&text).to_string()), Some(text));
            if let Some(raw) = unprintable(&other) {
                prop_assert_eq!(Printable(&raw).to_string(), other);
            }
        }
    }

    #[test]
    fn escapes_what_steers_and_leaves_the_rest() {
        for (raw, shown) in [
            ("plain/Kéy 日本", "plain/Kéy 日本"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\nb\r\tc", "a\\u{a}b\\u{d}\\u{9}c"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("abc\u{202e}gpj", "abc\\u{202e}gpj"),
            ("\u{7f}", "\\u{7f}"),
            ("\\u{7f}", "\\\\u{7f}"),
            ("blank\u{3164}\u{fe0f}", "blank\\u{3164}\\u{fe0f}"),
        ] {
            assert_eq!(Printable(raw).to_string(), shown);
        }
    }
}
