//! Run reports built by hand: verified, violated, incomplete, hostile, large.

use jiff::Timestamp;
use serde_json::json;
use trailseal::internals::model::time::{add, hours};
use trailseal::internals::model::{
    AccountId, BucketName, ChainId, ChainKind, DigestKey, OrganizationId, Place, Region, TrailName,
    Window,
};
use trailseal::internals::report::run::SCHEMA;
use trailseal::internals::report::{ChainReport, Counts, RunReport, Totals, Verdict};
use trailseal::internals::verify::{Code, CoverageState, Finding, Interval};

/// Steers terminals, turns text around, hides, forges a line and reaches beyond U+FFFF.
pub(crate) const HOSTILE: &str =
    "a\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{202e}gpj\u{200b}\nVERIFIED: all\r\u{e0041}\u{7f}";
const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const OTHER: &str = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed";

fn t(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(start: u32, end: u32) -> Window {
    let hour = |h: u32| add(t("2023-07-10T00:00:00Z"), hours(i64::from(h)));
    Window::new(hour(start), hour(end))
}

fn interval(window: Window, state: CoverageState, reason: Option<Code>) -> Interval {
    Interval::new(window, state, reason)
}

fn counts(valid: u64, invalid: u64, unchecked: u64) -> Counts {
    let mut counts = Counts::default();
    (counts.valid, counts.invalid, counts.unchecked) = (valid, invalid, unchecked);
    counts
}

/// A chain with counts of its digests and log files.
fn chain(id: ChainId, digests: Counts, logs: Counts, coverage: Vec<Interval>) -> ChainReport {
    let mut chain = ChainReport::new(id);
    (chain.digests, chain.logs, chain.coverage) = (digests, logs, coverage);
    chain
}

fn chain_id(account: &str, region: &str, kind: ChainKind) -> ChainId {
    ChainId {
        bucket: Some(BucketName::parse("audit-logs").unwrap()),
        place: Place {
            prefix: String::new(),
            organization: None,
            account: AccountId::parse(account).unwrap(),
        },
        region: Region::parse(region).unwrap(),
        trail: TrailName::parse("management_events").unwrap(),
        home_region: Region::parse("us-east-1").unwrap(),
        kind,
    }
}

fn proven_chain(account: &str, region: &str) -> ChainReport {
    chain(
        chain_id(account, region, ChainKind::Standard),
        counts(24, 0, 0),
        counts(288, 0, 0),
        vec![interval(day(0, 24), CoverageState::Proven, None)],
    )
}

/// A report over these chains and findings, with sums and a verdict that fit them.
pub(crate) fn report(chains: Vec<ChainReport>, mut findings: Vec<Finding>) -> RunReport {
    Finding::sort(&mut findings);
    let mut totals = Totals::default();
    totals.chains = chains.len() as u64;
    totals.coverage_seconds = CoverageState::ALL.iter().map(|s| (*s, 0)).collect();
    for chain in &chains {
        totals.digests.add(&chain.digests);
        totals.logs.listed.add(&chain.logs);
        for i in &chain.coverage {
            *totals.coverage_seconds.entry(i.state).or_default() += i.window.seconds();
        }
    }
    totals.bytes_read = 12_897_485;
    totals.bytes_hashed = 103_000_000;
    totals.requests = 1_412;
    let states = chains.iter().flat_map(|c| &c.coverage).map(|i| i.state);
    let verdict = Verdict::of(&findings, states);
    let json = json!({
        "schema": SCHEMA,
        // Not the default: committed text must not change with the version.
        "tool": { "name": "trailseal", "version": "0.0.0-test" },
        "scope": {
            "sources": ["evidence/2023-07"],
            "start": day(0, 24).start,
            "end": day(0, 24).end,
            "accounts": [],
            "regions": [],
            "trails": [],
            "logs": true,
        },
        "started": "2023-07-12T08:00:00.25Z",
        "finished": "2023-07-12T08:00:03.5Z",
        "exit_status": verdict.exit_status(),
        "verdict": verdict,
        "totals": totals,
        "chains": [],
        "keys": [{
            "fingerprint": "31e8b5433410dfb61a9dc45cc65b22ff",
            "region": "us-east-1",
            "source": "keys.json",
            "valid_from": "2023-07-01T00:00:00Z",
            "valid_to": "2023-07-31T00:00:00Z",
            "used": true,
        }],
        "findings": [],
        "not_proven": [
            "Anything before the first digest of each chain.",
            "That no digest was deleted from the end of a segment: nothing follows its newest digest.",
        ],
    });
    let mut report: RunReport = serde_json::from_value(json).unwrap();
    (report.chains, report.findings) = (chains, findings);
    report
}

fn verified() -> RunReport {
    let mut east = proven_chain("111122223333", "us-east-1");
    east.coverage = vec![
        interval(day(0, 23), CoverageState::Proven, None),
        interval(day(23, 24), CoverageState::Pending, None),
    ];
    let backfill = chain(
        chain_id("111122223333", "us-east-1", ChainKind::Backfill),
        counts(2, 0, 0),
        counts(3, 0, 0),
        vec![],
    );
    let west = proven_chain("111122223333", "eu-west-1");
    let notice = Finding::new(
        Code::LogUncovered,
        "12 log files of kind CloudTrail-Insight are listed by no digest.",
    )
    .chain(&east.id)
    .object(Some("audit-logs"), "AWSLogs/111122223333/CloudTrail-Insight/us-east-1/");
    report(vec![east, backfill, west], vec![notice])
}

/// A chain that lacks log files, whose digest was altered, and that was interrupted.
pub(crate) fn violation() -> RunReport {
    use CoverageState::{Gap, Proven, Violated};
    let mut id = chain_id("111122223333", "eu-west-1", ChainKind::Standard);
    id.place.prefix = "security/trail/".into();
    id.place.organization = Some(OrganizationId::parse("o-exampleorgid").unwrap());
    let broken = chain(
        id.clone(),
        counts(21, 1, 0),
        counts(250, 3, 0),
        vec![
            interval(day(0, 10), Proven, None),
            interval(day(10, 12), Violated, Some(Code::LogMissing)),
            interval(day(12, 13), Violated, Some(Code::DigestModified)),
            interval(day(13, 18), Proven, None),
            interval(day(18, 20), Gap, Some(Code::ChainGap)),
            interval(day(20, 24), Proven, None),
        ],
    );
    let log = |time: &str, unique: &str| {
        let name = format!("111122223333_CloudTrail_eu-west-1_20230710T{time}Z_{unique}.json.gz");
        format!("{}CloudTrail/eu-west-1/2023/07/10/{name}", id.place)
    };
    let digest = |hour: u32| {
        let ChainId { place, region, trail, home_region, kind, .. } = id.clone();
        let end = day(0, hour).end;
        DigestKey { place, region, trail, home_region, kind, end }.to_string()
    };
    let missing = |time: &str, unique: &str, hour: u32| {
        let message =
            "The log file is missing: a valid digest lists it, and the source has no such object.";
        Finding::new(Code::LogMissing, message)
            .chain(&id)
            .object(Some("audit-logs"), log(time, unique))
            .window(day(hour - 1, hour))
            .referenced_by(digest(hour))
    };
    let findings = vec![
        missing("1015", "7xgocspSowgK0Gto", 11),
        missing("1120", "Qm3aZr91LbYc0TdE", 12),
        Finding::new(
            Code::LogModified,
            "The log file's content does not match the hash value in its digest.",
        )
        .chain(&id)
        .object(Some("audit-logs"), log("1125", "p0VhX2sWnJk8UeRi"))
        .window(day(11, 12))
        .compared(HASH, OTHER)
        .referenced_by(digest(12)),
        Finding::new(
            Code::DigestModified,
            "The signature in the digest's metadata does not match its content.",
        )
        .chain(&id)
        .object(Some("audit-logs"), digest(13))
        .window(day(12, 13))
        .referenced_by(digest(14)),
        Finding::new(Code::ChainGap, "A new segment starts 2 h after the last one ended.")
            .chain(&id)
            .window(day(18, 20)),
        Finding::new(Code::ObjectUnknown, "Unexpected object.")
            .object(Some("audit-logs"), "AWSLogs/111122223333/notes.txt"),
    ];
    report(vec![proven_chain("111122223333", "us-east-1"), broken], findings)
}

/// Hostile text wherever a bucket, a copy or a command line may put it.
pub(crate) fn hostile() -> RunReport {
    let mut id = chain_id("111122223333", "us-east-1", ChainKind::Standard);
    id.place.prefix = format!("team/{HOSTILE}/");
    let state = CoverageState::Violated;
    let chain = chain(
        id.clone(),
        counts(0, 0, 0),
        counts(262, 26, 0),
        vec![interval(day(0, 24), state, Some(Code::LogMissing))],
    );
    let missing = |n| {
        Finding::new(Code::LogMissing, format!("{n} is missing: {HOSTILE}."))
            .chain(&id)
            .object(Some(HOSTILE), format!("{n}/{HOSTILE}"))
            .compared(HOSTILE, HOSTILE)
            .referenced_by(HOSTILE)
    };
    let mut findings: Vec<_> = (10..35).map(missing).collect();
    findings.push(Finding::new(Code::ObjectUnknown, HOSTILE).object(None, HOSTILE));
    let mut report = report(vec![chain], findings);
    report.totals.logs.unreferenced = 1;
    report.scope.sources = vec![HOSTILE.into(), "dir".into()];
    report.scope.accounts = vec![HOSTILE.into()];
    report.scope.regions = vec![HOSTILE.into()];
    report.scope.trails = vec![HOSTILE.into()];
    report.keys[0].source = HOSTILE.into();
    report.not_proven.push(HOSTILE.into());
    report
}

pub(crate) fn incomplete() -> RunReport {
    let mut chain = chain(
        chain_id("111122223333", "us-east-1", ChainKind::Standard),
        counts(22, 0, 2),
        counts(0, 0, 264),
        vec![
            interval(day(0, 22), CoverageState::Proven, None),
            interval(day(22, 24), CoverageState::Unreadable, Some(Code::DigestUnsigned)),
        ],
    );
    chain.bucket = None;
    chain.id.bucket = None;
    let finding = Finding::new(
        Code::DigestUnsigned,
        "The digest's signature is missing, and no valid next digest repeats it.",
    )
    .chain(&chain.id)
    .object(None, "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2023/07/11/newest.json.gz")
    .window(day(22, 24));
    let absent = Finding::new(
        Code::NoDigests,
        "There are no digests of account 444455556666. Nothing is proven.",
    );
    let mut report = report(vec![chain], vec![finding, absent]);
    report.scope.logs = false;
    report.scope.start = None;
    report.scope.accounts = vec!["111122223333".into(), "444455556666".into()];
    report
}

fn nothing_found() -> RunReport {
    let mut report = report(
        vec![],
        vec![Finding::new(
            Code::NoDigests,
            "There are no digests in the source. Nothing is proven.",
        )],
    );
    (report.scope.start, report.scope.end) = (None, None);
    report.keys.clear();
    report.not_proven.clear();
    report
}

/// 1,500 chains of 150 accounts; one chain in fifty lacks a log file.
pub(crate) fn many() -> RunReport {
    let (mut chains, mut findings) = (Vec::new(), Vec::new());
    for n in 0..1500 {
        let mut chain = proven_chain(&format!("{:012}", n / 10), &format!("region-{}", n % 10));
        if n % 50 == 49 {
            chain.logs = counts(287, 1, 0);
            chain.coverage[0] =
                interval(day(0, 24), CoverageState::Violated, Some(Code::LogMissing));
            findings
                .push(Finding::new(Code::LogMissing, "The log file is missing.").chain(&chain.id));
        }
        chains.push(chain);
    }
    report(chains, findings)
}

pub(crate) fn all() -> [(&'static str, RunReport); 6] {
    [
        ("verified", verified()),
        ("violation", violation()),
        ("hostile", hostile()),
        ("incomplete", incomplete()),
        ("nothing-found", nothing_found()),
        ("many", many()),
    ]
}
