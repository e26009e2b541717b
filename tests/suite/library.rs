//! The library as others use it: a verification comes to what the command comes to.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use trailseal::{
    AcceptedGap, Code, Error, Format, KeysError, Observer, RunEvent, RunReport, Severity,
    SourceError, SourceErrorKind, Stop, TimeBound, Timestamp, Unreferenced, Verdict, Verification,
    Window,
};

use crate::common::{ACCOUNT, BUCKET, REGION, TRAIL, Tree, at, digest_key, log_key};

/// A report as its JSON, without the times of the run.
fn timeless(report: &RunReport) -> Value {
    let mut bytes = Vec::new();
    report.render(Format::Json, &mut bytes).unwrap();
    without_times(serde_json::from_slice(&bytes).unwrap())
}

fn without_times(mut json: Value) -> Value {
    let object = json.as_object_mut().unwrap();
    assert!(object.remove("started").is_some() && object.remove("finished").is_some());
    json
}

fn of(tree: &Tree) -> Verification {
    Verification::of(tree.root().to_str().unwrap()).keys(&tree.keys)
}

/// A tree that lacks a log file and a digest, and holds a file that no digest lists.
fn damaged() -> Tree {
    let tree = Tree::sealed();
    tree.remove(&log_key(1));
    tree.remove(&digest_key(5));
    tree.write_log(&log_key(1).replace("AAAA", "BBBB"));
    tree
}

#[test]
fn a_verification_comes_to_what_the_command_comes_to() {
    let tree = damaged();
    let times = [at(1, 0), at(7, 0), at(9, 0)];
    let [start, end, as_of] = times.map(|time| time.to_string());
    type Set = fn(Verification, [Timestamp; 3]) -> Verification;
    let cases: [(&[&str], Set); 9] = [
        (&[], |v, _| v),
        (&["--start-time", &start, "--end-time", &end], |v, [s, e, _]| v.start(s).end(e)),
        (&["--as-of", &as_of, "--start-time", "5h"], |v, [.., a]| {
            v.last(Duration::from_secs(5 * 3600)).as_of(a)
        }),
        (&["--as-of", &as_of, "--end-time", &as_of, "--grace", "30m"], |v, [.., a]| {
            v.as_of(a).end(a).grace(Duration::from_secs(30 * 60))
        }),
        (&["--no-logs", "--jobs", "1"], |v, _| v.digests_only().jobs(1.try_into().unwrap())),
        (&["--account", "999999999999"], |v, _| v.account("999999999999".parse().unwrap())),
        (&["--region", REGION, "--trail", TRAIL, "--exclude-account", "999999999999"], |v, _| {
            let v = v.region(REGION.parse().unwrap()).trail(TRAIL.parse().unwrap());
            v.exclude_account("999999999999".parse().unwrap())
        }),
        (&["--unreferenced", "notice", "--operator", "audit", "--bucket", BUCKET], |v, _| {
            let v = v.unreferenced(Unreferenced::Notice).operator("audit");
            v.copy_of_bucket(BUCKET.parse().unwrap())
        }),
        (&["--management-account", ACCOUNT, "--prefix", "logs", "--memory", "1MiB"], |v, _| {
            v.management_account(ACCOUNT.parse().unwrap()).copy_of_prefix("logs").memory(1 << 20)
        }),
    ];
    for (args, set) in cases {
        let report = set(of(&tree), times).run().unwrap();
        let command = tree.verify(args);
        // Where no reference time is given, it is the second in which a run begins.
        let stated = args.contains(&"--as-of");
        let comparable = |mut json: Value| {
            if !stated {
                json["scope"]["as_of"].take();
            }
            json
        };
        let (own, other) = (timeless(&report), without_times(command.json));
        assert_eq!(comparable(own), comparable(other), "{args:?}");
        assert_eq!(report.verdict.exit_status(), command.status, "{args:?}");
    }
}

#[test]
fn what_is_accepted_is_in_the_report() {
    let tree = Tree::sealed();
    let gap = AcceptedGap::new(Window::new(at(2, 0), at(3, 0)), "maintenance");
    let report = of(&tree).accept_gap(gap).run().unwrap();
    let accepted = report.scope.accepted_gaps.first().unwrap();
    assert_eq!((accepted.reason.as_str(), accepted.used), ("maintenance", false));
}

#[test]
fn keys_are_given_as_bytes_too() {
    let tree = Tree::sealed();
    let bytes = fs::read(&tree.keys).unwrap();
    let report = Verification::of(tree.root().to_str().unwrap()).key_bytes("mine", bytes).run();
    let report = report.unwrap();
    assert_eq!(report.verdict, Verdict::Verified);
    assert_eq!(report.keys.first().unwrap().source, "mine");
}

#[test]
fn a_source_is_read_once_and_others_are_added() {
    let (tree, other) = (Tree::sealed(), damaged());
    let [root, more] = [&tree, &other].map(|tree| tree.root().to_str().unwrap());
    let same = of(&tree).source(root).run().unwrap();
    assert_eq!((same.totals.digests.valid, same.verdict), (8, Verdict::Verified));
    let both = of(&tree).source(more).run().unwrap();
    assert_eq!(timeless(&both), without_times(tree.verify(&[more]).json));
}

fn kind(error: Error) -> SourceErrorKind {
    match error {
        Error::Source(SourceError { cause, .. }) => cause,
        other => panic!("{other:?}"),
    }
}

#[test]
fn errors_name_what_is_wrong() {
    let tree = Tree::sealed();
    let root = tree.root().to_str().unwrap();
    let run = |verification: Verification| verification.run().unwrap_err();
    let far = "2999-01-01T00:00:00Z".parse().unwrap();

    let error = run(Verification::of(root));
    assert!(matches!(error, Error::Keys(KeysError::NotGiven)), "{error:?}");
    let error = run(Verification::of(root).keys("/nowhere/keys.json"));
    assert!(
        matches!(&error, Error::Keys(KeysError::Unreadable { file, .. }) if file == "/nowhere/keys.json")
    );
    let error = run(Verification::of(root).key_bytes("mine", "no key"));
    assert!(matches!(&error, Error::Keys(KeysError::Refused(refused)) if refused.file == "mine"));
    let empty = Tree::empty();
    fs::remove_file(&empty.keys).unwrap();
    let error = run(Verification::of(root).keys(empty.root()));
    assert!(matches!(error, Error::Keys(KeysError::EmptyFolder { .. })), "{error:?}");

    let error = run(Verification::of(tree.keys.to_str().unwrap()).keys(&tree.keys));
    assert!(matches!(kind(error), SourceErrorKind::NotADirectory));
    let error = run(Verification::of("/nowhere\u{1b}").keys(&tree.keys));
    assert!(!error.to_string().contains('\u{1b}'), "{error}");
    assert!(matches!(kind(error), SourceErrorKind::Directory(_)));
    let zip = tree.path("bag.zip");
    fs::write(&zip, "PK").unwrap();
    let error = run(Verification::of(zip.to_str().unwrap()).keys(&tree.keys));
    assert!(matches!(kind(error), SourceErrorKind::Archive));
    let error = run(of(&tree).source("s3://bucket"));
    assert!(matches!(kind(error), SourceErrorKind::Mixed | SourceErrorKind::Unsupported { .. }));

    for (verification, bound) in [
        (of(&tree).start(far), TimeBound::Start),
        (of(&tree).end(far), TimeBound::End),
        (of(&tree).as_of(far), TimeBound::AsOf),
        (of(&tree).as_of(at(4, 0)).end(at(5, 0)), TimeBound::End),
    ] {
        let error = run(verification);
        assert!(matches!(&error, Error::Future { bound: b, .. } if *b == bound), "{error:?}");
    }
    let error = run(of(&tree).start(at(5, 0)).end(at(5, 0)));
    assert!(matches!(error, Error::EmptyTime { .. }), "{error:?}");
    let twice = || ACCOUNT.parse().unwrap();
    let error = run(of(&tree).account(twice()).exclude_account(twice()));
    assert!(matches!(&error, Error::SelectedAndExcluded { name } if name == ACCOUNT));
}

#[derive(Clone, Default)]
struct Counter(Arc<AtomicU64>);

impl Observer for Counter {
    fn observe(&self, event: &RunEvent<'_>) -> std::io::Result<()> {
        if let RunEvent::LogFileDone { .. } = event {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[test]
fn progress_is_reported_and_a_stop_ends_the_run() {
    let tree = Tree::sealed();
    let counter = Counter::default();
    of(&tree).observer(counter.clone()).run().unwrap();
    assert_eq!(counter.0.load(Ordering::Relaxed), 7);

    let stop = Stop::default();
    stop.set();
    let report = of(&tree).stop(&stop).run().unwrap();
    assert_eq!((report.verdict, report.exit_status), (Verdict::Incomplete, 130));
}

#[test]
fn findings_are_shown_escaped() {
    let tree = damaged();
    let report = of(&tree).run().unwrap();
    let missing = report.findings.iter().find(|f| f.code == Code::LogMissing).unwrap();
    let shown = missing.to_string();
    assert!(shown.starts_with(&format!("violation log-missing: {}: ", log_key(1))), "{shown}");
    assert_eq!(missing.severity, Severity::Violation);
    let hostile = trailseal::Finding::new(Code::ObjectUnknown, "a\u{1b}[2Jb\nc");
    assert_eq!(hostile.to_string().lines().count(), 1);
    assert!(!hostile.to_string().contains('\u{1b}'));
}

/// Buckets need credentials, which the environment of a process tells: the test program starts
/// itself again.
#[cfg(feature = "aws")]
mod bucket {
    use std::process::Command;

    use trailseal::{AwsOptions, Verification};

    use super::{timeless, without_times};
    use crate::common::bucket::{ENVIRONMENT, bucket_of, report_of, run};
    use crate::common::server::Server;
    use crate::common::{BUCKET, HOURS, REGION, at};

    /// Address, endpoint and file for the report, in the program that was started again.
    const TASK: &str = "TRAILSEAL_LIBRARY_TASK";

    fn verify_in_a_process(server: &Server, source: &str) -> serde_json::Value {
        let folder = crate::common::scratch();
        let file = folder.path().join("report.json");
        let task = [source, server.endpoint(), file.to_str().unwrap()].join(" ");
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "library::bucket::the_task_of_a_process"])
            .env_clear()
            .envs(ENVIRONMENT)
            .env(TASK, task)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    }

    #[test]
    fn the_task_of_a_process() {
        let Ok(task) = std::env::var(TASK) else { return };
        let [source, endpoint, file] = task.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let mut aws = AwsOptions::default();
        aws.endpoint_url = Some(endpoint.to_owned());
        let verification = Verification::of(source).aws(aws).region(REGION.parse().unwrap());
        let report = verification.start(at(0, 0)).end(at(HOURS.into(), 0)).run().unwrap();
        std::fs::write(file, timeless(&report).to_string()).unwrap();
    }

    #[test]
    fn a_bucket_comes_to_what_the_command_comes_to() {
        let server = bucket_of(&super::damaged());
        let (start, end) = (at(0, 0).to_string(), at(HOURS.into(), 0).to_string());
        for source in [
            format!("s3://{BUCKET}"),
            format!("s3://{BUCKET}//AWSLogs"),
            "s3://absent-bucket".to_owned(),
        ] {
            let mut asked = ["verify", &source, "--format", "json", "--region", REGION].to_vec();
            asked.extend(["--start-time", &start, "--end-time", &end]);
            let command = report_of(&run(&server, &asked));
            let mut report = verify_in_a_process(&server, &source);
            let mut expected = without_times(command.json);
            for report in [&mut report, &mut expected] {
                // The time of the run.
                assert!(report["scope"]["as_of"].take().is_string());
            }
            assert_eq!(report, expected, "{source}");
        }
    }
}
