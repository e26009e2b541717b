//! The layers: each imports only from those below it in this list, and the core touches neither
//! files nor clock nor environment nor terminal.

mod circles;
mod names;

use std::fs;
use std::path::{Path, PathBuf};

/// From the bottom up.
const LAYERS: [&str; 12] = [
    "model",
    "crypto",
    "verify",
    "seal",
    "store",
    "aws",
    "report",
    "judge",
    "run",
    "source",
    "verification",
    "cli",
];
/// The layers that are pure.
const CORE: [&str; 5] = ["model", "crypto", "verify", "seal", "judge"];
/// What the core must not name. Traits of `std::io` are values' business; these are not.
const IMPURE: [&str; 19] = [
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "std::os",
    "std::time",
    "stdout",
    "stderr",
    "stdin",
    "println!",
    "eprintln!",
    "print!",
    "Timestamp::now",
    "Zoned::now",
    "cap_std",
    "dyn Store",
    "tempfile",
    "tokio",
];
const LONGEST_FILE: usize = 500;

struct Source {
    layer: String,
    path: PathBuf,
    text: String,
    /// Its text without comments and tests.
    code: String,
    lines: usize,
}

impl Source {
    /// Its path inside of `src`, with slashes.
    fn inside(&self) -> String {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let inside = self.path.strip_prefix(src).unwrap();
        inside.components().map(|c| c.as_os_str().to_str().unwrap()).collect::<Vec<_>>().join("/")
    }
}

fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let inside = path.strip_prefix(&src).unwrap();
                let layer = inside.components().next().unwrap().as_os_str().to_str().unwrap();
                let is_test = inside.components().any(|c| c.as_os_str() == "tests");
                if !is_test {
                    let text = fs::read_to_string(&path).unwrap();
                    let lines = text.lines().count();
                    let layer = layer.trim_end_matches(".rs").to_owned();
                    found.push(Source { layer, code: code(&text), text, path, lines });
                }
            }
        }
    }
    assert!(found.len() > 30, "the sources were found");
    found
}

fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap();
    let text = text.split("#[cfg(all(test").next().unwrap();
    let line = |line: &str| line.split("//").next().unwrap().to_owned() + "\n";
    text.lines().map(line).collect()
}

fn rank(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|known| *known == layer)
}

/// The layers that a source names by `crate::<layer>` or, in a group, `crate::{<layer>..., }`.
fn imports(code: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => found.push(name(rest)),
            Some(group) => {
                let (mut depth, mut start) = (0, true);
                for (i, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && c.is_alphabetic() => {
                            found.push(name(&group[i..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

#[test]
fn no_layer_imports_upward() {
    assert_eq!(
        imports("use crate::{model::{a, b}, run}; crate::verify::x"),
        ["model", "run", "verify"]
    );
    for source in sources() {
        let Some(own) = rank(&source.layer) else { continue };
        for import in imports(&source.code) {
            if let Some(other) = rank(&import) {
                let path = source.path.display();
                assert!(
                    other <= own,
                    "{path}: {} imports {import}, which is above it",
                    source.layer
                );
            }
        }
    }
}

#[test]
fn the_core_is_pure() {
    for source in sources().iter().filter(|s| CORE.contains(&s.layer.as_str())) {
        for name in IMPURE {
            assert!(!source.code.contains(name), "{}: names {name}", source.path.display());
        }
    }
}

#[test]
fn every_source_belongs_to_a_layer() {
    for source in sources() {
        let known =
            rank(&source.layer).is_some() || ["lib", "main"].contains(&source.layer.as_str());
        assert!(known, "{}", source.path.display());
    }
}

#[test]
fn no_file_is_longer_than_one_can_hold_in_mind() {
    for source in sources() {
        let (path, lines) = (source.inside(), source.lines);
        assert!(lines <= LONGEST_FILE, "{path}: {lines} lines");
    }
}

#[test]
fn only_verify_makes_a_verified_digest() {
    for source in sources().iter().filter(|s| !s.path.ends_with("verify/settle.rs")) {
        assert!(!source.code.contains("VerifiedDigest("), "{}", source.path.display());
    }
}

#[test]
fn only_one_folder_names_the_sdk() {
    for source in sources().iter().filter(|s| s.layer != "aws") {
        for name in ["aws_config", "aws_sdk", "aws_smithy"] {
            assert!(!source.code.contains(name), "{}: {name}", source.path.display());
        }
    }
}
