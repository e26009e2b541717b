//! Summary of the problems of a run, in a phrase.

use super::wording::{
    chains_touched, count, counted, counted_noun, meaning, proven_share, qualified,
};
use super::{Problem, RunReport, Verdict};
use crate::verify::Code;

/// Summary of a run's problems: a phrase without a full stop.
pub(super) fn headline(report: &RunReport, problems: &[Problem]) -> String {
    let totals = &report.totals;
    let chains = counted(totals.chains, "chain", "chains");
    if problems.is_empty() {
        let good = match report.verdict {
            Verdict::Verified if report.scope.logs => format!(
                "{chains}, {} and {} intact, signed and linked; {}",
                counted(totals.digests.valid, "digest", "digests"),
                counted(totals.logs.listed.valid, "log file", "log files"),
                proven_share(report),
            ),
            _ => format!("{}; {}", meaning(report), proven_share(report)),
        };
        return good + &qualified(report);
    }
    let touched = chains_touched(report);
    let place = match touched {
        0 => String::new(),
        n => format!(" in {} of {chains}", count(n)),
    };
    format!(
        "{}{place}: {}; {}",
        counted(problems.len() as u64, "problem", "problems"),
        kinds(problems),
        proven_share(report)
    )
}

/// Problems by kind, the worst first.
pub(super) fn kinds(problems: &[Problem]) -> String {
    const SHOWN: usize = 5;
    let mut kinds: Vec<(Code, u64)> = Vec::new();
    for problem in problems {
        match kinds.iter_mut().find(|(code, _)| *code == problem.code) {
            Some((_, number)) => *number += problem.count,
            None => kinds.push((problem.code, problem.count)),
        }
    }
    let shown = kinds.iter().take(SHOWN).map(|(code, number)| {
        let (one, many) = counted_noun(*code);
        counted(*number, one, many)
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if kinds.len() > SHOWN {
        text +=
            &format!(" and {}", counted((kinds.len() - SHOWN) as u64, "more kind", "more kinds"));
    }
    text
}
