use super::*;
use crate::model::{DigestKey, LogKey};
use crate::verify::events::Event;

fn t(hour: i64, minute: i64) -> Timestamp {
    let start: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    add(start, minutes(60 * hour + minute))
}

fn chain_of(trail: &str, organization: &str, region: &str) -> ChainId {
    let key = format!(
        "AWSLogs/{organization}111122223333/CloudTrail-Digest/{region}/2026/03/01/111122223333_CloudTrail-Digest_{region}_{trail}_us-east-1_20260301T010000Z.json.gz"
    );
    DigestKey::parse(&key).unwrap().chain(None)
}

fn chain(organization: &str, region: &str) -> ChainId {
    chain_of("audit", organization, region)
}

/// An event of the trail `audit`, which another trail recorded, too: the two differ in nothing.
fn evidence(name: &'static str, time: Timestamp) -> Evidence {
    let key = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/111122223333_CloudTrail_us-east-1_20260301T0020Z_AAAAAAAAAAAAAAAA.json.gz";
    Evidence {
        event: Event {
            name,
            effect: Effect::Trail,
            time,
            region: "us-east-1".into(),
            by: None,
            from: None,
            id: None,
            trail: Some("audit".into()),
            validates: None,
            all_regions: None,
            bucket: None,
            key: None,
        },
        bucket: "b".into(),
        key: LogKey::parse(key).unwrap(),
        chain: chain_of("witness", "", "us-east-1"),
        listed_in: Window::new(time, add(time, hours(1))),
    }
}

fn update(validates: bool, time: Timestamp) -> Evidence {
    let mut e = evidence("UpdateTrail", time);
    e.event.validates = Some(validates);
    e
}

fn create(time: Timestamp) -> Evidence {
    let mut e = evidence("CreateTrail", time);
    e.event.validates = Some(true);
    e
}

fn all_regions(covers: bool, time: Timestamp) -> Evidence {
    let mut e = evidence("UpdateTrail", time);
    e.event.all_regions = Some(covers);
    e
}

fn stop(time: Timestamp) -> Evidence {
    evidence("StopLogging", time)
}

fn start(time: Timestamp) -> Evidence {
    evidence("StartLogging", time)
}

/// A letter for each gap: Explained, explained in Part, unexplained with a Reason, or `-`.
fn read(chain: &ChainId, gaps: &[Window], evidence: &[Evidence]) -> String {
    letters(&read_gaps(chain, gaps, evidence, None, &|_| None))
}

fn letters(readings: &[GapReading<'_>]) -> String {
    let letter = |reading: &GapReading<'_>| match reading {
        GapReading::Interrupted { lost: None, .. } => 'E',
        GapReading::Interrupted { .. } => 'P',
        GapReading::Unexplained(Some(_)) => 'R',
        GapReading::Unexplained(None) => '-',
    };
    readings.iter().map(letter).collect()
}

/// From noon to five past eight in the evening.
fn long() -> Window {
    Window::new(t(12, 0), t(20, 5))
}

fn explained(chain: &ChainId, evidence: &[Evidence]) -> bool {
    read(chain, &[long()], evidence) == "E"
}

fn stop_and_start() -> [Evidence; 2] {
    [stop(t(11, 20)), start(t(20, 4))]
}

#[test]
fn a_stop_before_and_a_start_after_explain_a_gap() {
    let chain = chain("", "us-east-1");
    assert!(explained(&chain, &stop_and_start()));
    let [stop, start] = stop_and_start();
    assert!(explained(&chain, &[start.clone(), stop.clone()]), "in any order");
    assert!(explained(&chain, &[evidence("DeleteTrail", t(11, 20)), start.clone()]));
    assert!(explained(&chain, &[update(false, t(11, 20)), update(true, t(20, 4))]));
    assert!(!explained(&chain, &[update(false, t(11, 20)), start.clone()]), "still not validating");
    assert!(!explained(&chain, std::slice::from_ref(&start)));
    assert!(!explained(&chain, &[stop]));
}

#[test]
fn the_times_must_fit_the_ends_of_the_segments() {
    let chain = chain("", "us-east-1");
    for (stopped, started, expected) in [
        (t(9, 0), t(20, 4), "E"),
        (t(8, 59), t(20, 4), "-"),
        (t(12, 5), t(20, 4), "E"),
        (t(12, 6), t(20, 4), "P"),
        (t(15, 0), t(20, 4), "P"),
        (t(11, 20), t(19, 5), "E"),
        (t(11, 20), t(19, 4), "R"), // an hour of digests is gone since
        (t(11, 20), t(21, 5), "E"),
        (t(11, 20), t(21, 6), "-"),
    ] {
        let both = [stop(stopped), start(started)];
        assert_eq!(read(&chain, &[long()], &both), expected, "{stopped} {started}");
    }
}

#[test]
fn what_lies_between_the_last_digest_and_the_stop_is_no_part_of_it() {
    let gap = Window::new(t(9, 0), t(20, 0));
    let both = [stop(t(11, 50)), start(t(20, 4))];
    let chain = chain("", "us-east-1");
    let readings = read_gaps(&chain, &[gap], &both, None, &|_| None);
    let [GapReading::Interrupted { end, begin, lost: Some(lost) }] = readings.as_slice() else {
        panic!("{readings:?}");
    };
    assert_eq!(*lost, Window::new(t(9, 0), t(11, 50)));
    let mut finding = Finding::new(Code::ChainGap, "").window(gap);
    let open = describe_interruption(&mut finding, end, begin, Some(*lost)).unwrap();
    assert_eq!((open.severity, open.of_time()), (Severity::Incomplete, Some(*lost)));
    assert_eq!(finding.severity, Severity::Notice);
    assert_eq!(finding.of_time(), Some(Window::new(t(11, 50), t(20, 0))));
}

#[test]
fn another_segment_between_the_two_is_not_explained_away() {
    let chain = chain("", "us-east-1");
    let with =
        |more: &[Evidence]| read(&chain, &[long()], &[stop_and_start().as_slice(), more].concat());
    let between = [start(t(14, 0)), stop(t(14, 30))];
    assert_eq!(with(&between), "R");
    assert_eq!(with(&[update(false, t(13, 0)), update(true, t(13, 30))]), "E", "never under way");
    assert_eq!(with(&[update(true, t(13, 0))]), "E", "stopped all the while");
    assert_eq!(with(&[stop(t(11, 30)), stop(t(14, 0))]), "E", "stopped once more");
    assert_eq!(with(&[start(t(11, 10))]), "E", "it was under way");
    assert_eq!(with(&[start(t(20, 30))]), "E", "it was under way again");
    // Started again before the gap and long before the segment: no digests of that time are there.
    assert_eq!(with(&[start(t(11, 30))]), "R");
    // A short one between two short interruptions, within a few minutes.
    let minutes = [stop(t(12, 0)), start(t(12, 4)), stop(t(12, 9)), start(t(12, 13))];
    assert_eq!(read(&chain, &[Window::new(t(12, 0), t(12, 13))], &minutes), "R");
    let both = [Window::new(t(12, 0), t(12, 4)), Window::new(t(12, 9), t(12, 13))];
    assert_eq!(read(&chain, &both, &minutes), "EE", "its digests are there");
    // One of no length absorbs its interruption.
    let empty = Window::new(t(12, 4), t(12, 4));
    assert_eq!(read(&chain, &[empty, both[1]], &minutes), "EE");
    let created = [
        evidence("DeleteTrail", t(11, 20)),
        create(t(14, 0)),
        evidence("DeleteTrail", t(14, 30)),
        create(t(20, 4)),
    ];
    assert_eq!(read(&chain, &[long()], &created), "R", "created, perhaps started, deleted");
}

#[test]
fn a_short_interruption_is_explained_however_short() {
    let chain = chain("", "us-east-1");
    for seconds in [0, 1, 20, 120, 300, 600, 840] {
        let (stopped, started) =
            (t(12, 10), add(t(12, 10), jiff::SignedDuration::from_secs(seconds)));
        let both = [start(started), stop(stopped)];
        for gap in [
            Window::new(stopped, started),
            Window::new(t(12, 20), t(12, 30)),
            Window::new(t(13, 0), t(13, 5)),
            Window::new(t(12, 10), t(13, 0)),
        ] {
            assert_eq!(read(&chain, &[gap], &both), "E", "{seconds} {gap:?}");
        }
    }
}

#[test]
fn gaps_near_each_other_need_an_interruption_each() {
    let chain = chain("", "us-east-1");
    let gaps = [Window::new(t(12, 0), t(13, 0)), Window::new(t(14, 0), t(15, 0))];
    let events = [stop(t(11, 50)), start(t(13, 1)), stop(t(13, 50)), start(t(15, 1))];
    assert_eq!(read(&chain, &gaps, &events), "EE");
    assert_eq!(read(&chain, &gaps, &events[..2]), "E-");
    assert_eq!(read(&chain, &gaps, &events[2..]), "-E");
    assert_eq!(read(&chain, &gaps[..1], &events), "E", "stopped again after the new segment began");
    let far = [gaps[0], Window::new(t(40, 0), t(41, 0))];
    let events = [stop(t(11, 50)), start(t(13, 1)), stop(t(39, 50)), start(t(41, 1))];
    assert_eq!(read(&chain, &far, &events), "EE");
    assert_eq!(read(&chain, &far, &events[2..]), "-E");
}

#[test]
fn what_may_be_unknown_explains_nothing() {
    let chain = chain("", "us-east-1");
    let doubt = |_: Window| Some("x".to_owned());
    let both = stop_and_start();
    assert_eq!(letters(&read_gaps(&chain, &[long()], &both, None, &doubt)), "R");
    assert_eq!(letters(&read_gaps(&chain, &[long()], &[], None, &doubt)), "R");
}

#[test]
fn a_stop_that_the_trail_itself_recorded_comes_with_its_last_digest() {
    let here = chain("", "us-east-1");
    let own = |mut e: Evidence, listed_in: Window| {
        (e.chain, e.listed_in) = (here.clone(), listed_in);
        e
    };
    let last = Window::new(t(11, 0), t(12, 0));
    let next = Window::new(t(20, 5), t(21, 5));
    let [stop, start] = stop_and_start();
    assert_eq!(read(&here, &[long()], &[own(stop.clone(), last), own(start.clone(), next)]), "E");
    // The trail records what is done to it, and the log file with the stop is not among its own.
    assert_eq!(read(&here, &[long()], &[stop.clone(), own(start.clone(), next)]), "R");
    assert_eq!(read(&here, &[long()], &[own(stop.clone(), next), own(start.clone(), next)]), "R");
    let twice = [stop.clone(), own(stop.clone(), last), start.clone(), own(start.clone(), next)];
    assert_eq!(read(&here, &[long()], &twice), "E", "two trails recorded both");
    // Elsewhere, and for a trail of data events, only the time tells.
    assert_eq!(read(&chain("", "eu-west-1"), &[long()], &[stop.clone(), own(start, next)]), "E");
}

#[test]
fn a_trail_of_one_region_ends_its_chains_elsewhere() {
    let events = [all_regions(false, t(11, 20)), all_regions(true, t(20, 4))];
    assert_eq!(read(&chain("", "eu-west-1"), &[long()], &events), "E");
    assert_eq!(read(&chain("", "us-east-1"), &[long()], &events), "-");
}

#[test]
fn the_trail_is_told_by_name_home_region_and_account() {
    let here = chain("", "us-east-1");
    let of = |named: &str, region: &str, chain: &ChainId| {
        let both = stop_and_start().map(|mut e| {
            e.event.trail = Some(named.to_owned());
            e.event.region = region.to_owned();
            e
        });
        explained(chain, &both)
    };
    let arn = "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit";
    assert!(of(arn, "eu-west-1", &here));
    assert!(of("audit", "us-east-1", &chain("", "eu-west-1")), "a trail of all regions");
    assert!(!of("audit", "eu-west-1", &here), "a trail of that name in another region");
    for other in [
        "audit2",
        "",
        "arn:aws:cloudtrail:eu-west-1:111122223333:trail/audit",
        "arn:aws:cloudtrail:us-east-1:444455556666:trail/audit",
        "arn:aws:cloudtrail:us-east-1:111122223333:channel/audit",
        "arn:aws",
    ] {
        assert!(!of(other, "us-east-1", &here), "{other}");
    }
}

#[test]
fn an_organizations_trail_is_its_management_accounts() {
    fn account(id: &str) -> AccountId {
        AccountId::parse(id).unwrap()
    }
    let chain = chain("o-abc1234567/", "us-east-1");
    let by = |id: &str, named: &str| {
        stop_and_start().map(|mut e| {
            e.key.place.account = account(id);
            e.event.trail = Some(named.to_owned());
            e
        })
    };
    let of = |evidence: &[Evidence], management: Option<&str>| {
        let management = management.map(account);
        letters(&read_gaps(&chain, &[long()], evidence, management.as_ref(), &|_| None)) == "E"
    };
    let arn = "arn:aws:cloudtrail:us-east-1:444455556666:trail/audit";
    let own = by("444455556666", arn);
    assert!(of(&own, Some("444455556666")));
    assert!(of(&by("444455556666", "audit"), Some("444455556666")));
    // A member account has a trail of that name.
    assert!(!of(&by("111122223333", "audit"), Some("444455556666")));
    assert!(!of(&by("111122223333", arn), Some("444455556666")));
    assert!(!of(&own, None), "nobody said which account manages");
    // An account that administers for it started the trail in between.
    let mut between = start(t(14, 0));
    between.key.place.account = account("777788889999");
    between.event.trail = Some(arn.to_owned());
    assert!(!of(&[own.as_slice(), &[between]].concat(), Some("444455556666")));
}

/// What a chain that ends at noon comes to: Ended, ended later (and how much of it is Lost), `-`.
fn ended(evidence: &[Evidence]) -> String {
    let chain = chain("", "us-east-1");
    let ending = read_end(&chain, t(12, 0), evidence, None);
    ending.map_or("-".to_owned(), |ending| match ending.lost {
        None => "E".to_owned(),
        Some(lost) => format!("L{}", lost.seconds() / 60),
    })
}

#[test]
fn a_chain_is_ended_by_an_event_that_nothing_follows() {
    let end = stop(t(11, 50));
    assert_eq!(ended(std::slice::from_ref(&end)), "E");
    assert_eq!(ended(&[evidence("DeleteTrail", t(11, 50))]), "E");
    assert_eq!(ended(&[update(false, t(10, 30))]), "E", "one more digest follows");
    assert_eq!(ended(&[stop(t(12, 5))]), "E");
    assert_eq!(ended(&[stop(t(14, 0))]), "L120");
    assert_eq!(ended(&[]), "-");
    assert_eq!(ended(&[stop(t(8, 59))]), "-", "digests came for hours after it");
    assert_eq!(ended(&[end.clone(), start(t(11, 55))]), "-");
    assert_eq!(ended(&[end.clone(), start(t(15, 0))]), "-", "it began again");
    assert_eq!(ended(&[end.clone(), start(t(15, 0)), stop(t(16, 0))]), "-");
    assert_eq!(ended(&[end.clone(), create(t(15, 0))]), "E", "no change");
    let deleted = [evidence("DeleteTrail", t(11, 50)), create(t(15, 0))];
    assert_eq!(ended(&deleted), "-", "created anew");
    assert_eq!(ended(&[end.clone(), evidence("DeleteTrail", t(30, 0))]), "E", "stopped, deleted");
    assert_eq!(ended(&[stop(t(10, 0)), start(t(10, 5)), end]), "E", "an interruption before");
    assert_eq!(ended(&[all_regions(false, t(11, 50))]), "-", "this region stays");
    let elsewhere = chain("", "eu-west-1");
    let taken = [all_regions(false, t(11, 50))];
    assert!(read_end(&elsewhere, t(12, 0), &taken, None).is_some());
}

#[test]
fn an_end_tells_who_and_leaves_what_was_due_before_it() {
    let chain = chain("", "us-east-1");
    let truncated = || {
        Finding::new(Code::ChainTruncated, "cut off")
            .chain(&chain)
            .window(Window::new(t(12, 0), t(40, 0)))
    };
    let events = [stop(t(14, 0))];
    let ending = read_end(&chain, t(12, 0), &events, None).unwrap();
    let mut finding = truncated();
    let lost = describe_end(&mut finding, &ending).unwrap();
    assert_eq!(lost.severity, Severity::Violation);
    assert_eq!(lost.of_time(), Some(Window::new(t(12, 0), t(14, 0))));
    assert_eq!(finding.severity, Severity::Incomplete);
    assert_eq!(finding.of_time(), Some(Window::new(t(14, 0), t(40, 0))));
    assert!(finding.message.contains("StopLogging"), "{}", finding.message);
    let events = [stop(t(11, 50))];
    let mut finding = truncated();
    let ending = read_end(&chain, t(12, 0), &events, None).unwrap();
    assert_eq!(describe_end(&mut finding, &ending), None);
    assert_eq!(finding.of_time(), truncated().of_time());
}

#[test]
fn an_accepted_end_is_that_of_the_newest_digest() {
    let accepted = |time| is_accepted_end(t(12, 0), time);
    assert!(accepted(t(12, 0)) && accepted(t(9, 0)) && accepted(t(12, 59)));
    assert!(!accepted(t(8, 59)), "digests came after it");
    assert!(!accepted(t(13, 0)), "a digest before it is gone");
    let chain = chain("", "us-east-1");
    let after = |e: &[Evidence]| went_on(&chain, t(12, 0), e, None);
    assert!(after(&[stop(t(11, 50)), start(t(13, 0))]));
    assert!(!after(&[stop(t(11, 50))]) && !after(&[stop(t(11, 0)), start(t(11, 5))]));
}

#[test]
fn a_gap_says_whether_it_was_recorded() {
    let message = |end: &Evidence| {
        let mut finding = Finding::new(Code::ChainGap, "").window(long());
        assert_eq!(describe_interruption(&mut finding, end, &start(t(20, 4)), None), None);
        finding.message
    };
    assert!(message(&stop(t(11, 50))).contains("were not recorded"));
    let off = message(&update(false, t(11, 50)));
    assert!(off.contains("were recorded, but no digest covers"), "{off}");
}

#[test]
fn candidates_are_of_the_object_first_then_of_the_bucket() {
    let bucket_event = |name, key: Option<&str>, hour| {
        let mut e = evidence(name, t(hour, 0));
        e.event.effect = Effect::Bucket;
        e.event.bucket = Some("audit-logs".into());
        e.event.key = key.map(str::to_owned);
        e
    };
    let evidence = [
        bucket_event("PutBucketLifecycle", None, 3),
        bucket_event("DeleteObject", Some("k"), 1),
        bucket_event("DeleteObject", Some("other"), 2),
        bucket_event("PutBucketPolicy", None, 4),
        evidence("StopLogging", t(2, 0)),
    ];
    let names = |code, bucket| {
        let mut finding = Finding::new(code, "gone").object(Some(bucket), "k");
        finding.chain = Some(chain("", "us-east-1"));
        candidates(&finding, &evidence).iter().map(|e| e.event.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        names(Code::LogMissing, "audit-logs"),
        ["DeleteObject", "PutBucketPolicy", "PutBucketLifecycle"]
    );
    assert!(names(Code::LogMissing, "another").is_empty());
    assert_eq!(names(Code::ChainTruncated, "another"), ["StopLogging"]);
}
