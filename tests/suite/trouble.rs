//! Every answer of a small world replaced by trouble, one at a time and in pairs, over a bucket and
//! over a copy: never verified where the answer was needed, never an accusation that the whole
//! does not make, and an accusation that the rest proves still stands.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Report, Tree, at, backfill_key, digest_key, log_key, log_key_at, scratch};

/// A world, and the digests and log files that its accusation rests on.
struct World {
    name: &'static str,
    tree: Tree,
    /// Code and key of what must be found.
    accused: Option<(&'static str, String)>,
    rests_on: Vec<String>,
}

/// Eight hours, a log file of the second hour that came late and is in a backfill digest of the
/// ninth; asked for are the first six.
fn worlds() -> Vec<World> {
    let late = log_key_at(at(2, 40), "CloudTrail", "BBBBBBBBBBBBBBBB");
    let world = |name, change: &dyn Fn(&Tree), accused, rests_on: &[String]| {
        let tree = Tree::sealed();
        tree.write_log(&late);
        tree.seal(9).unwrap();
        change(&tree);
        World { name, tree, accused, rests_on: rests_on.to_vec() }
    };
    let injected = log_key_at(at(4, 40), "CloudTrail", "CCCCCCCCCCCCCCCC");
    // Whoever lists an injected file may be any digest from its hour on.
    let listers: Vec<_> =
        (5..=9).map(digest_key).chain([backfill_key(9), injected.clone()]).collect();
    vec![
        world("whole", &|_| {}, None, &[]),
        world(
            "a log file is gone",
            &|tree| tree.remove(&log_key(2)),
            Some(("log-missing", log_key(2))),
            &[digest_key(3), log_key(2)],
        ),
        world(
            "a log file is altered",
            &|tree| tree.rewrite(&log_key(2), "Records", "records"),
            Some(("log-modified", log_key(2))),
            &[digest_key(3), log_key(2)],
        ),
        world(
            "a digest is gone",
            &|tree| tree.remove(&digest_key(4)),
            Some(("digest-missing", digest_key(4))),
            &[digest_key(5), digest_key(4)],
        ),
        world(
            "a log file is injected",
            &|tree| tree.write_log(&injected),
            Some(("log-unreferenced", injected.clone())),
            &listers,
        ),
    ]
}

/// The fast suite takes one in so many, beginning with another one in each world.
const STRIDE: usize = 18;

fn asked() -> [String; 4] {
    let times = [at(0, 0).to_string(), at(6, 0).to_string()];
    let [start, end] = times;
    ["--start-time".to_owned(), start, "--end-time".to_owned(), end]
}

fn violations(report: &Report) -> BTreeSet<(String, String)> {
    let codes = report.codes().into_iter();
    codes.filter(|f| f.1 == "violation").map(|(code, _, key)| (code, key)).collect()
}

/// Holds a report with trouble to that of the whole.
fn hold(world: &World, whole: &Report, report: &Report, trouble: &[&str], needed: bool) {
    let (was, is) = (violations(whole), violations(report));
    let what = format!("{}: {trouble:?} {:#}", world.name, report.json["findings"]);
    assert!(is.is_subset(&was), "an accusation that the whole does not make: {what}");
    if needed {
        assert_ne!(report.status, 0, "verified without an answer that was needed: {what}");
    }
    let Some((code, key)) = &world.accused else { return };
    assert_ne!(report.status, 0, "{what}");
    let concerns = |place: &&str| {
        // The newest digest's signature is in its metadata only.
        let place = place.trim_start_matches("list:").trim_end_matches(".metadata.json");
        place.starts_with("keys:") || world.rests_on.iter().any(|key| key.contains(place))
    };
    if !trouble.iter().any(concerns) {
        assert!(is.contains(&((*code).to_owned(), key.clone())), "not found any more: {what}");
    }
}

/// Files and folders of a copy that may be replaced by a link that leads nowhere.
fn places(root: &Path) -> Vec<PathBuf> {
    let (mut all, mut folders) = (Vec::new(), vec![root.join("AWSLogs")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            all.push(path);
        }
    }
    all.sort();
    all.into_iter().map(|path| path.strip_prefix(root).unwrap().to_owned()).collect()
}

/// Tells if the first six hours cannot be proven without a place of the copy.
fn is_needed(place: &str) -> bool {
    let metadata = place.ends_with(".metadata.json");
    let late = place.contains("BBBB") || place.contains("_backfill");
    let after = [digest_key(7), digest_key(8), digest_key(9), log_key(6), log_key(7)];
    !metadata && !late && !after.iter().any(|key| key == place)
}

#[test]
fn places_of_a_copy_and_pairs_of_them() {
    places_of_a_copy(STRIDE);
}

#[test]
#[ignore = "slow: five worlds, each place and pairs of them"]
fn each_place_of_a_copy_and_pairs_of_them() {
    places_of_a_copy(1);
}

fn places_of_a_copy(stride: usize) {
    let times = asked();
    let times: Vec<&str> = times.iter().map(String::as_str).collect();
    for (first, world) in worlds().into_iter().enumerate() {
        let root = world.tree.root();
        let aside = scratch();
        let whole = world.tree.verify(&times);
        assert_eq!(whole.status, u8::from(world.accused.is_some()), "{}", world.name);
        let places = places(root);
        let singles = places.iter().map(|place| vec![place.clone()]);
        let pairs = places.iter().enumerate().flat_map(|(n, one)| {
            let after = places.get(n + 1..).unwrap_or_default().iter();
            let apart = after.filter(move |two| !two.starts_with(one));
            apart.map(move |two| vec![one.clone(), two.clone()])
        });
        let all = singles.chain(pairs.step_by(23));
        for hidden in all.skip(first % stride).step_by(stride) {
            for (n, place) in hidden.iter().enumerate() {
                fs::rename(root.join(place), aside.path().join(n.to_string())).unwrap();
                std::os::unix::fs::symlink("/nonexistent/elsewhere", root.join(place)).unwrap();
            }
            let names: Vec<&str> = hidden.iter().map(|place| place.to_str().unwrap()).collect();
            let needed = names.iter().any(|name| is_needed(name));
            hold(&world, &whole, &world.tree.verify(&times), &names, needed);
            for (n, place) in hidden.iter().enumerate() {
                fs::remove_file(root.join(place)).unwrap();
                fs::rename(aside.path().join(n.to_string()), root.join(place)).unwrap();
            }
        }
    }
}

#[cfg(feature = "aws")]
mod in_a_bucket {
    use super::*;
    use crate::common::bucket::{bucket_of, check_bucket};
    use crate::common::server::Fault;

    /// What was asked, as the names of faults.
    fn answers(requests: &[String]) -> Vec<String> {
        let of = |request: &String| {
            let (verb, subject) = request.split_once(' ')?;
            match verb {
                "GET" => Some(subject.to_owned()),
                "LIST" if !subject.is_empty() => Some(format!("list:{subject}")),
                "ListPublicKeys" => Some(format!("keys:{subject}")),
                _ => None,
            }
        };
        let all: BTreeSet<_> = requests.iter().filter_map(of).collect();
        all.into_iter().collect()
    }

    #[test]
    fn answers_of_a_bucket_and_pairs_of_them() {
        answers_of_a_bucket(STRIDE);
    }

    #[test]
    #[ignore = "slow: five worlds, each answer and pairs of them"]
    fn each_answer_of_a_bucket_and_pairs_of_them() {
        answers_of_a_bucket(1);
    }

    fn answers_of_a_bucket(stride: usize) {
        for (first, world) in worlds().into_iter().enumerate() {
            let server = bucket_of(&world.tree);
            let whole = check_bucket(&server, 6, &[]);
            let found = &whole.json["findings"];
            assert_eq!(whole.status, u8::from(world.accused.is_some()), "{found:#}");
            let answers = answers(&server.requests());
            assert!(answers.len() > 25, "{answers:?}");
            let singles = answers.iter().map(|answer| vec![answer.as_str()]);
            let pairs = answers.iter().enumerate().flat_map(|(n, one)| {
                let after = answers.get(n + 1..).unwrap_or_default().iter();
                after.map(move |two| vec![one.as_str(), two.as_str()])
            });
            let all = singles.chain(pairs.step_by(29));
            for denied in all.skip(first % stride).step_by(stride) {
                for answer in &denied {
                    server.fault(answer, Fault::Status(403, "AccessDenied"), None);
                }
                let needed = denied.iter().any(|answer| is_needed(answer));
                hold(&world, &whole, &check_bucket(&server, 6, &[]), &denied, needed);
                server.clear_faults();
            }
        }
    }
}
