//! Every test that the threat model rests on is there.

use std::fs;
use std::path::Path;

#[test]
fn every_guarantee_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("THREAT-MODEL.md")).unwrap();
    let rows: Vec<_> = text.lines().filter(|l| l.starts_with("| G")).collect();
    assert!(rows.len() >= 15, "{} guarantees", rows.len());
    for row in rows {
        let held_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let mut tests = 0;
        for part in held_by.split("; ") {
            let (file, names) = part.strip_prefix('`').unwrap().split_once('`').unwrap();
            let path = match file.strip_suffix(".rs") {
                Some(_) => root.join(file),
                None => root.join("tests/suite").join(format!("{file}.rs")),
            };
            let source = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{file}: {e}"));
            tests += 1;
            let Some(names) = names.strip_prefix(": ") else { continue };
            for name in names.split(", ") {
                let (function, fixture) = (format!("fn {name}("), format!("    {name},\n"));
                let there = source.contains(&function) || source.contains(&fixture);
                assert!(there, "{name} is not in {}", path.display());
            }
        }
        assert!(tests > 0, "{row}");
    }
}
