//! Accounts, regions and trails that were asked for and have no digests.

use std::collections::BTreeSet;
use std::fmt;

use super::{Question, Survey};
use crate::model::{AccountId, AreaId, Region, TrailName};
use crate::report::ChainReport;
use crate::verify::{Code, Finding};

/// A combination of the filters that were given.
struct Combination<'r> {
    account: Option<&'r AccountId>,
    region: Option<&'r Region>,
    trail: Option<&'r TrailName>,
}

impl<'r> Combination<'r> {
    /// Every combination; none where no filter was given.
    fn named(question: &'r Question) -> impl Iterator<Item = Self> {
        fn each<T>(given: &[T]) -> Vec<Option<&T>> {
            if given.is_empty() { vec![None] } else { given.iter().map(Some).collect() }
        }
        let (regions, trails) = (each(&question.regions), each(&question.trails));
        let any = |c: &Self| c.account.is_some() || c.region.is_some() || c.trail.is_some();
        each(&question.accounts)
            .into_iter()
            .flat_map(move |account| {
                let trails = trails.clone();
                regions.clone().into_iter().flat_map(move |region| {
                    let trails = trails.clone().into_iter();
                    trails.map(move |trail| Self { account, region, trail })
                })
            })
            .filter(any)
    }

    fn is_of(&self, account: &AccountId, region: &Region) -> bool {
        self.account.is_none_or(|own| own == account) && self.region.is_none_or(|own| own == region)
    }
}

impl fmt::Display for Combination<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.account.map(|account| format!("account {account}")),
            self.region.map(|region| format!("region {region}")),
            self.trail.map(|trail| format!("trail {trail}")),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// The first of many names.
pub(super) fn shortened(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown}, ...") } else { shown }
}

/// The only name that differs least from one that was asked for, by two letters at most.
fn nearest<'a>(asked: &str, names: &[&'a str]) -> Option<&'a str> {
    let distance = |name: &&&str| strsim::osa_distance(asked, name);
    let nearest = names.iter().min_by_key(distance)?;
    let least = distance(&nearest);
    let is_only = names.iter().filter(|name| distance(name) == least).count() == 1;
    (least <= 2 && is_only).then_some(*nearest)
}

/// Chains and areas of the sources, to find those that are missing.
pub(super) struct Holdings<'a> {
    pub(super) question: &'a Question,
    pub(super) survey: &'a Survey,
    pub(super) chains: &'a [ChainReport],
    /// The areas that hold no digest in view.
    pub(super) without_digests: &'a [AreaId],
    /// Trails of which there are digests, and which were not asked for.
    pub(super) other_trails: &'a BTreeSet<TrailName>,
}

impl Holdings<'_> {
    /// The findings on what was asked for and of which there is nothing to verify, beside the
    /// findings there are.
    pub(super) fn missing(&self, findings: &[Finding]) -> Vec<Finding> {
        let missing = |what: String| {
            let message = format!("There are no digests {what}, so none of it is proven.");
            Finding::new(Code::NoDigests, message)
        };
        let Self { question, survey, chains, without_digests, .. } = *self;
        let unmet = Combination::named(question).filter(|named| {
            let of_chain = |c: &ChainReport| named.is_of(&c.account, &c.region);
            // What an area's own finding says is not said once more.
            let told = without_digests.iter().any(|id| named.is_of(&id.place.account, &id.region))
                && !chains.iter().any(of_chain);
            let met =
                |c: &ChainReport| of_chain(c) && named.trail.is_none_or(|t| c.trail == t.as_str());
            // Nor that what could not be listed is not there.
            let hidden = survey.hidden.may_hide_any(named.account, named.region);
            !told && !hidden && !chains.iter().any(met)
        });
        let mut unmet: Vec<_> = unmet
            .map(|named| {
                let mut finding = missing(format!("of {named}"));
                finding.message.push_str(&self.what_is_there(&named));
                finding
            })
            .collect();
        let said = !without_digests.is_empty()
            || findings.iter().chain(&unmet).any(|f| f.code == Code::NoDigests);
        // A source that was not opened, or not listed, has a finding: what it holds is not known.
        let unseen = survey.hidden.may_hide_any(None, None)
            || !survey.any_logs_folder && findings.iter().any(|f| f.code == Code::ObjectUnreadable);
        if chains.is_empty() && !said && !unseen {
            let what = match (question.start, question.end) {
                (None, None) => "in the source".to_owned(),
                _ => "in the source for the requested time".to_owned(),
            };
            unmet.push(missing(what));
        }
        unmet
    }

    /// Names that a filter that met nothing may have meant: a sentence, or nothing.
    fn what_is_there(&self, named: &Combination<'_>) -> String {
        let Self { survey, chains, .. } = *self;
        let passed = &survey.passed_over;
        let areas = || survey.areas.iter();
        let accounts: BTreeSet<&str> = areas()
            .map(|id| id.place.account.as_str())
            .chain(passed.accounts.iter().map(AccountId::as_str))
            .collect();
        let regions: BTreeSet<&str> = areas()
            .map(|id| id.region.as_str())
            .chain(passed.regions.iter().map(Region::as_str))
            .collect();
        let trails: BTreeSet<&str> = chains
            .iter()
            .map(|chain| chain.trail.as_str())
            .chain(self.other_trails.iter().map(TrailName::as_str))
            .collect();
        // What is there under the name that was asked for needs no other name.
        let others = |what: &str, asked: Option<&str>, there: BTreeSet<&str>| {
            let names: Vec<_> = there.into_iter().collect();
            let asked = asked.filter(|asked| !names.contains(asked) && !names.is_empty())?;
            // Of one name that is there, nothing need be said twice.
            let meant = nearest(asked, &names).filter(|_| names.len() > 1);
            let meant = meant.map_or(String::new(), |name| format!(" Did you mean {name}?"));
            Some((format!("{what} {}", shortened(&names)), meant))
        };
        let parts = [
            others("accounts", named.account.map(AccountId::as_str), accounts),
            others("regions", named.region.map(Region::as_str), regions),
            others("trails", named.trail.map(TrailName::as_str), trails),
        ];
        let (parts, meant): (Vec<_>, String) = parts.into_iter().flatten().unzip();
        if parts.is_empty() {
            return String::new();
        }
        format!(" The source has: {}.{meant}", parts.join("; "))
    }
}
