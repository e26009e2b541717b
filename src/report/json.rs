//! Renders a run as JSON, safe to print on a terminal.
//!
//! JSON escapes the controls below U+0020 only. Object keys and messages may hold more that
//! steers a terminal or hides text (C1 controls, bidirectional marks, invisible characters), so
//! each of these is written as `\uXXXX` too. The value that a parser reads is the same.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use crate::model::text::is_steering;

/// The JSON Schema (2020-12) of what [`render`] writes.
pub const SCHEMA_JSON: &str = include_str!("run.schema.json");

/// Writes a report as indented JSON and a final newline.
///
/// # Errors
/// When the output cannot be written.
pub fn render<T: Serialize + ?Sized>(report: &T, out: &mut dyn Write) -> io::Result<()> {
    write_with(PrettyFormatter::new(), report, out)
}

/// Writes any value as JSON on one line, newline included, with the same escapes.
///
/// # Errors
/// When the output cannot be written, or the value has no JSON form (a map whose keys are not
/// strings).
pub fn render_line<T: Serialize + ?Sized>(value: &T, out: &mut dyn Write) -> io::Result<()> {
    write_with(CompactFormatter, value, out)
}

fn write_with<F: Formatter, T: Serialize + ?Sized>(
    formatter: F,
    value: &T,
    out: &mut dyn Write,
) -> io::Result<()> {
    // serde_json writes token by token, and standard output may be unbuffered.
    let mut out = BufWriter::new(out);
    value.serialize(&mut Serializer::with_formatter(&mut out, Terminal(formatter)))?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Lays values out as another formatter does, and escapes what steers a terminal.
struct Terminal<F>(F);

/// Hands these methods on to the formatter inside: all that concern the layout.
macro_rules! hand_on {
    ($($name:ident($($argument:ident: $type:ty)?);)*) => {$(
        fn $name<W: ?Sized + Write>(&mut self, out: &mut W $(, $argument: $type)?) -> io::Result<()> {
            self.0.$name(out $(, $argument)?)
        }
    )*};
}

impl<F: Formatter> Formatter for Terminal<F> {
    hand_on! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }

    /// Called with the stretches of a string between the characters that JSON itself escapes.
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_steering) {
            let (plain, tail) = rest.split_at(at);
            out.write_all(plain.as_bytes())?;
            let mut chars = tail.chars();
            if let Some(steering) = chars.next() {
                for unit in steering.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn line(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        render_line(value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_steers_is_escaped_and_the_rest_is_not() {
        assert_eq!(line(&"Kéy 日本 \"\\ 🙂"), "\"Kéy 日本 \\\"\\\\ 🙂\"\n");
        assert_eq!(line(&"\u{1b}[2J\n"), "\"\\u001b[2J\\n\"\n");
        assert_eq!(line(&"\u{7f}\u{9b}\u{202e}"), "\"\\u007f\\u009b\\u202e\"\n");
        assert_eq!(line(&"\u{e0041}x"), "\"\\udb40\\udc41x\"\n");
        let map = BTreeMap::from([("\u{200b}", 1)]);
        assert_eq!(line(&map), "{\"\\u200b\":1}\n");
    }

    #[test]
    fn the_layout_is_that_of_the_formatter_inside() {
        let value = serde_json::json!({"a": [1, {"b": null}], "c": {}, "d": [], "e": true});
        let mut out = Vec::new();
        write_with(PrettyFormatter::new(), &value, &mut out).unwrap();
        let expected = serde_json::to_string_pretty(&value).unwrap() + "\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert_eq!(line(&value), value.to_string() + "\n");
    }

    #[test]
    fn an_output_that_fails_is_an_error() {
        struct RefusingOutput;
        impl Write for RefusingOutput {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = render_line("x", &mut RefusingOutput).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    proptest! {
        #[test]
        fn the_value_is_unchanged_and_nothing_steers(
            text: String, steering in "[\\x00-\\x20\\x7f-\\u{a0}\\u{200b}-\\u{206f}\\u{e0000}-\\u{e0fff}a]{0,8}",
        ) {
            for value in [text, steering] {
                let json = line(&value);
                prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), value);
                prop_assert!(!json.trim_end_matches('\n').contains(is_steering));
            }
        }
    }
}
