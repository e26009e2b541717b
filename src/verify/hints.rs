//! Search for the names of events while a log file is hashed.

use std::io::Read;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, PatternID, packed};

use super::events::{EVENTS, Effect};

/// Number of bytes that are searched at a time; they lie on the stack.
const PIECE: usize = 32 << 10;

/// Kinds of events that a log file may hold, by the names that occur in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Hints {
    /// One of [`Effect::Trail`].
    pub trail: bool,
    /// One of [`Effect::Bucket`].
    pub bucket: bool,
}

impl Hints {
    /// True if there is any.
    #[must_use]
    pub fn any(self) -> bool {
        self.trail || self.bucket
    }

    /// Searches the text of a log file, as far as it can be read.
    pub fn search(from: &mut dyn Read) -> Self {
        static NAMES: LazyLock<Option<Names>> = LazyLock::new(Names::new);
        let mut hints = Self::default();
        let Some(names) = &*NAMES else { return Self { trail: true, bucket: true } };
        let overlap = EVENTS.iter().map(|(name, ..)| name.len() + 1).max().unwrap_or(0);
        let (mut buffer, mut kept) = ([0; PIECE], 0);
        while let Some(free) = buffer.get_mut(kept..)
            && let Ok(n @ 1..) = from.read(free)
        {
            let filled = kept + n;
            let text = buffer.get(..filled).unwrap_or_default();
            names.find_each(text, |name| {
                match EVENTS.get(name.as_usize()).map(|(.., effect)| effect) {
                    Some(Effect::Trail) => hints.trail = true,
                    _ => hints.bucket = true,
                }
            });
            if hints.trail && hints.bucket {
                break;
            }
            // A name may lie across the end of what was read.
            kept = overlap.min(filled);
            buffer.copy_within(filled - kept..filled, 0);
        }
        hints
    }
}

/// The names of the events that are looked for, each in its quotes.
enum Names {
    /// Compared 16 or 32 bytes at a time, by the instructions that the processor has.
    Packed(packed::Searcher),
    /// Where it has none: an automaton, several times slower on text full of quotes.
    Automaton(AhoCorasick),
}

impl Names {
    fn new() -> Option<Self> {
        Self::packed().or_else(Self::automaton)
    }

    fn packed() -> Option<Self> {
        packed::Searcher::new(Self::quoted()).map(Self::Packed)
    }

    fn automaton() -> Option<Self> {
        AhoCorasick::new(Self::quoted()).ok().map(Self::Automaton)
    }

    fn quoted() -> [String; EVENTS.len()] {
        EVENTS.map(|(name, ..)| format!("\"{name}\""))
    }

    /// Names that occur in a text. No name begins where another ends but for a quote, so none hides
    /// another in JSON.
    fn find_each(&self, text: &[u8], mut each: impl FnMut(PatternID)) {
        match self {
            Self::Packed(names) => names.find_iter(text).for_each(|found| each(found.pattern())),
            Self::Automaton(names) => names.find_iter(text).for_each(|found| each(found.pattern())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_found_wherever_they_lie() {
        // One byte at a time, so that a name lies across every end of what was read.
        struct Slow<'a>(&'a [u8], usize);
        impl Read for Slow<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let n = self.1.min(buffer.len());
                (&mut self.0).take(n as u64).read(buffer)
            }
        }
        for step in [1, 7, 1000, PIECE - 6, 1 << 20] {
            for at in [0, PIECE - 20, PIECE - 16, PIECE - 6, PIECE, 4 * PIECE + 9] {
                let text = format!("{}\"DeleteObject\"{}", " ".repeat(at), " ".repeat(99));
                let hints = Hints::search(&mut Slow(text.as_bytes(), step));
                assert_eq!(hints, Hints { trail: false, bucket: true }, "{step} {at}");
            }
        }
        let none = Hints::search(&mut &br#"{"eventName":"DescribeTrails","x":"StopLoggings"}"#[..]);
        assert!(!none.any());
    }

    proptest! {
        /// Words that are names, begin like one or go on after one, in any order.
        #[test]
        fn packed_names_are_found_where_the_automaton_finds_them(
            words in proptest::collection::vec((0..EVENTS.len(), 0..5_usize, 0..40_usize), 0..60)
        ) {
            let texts = words.iter().map(|(name, kind, space)| {
                let (name, space) = (EVENTS[*name].0, " ".repeat(*space));
                match kind {
                    0 | 1 => format!("\"{name}\":{space}"),
                    2 => format!("\"{name}s\",{space}"),
                    3 => format!("\"{}{space}", &name[..name.len() / 2]),
                    _ => format!("{name}\"{space}"),
                }
            });
            let text = texts.collect::<String>().into_bytes();
            let found = |names: &Names| {
                let mut found = Vec::new();
                names.find_each(&text, |name| found.push(name.as_usize()));
                found
            };
            let [packed, automaton] = [Names::packed().unwrap(), Names::automaton().unwrap()];
            prop_assert_eq!(found(&packed), found(&automaton));
        }
    }
}
