//! The HTML report: hostile text stays text, nothing is left out uncounted, the page is safe by
//! its own policy. `tests/peer/html_report.py` opens such pages in a browser.

// Helpers outside of test functions may stop the test too.

use crate::common::samples;
use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};
use trailseal::internals::model::time::{add, hours};
use trailseal::internals::model::{AccountId, Printable, Window};
use trailseal::internals::report::{AcceptedGap, ChainReport, RunReport, Verdict, html};
use trailseal::internals::verify::{Code, CoverageState, Finding, Interval};

// Not `tests/samples.rs`, which would be a test of its own.
mod controls;
use crate::common::samples::{HOSTILE, all, hostile, incomplete, many, report, violation};

fn page(report: &RunReport) -> String {
    let mut out = Vec::new();
    html::render(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn sample(name: &str) -> RunReport {
    all().into_iter().find(|(sample, _)| *sample == name).unwrap().1
}

/// A text as the page holds it.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '<' | '>' | '&' | '"' | '\'' => escaped += &format!("&#{};", u32::from(c)),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The page between its tags, as a reader sees it.
fn words(page: &str) -> String {
    let mut text = String::new();
    for part in page.split('<').skip(1) {
        text += part.split_once('>').unwrap().1;
    }
    text
}

/// Every tag of a page, attributes included.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).map(|part| part.split_once('>').unwrap().0).collect()
}

// ---- hostile text ------------------------------------------------------------------------

const MARKUP: [&str; 7] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg onload=alert(1)>",
    "javascript:alert(1)",
    "</title></style></svg><style>*{display:none}</style>",
    "<!-- ]]> {{ 7*7 }} &lt;b&gt; &#60;i&#62;",
    HOSTILE,
];

/// A report with a text in every place that takes any.
fn all_over(text: &str) -> RunReport {
    let mut chain = hostile().chains.remove(0);
    chain.id.place.prefix = format!("team/{text}/");
    let coverage = chain.coverage;
    let mut chain = ChainReport::new(chain.id);
    chain.coverage = coverage;
    chain.prefix = format!("team/{text}");
    let text = text.to_owned();
    let event = json!({
        "role": "candidate",
        "event": text,
        "time": Timestamp::UNIX_EPOCH,
        "by": text,
        "from": text,
        "id": text,
        "region": text,
        "bucket": text,
        "key": text,
    });
    let mut finding = Finding::new(Code::LogMissing, text.clone())
        .chain(&chain.id)
        .object(Some(&text), text.clone())
        .compared(&text, &text)
        .referenced_by(text.clone());
    finding.events = vec![serde_json::from_value(event).unwrap()];
    let mut report = report(vec![chain], vec![finding]);
    let window = Window::new(Timestamp::UNIX_EPOCH, add(Timestamp::UNIX_EPOCH, hours(1)));
    let scope = &mut report.scope;
    scope.sources = vec![text.clone()];
    scope.accounts = vec![text.clone()];
    scope.regions = vec![text.clone()];
    scope.trails = vec![text.clone()];
    let mut gap = AcceptedGap::new(window, text.clone());
    gap.used = true;
    scope.accepted_gaps = vec![gap];
    report.keys[0].source = text.clone();
    report.ran_by.operator = Some(text.clone());
    report.ran_by.identity = Some(text.clone());
    report.tool.name = text.clone().into();
    report.tool.version = text.clone().into();
    report.not_proven = vec![text];
    report
}

#[test]
fn hostile_text_is_shown_and_changes_no_tag() {
    let plain = page(&all_over("benign"));
    let places = words(&plain).matches("benign").count();
    assert!(places >= 25, "{places}");
    for text in MARKUP {
        let shown = page(&all_over(text));
        assert_eq!(tags(&shown), tags(&plain), "{text}");
        let safe = escaped(&Printable(text).to_string());
        assert_eq!(words(&shown).matches(&safe).count(), places, "{text}");
    }
}

#[test]
fn no_page_holds_what_steers_or_hides() {
    let reports = all().into_iter().map(|(_, report)| report);
    for report in reports.chain(MARKUP.map(all_over)) {
        let shown = page(&report);
        let steering = |c: &char| *c != '\n' && trailseal::internals::model::text::is_steering(*c);
        assert_eq!(shown.chars().find(steering), None);
    }
}

// ---- the page's own safety ---------------------------------------------------------------

#[test]
fn the_policy_allows_this_style_sheet_and_nothing_else() {
    let shown = page(&violation());
    let (_, style) = shown.split_once("<style>").unwrap();
    let (style, _) = style.split_once("</style>").unwrap();
    let hash = STANDARD.encode(Sha256::digest(style.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    );
    let meta =
        format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">", escaped(&policy));
    assert!(shown.contains(&meta));
    // Before anything that it is to hold for.
    assert!(shown.find(&meta).unwrap() < shown.find("<style>").unwrap());
    for address in style.split("url(").skip(1) {
        assert!(address.starts_with("#p"), "{address}");
    }
    assert!(!style.contains("@import"));
}

#[test]
fn nothing_runs_or_loads() {
    for (name, report) in all() {
        let shown = page(&report);
        for tag in tags(&shown) {
            let element = tag.split_whitespace().next().unwrap();
            let loads = ["script", "img", "link", "iframe", "object", "embed", "base", "form"];
            assert!(!loads.contains(&element), "{name}: {tag}");
            // What stands outside of quotes are the names of attributes.
            for attribute in tag.split('"').step_by(2).map(str::trim_start) {
                let runs = attribute.starts_with("on") || attribute.starts_with("style");
                assert!(!runs || attribute == "style", "{name}: {tag}");
            }
            if let Some((_, address)) = tag.split_once("href=\"") {
                assert!(address.starts_with('#') || address.starts_with("https://"), "{tag}");
            }
        }
    }
}

#[test]
fn ids_are_one_and_links_lead_somewhere() {
    for (name, report) in all() {
        let shown = page(&report);
        let of = |mark| shown.split(mark).skip(1).map(|part| part.split('"').next().unwrap());
        let ids: Vec<_> = of(" id=\"").collect();
        let known: BTreeSet<_> = ids.iter().copied().collect();
        assert_eq!(ids.len(), known.len(), "{name}");
        for target in of("href=\"#").chain(of("aria-labelledby=\"")) {
            assert!(known.contains(target), "{name}: {target}");
        }
    }
}

#[test]
fn each_problem_links_its_first_finding() {
    let page = page(&violation());
    let list = page.split_once("<ol class=\"problems\">").unwrap().1.split_once("</ol>").unwrap().0;
    let links: Vec<_> =
        list.split("href=\"#").skip(1).map(|l| l.split_once('"').unwrap().0).collect();
    assert_eq!(links.len(), 4, "{list}");
    for (link, problem) in links.iter().zip(trailseal::internals::report::problems(&violation())) {
        let shown = page.split_once(&format!("id=\"{link}\"")).unwrap().1;
        let shown = shown.split_once("</li>").unwrap().0;
        let key = problem.key.map_or(escaped(&problem.message), |key| escaped(&key));
        assert!(shown.contains(&key), "{link}: {shown}");
    }
    // What a limit leaves out is linked by its code.
    let missing = (0..300).map(|n| Finding::new(Code::LogMissing, format!("{n} is gone.")));
    let mut findings: Vec<_> = missing.collect();
    let chain = violation().chains.remove(0);
    let other = Finding::new(Code::LogMissing, "Of a chain.").chain(&chain.id);
    findings.push(other);
    let page = super::html::page(&report(vec![chain], findings));
    assert!(page.contains("href=\"#finding-1\"") && page.contains("id=\"finding-1\""), "{page}");
}

#[test]
fn what_to_do_is_said_beside_the_problem_and_once() {
    let page = page(&many());
    assert_eq!(page.matches("<b>Next:</b> Find out who deleted it").count(), 1);
    let one = super::html::page(&violation());
    assert!(one.matches("<b>Next:</b>").count() >= 3, "{one}");
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    for (name, report) in all() {
        assert_eq!(page(&report), page(&report.clone()), "{name}");
    }
}

// ---- what the page says ------------------------------------------------------------------

#[test]
fn everything_is_on_the_page() {
    for (name, report) in all() {
        let shown = page(&report);
        let has = |text: &str| {
            let text = escaped(&Printable(text).to_string());
            assert!(shown.contains(&text), "{name}: {text}");
        };
        for finding in &report.findings {
            has(finding.code.as_str());
            has(finding.code.remedy());
        }
        for chain in &report.chains {
            let id = &chain.id;
            has(&format!("account {}, {}, trail {}", id.place.account, id.region, id.trail));
            has(&chain.prefix);
        }
        for key in &report.keys {
            has(&key.fingerprint.to_string());
            has(&key.source);
        }
        report.not_proven.iter().for_each(|sentence| has(sentence));
        report.scope.sources.iter().for_each(|source| has(source));
        has(&report.exit_status.to_string());
        has(&report.started.to_string());
    }
}

#[test]
fn findings_tell_all_that_they_hold() {
    let mut report = violation();
    let event = json!({
        "role": "explains",
        "event": "StopLogging",
        "time": "2023-07-10T17:59:00Z",
        "by": "arn:aws:iam::111122223333:user/eve",
        "from": "192.0.2.7",
        "id": "an-event",
        "region": "eu-west-1",
        "bucket": "audit-logs",
        "key": "the/log.json.gz",
    });
    report.findings[2].events = vec![serde_json::from_value(event).unwrap()];
    let shown = words(&page(&report));
    for finding in &report.findings {
        let texts = [&finding.key, &finding.expected, &finding.actual, &finding.referenced_by];
        for text in texts.into_iter().flatten().chain([&finding.message]) {
            assert!(shown.contains(&escaped(text)), "{text}");
        }
        if let (Some(start), Some(end)) = (finding.start, finding.end) {
            assert!(shown.contains(&format!("{start} to {end} (UTC)")));
        }
    }
    let event = "StopLogging by arn:aws:iam::111122223333:user/eve from 192.0.2.7, 2023-07-10T17:59:00Z (UTC), eu-west-1, event an-event";
    assert!(shown.contains("Explained by") && shown.contains(event));
    assert!(shown.contains("audit-logs/the/log.json.gz"));
    let order = ["log-missing", "digest-modified", "chain-gap", "object-unknown"];
    let (_, findings) = shown.split_once("Findings by severity and code").unwrap();
    let remedies = findings.matches(Code::LogMissing.remedy()).count();
    assert_eq!(remedies, 1, "once a code");
    let places = order.map(|code| findings.find(code).unwrap());
    assert!(places.is_sorted(), "the worst first: {places:?}");
}

#[test]
fn the_verdict_and_who_ran_it_are_told() {
    let cases =
        [("verified", "VERIFIED"), ("violation", "VIOLATION"), ("incomplete", "INCOMPLETE")];
    for (name, word) in cases {
        let shown = page(&sample(name));
        assert!(shown.contains(&format!("<h1 id=\"verdict-word\">{word}</h1>")), "{name}");
        for label in ["Operator", "Identity", "Grace"] {
            assert!(shown.contains(&format!("<dt>{label}</dt><dd>not stated</dd>")), "{label}");
        }
        assert!(!shown.contains("was interrupted"));
    }
    let mut report = incomplete();
    report.exit_status = 130;
    report.ran_by.operator = Some("Internal audit".into());
    let shown = page(&report);
    assert!(shown.contains("was interrupted"));
    assert_eq!(words(&shown).matches("Internal audit").count(), 2);
}

/// The strips of a page: of each, the classes of its parts.
fn strips(page: &str) -> Vec<Vec<&str>> {
    let strips = page.split("<svg class=\"strip\"").skip(1);
    let parts = strips.map(|strip| strip.split("</svg>").next().unwrap());
    parts
        .map(|strip| {
            let rects = strip.split("<rect class=\"").skip(1);
            rects.map(|rect| rect.split('"').next().unwrap()).collect()
        })
        .collect()
}

#[test]
fn the_timeline_shows_states_in_order_and_the_worst_chain_first() {
    let shown = page(&violation());
    assert_eq!(strips(&shown), [vec!["p", "v", "p", "g", "p"], vec!["p"]]);
    assert!(shown.contains("Each cell is 1 hour"));
    let title = "<title>gap: 2023-07-10T18:00:00Z to 2023-07-10T20:00:00Z (2 h, chain-gap)</title>";
    assert!(shown.contains(title));
    // Two reasons of one state are one stretch, and the words tell them apart.
    assert!(shown.contains("<title>violated: 3 h in 2 ranges, "));
    assert!(
        words(&shown)
            .contains("2023-07-10T12:00:00Z to 2023-07-10T13:00:00Z (1 h, digest-modified)")
    );
    // For whoever does not see it.
    assert!(shown.contains("aria-label=\"No. 2: proven 19 h, violated 3 h, gap 2 h\""));
}

#[test]
fn many_times_stand_behind_a_summary_that_sums_them_up() {
    let summary = "<summary>Times in words: proven 19 h, violated 3 h, gap 2 h</summary>";
    let shown = page(&violation());
    assert_eq!(shown.matches(summary).count(), 1);
    assert_eq!(shown.matches("<summary>Times in words").count(), 1, "one range needs none");
    // At most twenty ranges of a state, and the others are counted.
    let shown = page(&alternating(1));
    assert_eq!(shown.matches("<li>2025-").count(), 6 * 20);
    assert_eq!(shown.matches("41 more in the JSON report and in the coverage table").count(), 5);
}

#[test]
fn a_chain_that_says_nothing_of_its_time_is_told_so() {
    let mut report = sample("verified");
    report.chains[2].coverage.clear();
    report.verdict = Verdict::Incomplete;
    let shown = words(&page(&report));
    assert!(shown.contains("no digest covers any of the requested time"));
    assert!(shown.contains("covers no time of its own"), "the backfill chain");
    assert!(words(&page(&sample("nothing-found"))).contains("No chains."));
}

// ---- limits ------------------------------------------------------------------------------

#[test]
fn wholly_proven_chains_are_grouped_where_there_are_many() {
    let report = many();
    let shown = page(&report);
    let text = words(&shown);
    assert!(text.contains("1,470 chains are proven"));
    assert!(text.contains("50 more accounts with wholly proven chains"));
    // Those not proven, then up to ten for each of a hundred accounts.
    let (one_by_one, grouped) = shown.split_once("Fully proven, by account").unwrap();
    assert_eq!(strips(one_by_one), vec![vec!["v"]; 30]);
    let proven = report.chains.iter().filter(|c| c.coverage[0].state == CoverageState::Proven);
    let first = proven.filter(|c| c.account < AccountId::parse("000000000100").unwrap()).count();
    assert_eq!(strips(grouped), vec![vec!["p"]; first]);
    assert_eq!(shown.matches("<details class=\"account\">").count(), 100);
}

#[test]
fn what_a_limit_leaves_out_is_counted() {
    // Of one chain twenty of a code.
    let shown = words(&page(&hostile()));
    // And once in the verdict's box.
    assert_eq!(shown.matches(" is missing: ").count(), 20 + 1);
    assert!(shown.contains("5 more of log-missing: see the JSON report or the table of findings"));

    // Two hundred of a code, and a chain that lost everything does not crowd out the others.
    let chains = many().chains;
    let lost = |chain: &ChainReport, n: usize| {
        Finding::new(Code::LogMissing, format!("lost {n} of {}", chain.id)).chain(&chain.id)
    };
    let mut findings: Vec<_> = (0..500).map(|n| lost(&chains[0], n)).collect();
    findings.extend(chains.iter().skip(1).take(400).map(|chain| lost(chain, 0)));
    let mut report = report(chains, findings);
    report.scope.accounts = (0..1500).map(|n| n.to_string()).collect();
    report.keys = vec![report.keys[0].clone(); 6000];
    let shown = words(&page(&report));
    assert_eq!(shown.matches("lost ").count(), 200 + 8, "eight of them in the verdict's box");
    assert!(shown.contains(&format!("lost 0 of {}", report.chains[150].id)));
    assert!(shown.contains("700 more of log-missing"));
    // 401 chains that lost something, 22 others that are violated, and 100 are shown.
    assert!(shown.contains("323 more chains that are not wholly proven"));
    assert!(shown.contains("500 more in the JSON report"), "accounts");
    assert!(shown.contains("1,000 more in the JSON report"), "keys");
    assert!(shown.contains("5,980 more below"), "keys that were used");
}

/// Chains that are in another state each day, for a year.
fn alternating(chains: usize) -> RunReport {
    let start: Timestamp = "2025-01-01T00:00:00Z".parse().unwrap();
    let mut report = many();
    report.chains.truncate(chains);
    for (number, chain) in report.chains.iter_mut().enumerate() {
        let day = |day: usize| add(start, hours(24 * i64::try_from(day).unwrap()));
        chain.coverage = (0..365)
            .map(|n| {
                let state = CoverageState::ALL[(n + number) % 6];
                Interval::new(Window::new(day(n), day(n + 1)), state, None)
            })
            .collect();
    }
    (report.scope.start, report.scope.end) = (None, None);
    report
}

#[test]
fn a_page_does_not_grow_with_what_nobody_could_read() {
    let size = |report: &RunReport| page(report).len();
    // The table of all chains grows, and nothing else.
    let (some, more) = (size(&alternating(200)), size(&alternating(1000)));
    assert!(more < 9_000_000, "{more}");
    assert!(more - some < 800 * 1200, "{}", more - some);
    let shown = page(&alternating(1000));
    assert!(shown.contains("Each cell is 1 day"));
    assert_eq!(strips(&shown).len(), 100);
    assert_eq!(strips(&shown)[0].len(), 365);

    let finding = |n: usize| Finding::new(Code::LogMissing, format!("number {n:05} is gone"));
    let of = |n: usize| {
        let chains = sample("verified").chains;
        let finding = |n: usize| finding(n).chain(&chains[n % 3].id);
        report(chains.clone(), (0..n).map(finding).collect())
    };
    let (some, more) = (size(&of(1000)), size(&of(20_000)));
    assert!(more.abs_diff(some) < 100, "{some} {more}");
}
