//! The scope of a run, its operator, and its totals.

use super::entries::{ENTRIES, LabelledRow};
use crate::model::Printable;
use crate::report::wording::{self, count, counted, duration, span};
use crate::report::{AcceptedGap, RunReport, Unreferenced};

/// Most used keys that are shown beside the scope.
const KEYS: usize = 20;

pub(super) fn totals(report: &RunReport) -> Vec<LabelledRow> {
    let totals = &report.totals;
    vec![
        LabelledRow::new("Findings", wording::tally(&report.findings)),
        LabelledRow::new("Chains", count(totals.chains)),
        LabelledRow::new("Chain time", wording::chain_time(report)),
        LabelledRow::new("Digests", wording::counts(&totals.digests)),
        LabelledRow::new("Log files", wording::log_files(report)),
    ]
}

pub(super) fn scope(report: &RunReport) -> Vec<LabelledRow> {
    let scope = &report.scope;
    let mut rows = vec![
        names("Sources", &scope.sources, "none"),
        LabelledRow::new("Requested time", wording::time_asked(scope)),
        names("Accounts", &scope.accounts, "all"),
        names("Regions", &scope.regions, "all"),
        names("Trails", &scope.trails, "all"),
        LabelledRow::new("Log files", wording::logs_checked(scope)),
        LabelledRow::new("Unreferenced log files", unreferenced(scope.unreferenced)),
    ];
    for left_out in [&scope.excluded_accounts, &scope.excluded_regions] {
        if !left_out.is_empty() {
            rows.push(names("Left out", left_out, "none"));
        }
    }
    if let Some(account) = &scope.management_account {
        rows.push(LabelledRow::new("Management account", Printable(account.as_str()).to_string()));
    }
    rows.push(LabelledRow::new(
        "Grace",
        scope.grace_seconds.map_or("not stated".to_owned(), duration),
    ));
    rows.push(match scope.as_of {
        Some(time) => LabelledRow::new("Reference time", format!("{time} (UTC)")),
        None => LabelledRow::new("Reference time", "the newest digest of the copy"),
    });
    let accepted = scope.accepted_gaps.iter().map(|accepted| {
        let AcceptedGap { window, reason, used } = accepted;
        let used = if *used { "" } else { " (not used: no such gap)" };
        Printable(&format!("{}: {reason}{used}", span(window.start, window.end))).to_string()
    });
    rows.push(LabelledRow { label: "Accepted gaps", lines: cut(accepted, "none"), names: false });
    if !scope.accepted_ends.is_empty() {
        let ends = scope.accepted_ends.iter().map(|end| Printable(&end.line()).to_string());
        rows.push(LabelledRow { label: "Accepted ends", lines: cut(ends, "none"), names: false });
    }
    rows
}

pub(super) fn run(report: &RunReport) -> Vec<LabelledRow> {
    let told = |text: &Option<String>| match text {
        Some(text) => Printable(text).to_string(),
        None => "not stated".to_owned(),
    };
    let (name, version) = (Printable(&report.tool.name), Printable(&report.tool.version));
    let used: Vec<_> = report.keys.iter().filter(|key| key.used).collect();
    let given = count(report.keys.len() as u64);
    let mut keys = vec![format!("{} of {given} used", count(used.len() as u64))];
    keys.extend(used.iter().take(KEYS).map(|key| {
        let (region, source) = (wording::key_region(key), Printable(&key.source));
        format!("{}, {region}, from {source}", key.fingerprint)
    }));
    if used.len() > KEYS {
        keys.push(format!("{} more below", count((used.len() - KEYS) as u64)));
    }
    vec![
        LabelledRow::new("Operator", told(&report.ran_by.operator)),
        LabelledRow::new("Identity", told(&report.ran_by.identity)),
        LabelledRow::new("Started", format!("{} (UTC)", report.started)),
        LabelledRow::new(
            "Finished",
            format!("{} (UTC), took {}", report.finished, wording::took(report)),
        ),
        LabelledRow::new("Tool", format!("{name} {version}")),
        LabelledRow::new("Exit status", report.exit_status.to_string()),
        LabelledRow::new("Read", wording::read(report)),
        LabelledRow { label: "Public keys", lines: keys, names: false },
    ]
}

fn names(label: &'static str, all: &[String], none: &str) -> LabelledRow {
    let shown = all.iter().map(|name| Printable(name).to_string());
    LabelledRow { label, lines: cut(shown, none), names: !all.is_empty() }
}

/// The lines of a list, with a last one for what the limit leaves out.
fn cut(all: impl ExactSizeIterator<Item = String>, none: &str) -> Vec<String> {
    let more = all.len().saturating_sub(ENTRIES);
    let mut lines: Vec<_> = all.take(ENTRIES).collect();
    if lines.is_empty() {
        lines.push(none.to_owned());
    }
    if more > 0 {
        lines.push(format!("{} in the JSON report", counted(more as u64, "more", "more")));
    }
    lines
}

const fn unreferenced(weight: Unreferenced) -> &'static str {
    match weight {
        Unreferenced::Violation => "count as violations",
        Unreferenced::Notice => "are a notice (--unreferenced notice)",
        Unreferenced::Ignore => "are only counted (--unreferenced ignore)",
    }
}
