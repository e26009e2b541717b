//! Committed text that reports are held to.

use std::path::Path;

/// Compares with a committed file, or rewrites it where that is asked for.
pub(crate) fn assert_snapshot(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/snapshots").join(name);
    if std::env::var_os("TRAILSEAL_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, actual).unwrap();
        return;
    }
    // A checkout may have changed the ends of lines; other tests hold those of tables.
    let [expected, actual] =
        [std::fs::read_to_string(&path).unwrap_or_default(), actual.to_owned()]
            .map(|text| text.replace("\r\n", "\n"));
    let differing = expected.lines().zip(actual.lines()).position(|(e, a)| e != a);
    let line = differing.unwrap_or(expected.lines().count().min(actual.lines().count())) + 1;
    let path = path.display();
    assert!(
        expected == actual,
        "{path} differs from line {line} on; TRAILSEAL_BLESS=1 rewrites it. Now:\n{actual}"
    );
}
