//! What is handed over with a bag: its name, its guide, its page, and the words of its check.

use std::fs;

use crate::common::bag::{Bag, files_of, pack};
use crate::common::{HOURS, Tree, digest_key, scratch, trailseal};

#[test]
fn a_bag_of_the_same_name_is_the_same_bytes_whatever_the_output_is_called() {
    let (tree, folder) = (Tree::sealed(), scratch());
    let zip = |output: &str, more: &[&str]| {
        let output = folder.path().join(output);
        let ran = pack(&tree, &output, more);
        assert_eq!(ran.status, 0, "{}", ran.err);
        fs::read(output).unwrap()
    };
    let july = zip("july.zip", &[]);
    assert_eq!(zip("copy of july.zip", &["--name", "july"]), july);
    assert_ne!(zip("other.zip", &[]), july);
    let folders = ["one", "two"].map(|output| {
        let output = folder.path().join(output);
        assert_eq!(pack(&tree, &output, &["--name", "july"]).status, 0);
        files_of(&output)
    });
    assert_eq!(folders[0], folders[1]);
    let info = String::from_utf8(folders[0]["bag-info.txt"].clone()).unwrap();
    assert!(info.contains("External-Identifier: july\n"), "{info}");
    for name in ["a/b", "..", "a\\b", ""] {
        let refused = pack(&tree, &folder.path().join("x.zip"), &["--name", name]);
        assert_eq!(refused.status, 2, "{name}");
        assert!(refused.err.contains("not a valid name for a bag"), "{name}: {}", refused.err);
    }
}

/// A folder called `july.tgz` would pass for an archive.
#[test]
fn other_archives_are_refused_by_name() {
    let (tree, folder) = (Tree::sealed(), scratch());
    for output in ["july.tgz", "july.tar.gz", "july.TAR", "july.7z"] {
        let refused = pack(&tree, &folder.path().join(output), &[]);
        assert_eq!(refused.status, 2, "{output}");
        assert!(refused.err.contains("a bag cannot be written as ."), "{output}: {}", refused.err);
        assert!(refused.err.contains("FILE.zip"), "{output}: {}", refused.err);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_guide_speaks_of_what_is_there() {
    let tree = Tree::sealed();
    let bag = Bag::of(&tree, &[]);
    let guide = bag.read("VERIFY.md");
    for absent in ["openssl cms", "openssl ts", "CA.pem", "signer.pem", "{", "of-any-region` and"] {
        assert!(!guide.contains(absent), "{absent}: {guide}");
    }
    assert!(guide.contains("neither signed nor time-stamped"), "{guide}");
    let long = guide.lines().find(|line| !line.starts_with([' ', '|']) && line.len() > 104);
    assert_eq!(long, None);
    assert!(guide.contains("NAME.metadata.json"), "{guide}");
    // Every file that it names in full is in the bag.
    let paths: Vec<_> = guide.split('`').filter(|word| word.starts_with("data/")).collect();
    assert!(paths.len() > 5, "{paths:?}");
    for path in paths.into_iter().filter(|path| !path.contains(char::is_uppercase)) {
        assert!(bag.path(path).exists(), "{path}");
    }
    for end in 1..=HOURS {
        tree.lose_metadata(&digest_key(end));
    }
    let plain = Bag::of(&tree, &["--end-time", "2026-03-01T05:00:00Z"]);
    let guide = plain.read("VERIFY.md");
    assert!(!guide.contains("NAME.metadata.json"), "{guide}");
    assert!(guide.contains("previousDigestSignature` of the digest after it"), "{guide}");
}

/// Whoever packed the bag chose its keys.
#[test]
fn a_check_on_the_bags_own_keys_says_so_first() {
    let tree = Tree::sealed();
    let bag = Bag::of(&tree, &[]);
    let check = |more: &[&str]| {
        let mut args = vec!["evidence", "check", bag.dir.to_str().unwrap(), "--no-progress"];
        args.extend(more);
        trailseal(&args).out
    };
    assert!(check(&[]).starts_with("VERIFIED by the bag's own keys: "), "{}", check(&[]));
    let own = check(&["--keys", tree.keys.to_str().unwrap()]);
    assert!(own.starts_with("VERIFIED: "), "{own}");
    assert_eq!(bag.check(&[]).json["by_own_keys"], true);
}

/// Who gives a bag to the wrong command is led to the right one.
#[test]
fn an_archive_is_no_source_and_an_unsealed_bag_has_no_signer() {
    let (tree, folder) = (Tree::sealed(), scratch());
    let zip = folder.path().join("july.zip");
    assert_eq!(pack(&tree, &zip, &[]).status, 0);
    let zip = zip.to_str().unwrap();
    let ran = trailseal(&["verify", zip, "--keys", tree.keys.to_str().unwrap()]);
    assert_eq!(ran.status, 2, "{}", ran.err);
    assert!(ran.err.contains(&format!("trailseal evidence check {zip}")), "{}", ran.err);
    let checked = trailseal(&["evidence", "check", zip, "-v", "--timeout", "1h", "--no-progress"]);
    assert_eq!(checked.status, 0, "{}", checked.err);
    assert!(checked.err.contains("files of data/ checked by"), "{}", checked.err);
    let ran = Bag::of(&tree, &[]).script(&[]);
    assert!(ran.out.contains("seal       none: nothing shows who packed"), "{}", ran.out);
}

/// The page and the script are the ones of this version, and the tag manifest names both.
#[test]
fn the_page_is_in_every_bag() {
    for logs in ["all", "none"] {
        let bag = Bag::of(&Tree::sealed(), &["--logs", logs]);
        let page = bag.read("verify.html");
        assert!(page.contains("default-src 'none'") && page.len() < 60_000);
        assert!(bag.read("tagmanifest-sha256.txt").contains("  verify.html\n"));
        bag.change("verify.html", |bytes| bytes.push(b' '));
        assert_eq!(bag.check(&[]).status, 1);
        bag.write_manifests_anew();
        let checked = bag.check(&[]);
        assert_eq!(checked.status, 3, "{}", checked.json);
        assert!(checked.json["differences"].to_string().contains("verify.html"));
    }
}
