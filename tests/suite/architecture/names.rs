//! Names of types: one name, one thing. Whoever searches the sources for a type finds one definition.

use std::collections::BTreeMap;

use super::sources;

/// Names that are defined more than once. None may be added; one that is defined once is removed here.
const LEFT: &[&str] = &[];

const KEYWORDS: [&str; 4] = ["struct", "enum", "trait", "union"];

/// Names of the types that a text defines, with those of its tests and inside of functions.
fn definitions(text: &str) -> Vec<&str> {
    text.lines().filter_map(definition).collect()
}

/// Name of the type whose definition begins on a line; `None` for another line, and for a name that
/// a macro is given.
fn definition(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = match line.strip_prefix("pub") {
        Some(rest) => match rest.trim_start().strip_prefix('(') {
            Some(scope) => scope.split_once(')')?.1,
            None => rest,
        },
        None => line,
    };
    let line = line.trim_start();
    let (keyword, rest) = line.strip_prefix("unsafe ").unwrap_or(line).split_once(' ')?;
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    let is_name = name.starts_with(char::is_uppercase);
    (KEYWORDS.contains(&keyword) && is_name).then_some(name)
}

#[test]
fn each_type_name_is_defined_once() {
    let sources = sources();
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for source in &sources {
        for name in definitions(&source.text) {
            places.entry(name).or_default().push(source.inside());
        }
    }
    assert!(places.len() > 300, "the definitions were found");
    places.retain(|_, places| places.len() > 1);
    let added: BTreeMap<_, _> = places.iter().filter(|(name, _)| !LEFT.contains(*name)).collect();
    assert!(added.is_empty(), "defined more than once: {added:#?}");
    let gone: Vec<_> = LEFT.iter().filter(|name| !places.contains_key(*name)).collect();
    assert!(gone.is_empty(), "defined once now, so remove them from LEFT: {gone:?}");
    assert!(LEFT.is_sorted(), "LEFT is in order");
}

#[test]
fn definitions_are_found_wherever_they_stand() {
    let text = "\
/// A struct Other.
pub(in crate::report) struct One<'a> {
    union: Two,
}
pub enum Three { A }
fn f() {
    struct Four;
    let kind = trait_of();
}
pub trait Five: Sized {}
unsafe trait Six {}
union Seven { a: u8 }
struct $name(u8);
type Eight = One;
";
    assert_eq!(definitions(text), ["One", "Three", "Four", "Five", "Six", "Seven"]);
}
