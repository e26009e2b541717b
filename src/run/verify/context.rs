//! State that all areas of a verifying run share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::request::{CloudTrail, VerifyRequest};
use crate::judge::{AreaFacts, Circumstances, Question, Survey};
use crate::model::{Region, Window};
use crate::run::observe::Observer;
use crate::run::pool::Pool;
use crate::run::sources::Sources;
use crate::verify::Severity;
use crate::verify::digest::Rules;

/// State that all areas of a verifying run share.
pub(super) struct RunContext<'a> {
    pub(super) request: &'a VerifyRequest,
    /// The question of the request, or one about other trails for its sake.
    pub(super) question: Question,
    pub(super) sources: Arc<Sources>,
    pub(super) survey: Survey,
    /// The rules, with the keys of the files that were given.
    pub(super) rules: Rules,
    pub(super) cloudtrail: Option<&'a dyn CloudTrail>,
    pub(super) pool: Pool,
    pub(super) observer: &'a dyn Observer,
    /// Number of areas being verified; they share the pool.
    pub(super) active: AtomicUsize,
}

impl RunContext<'_> {
    /// The circumstances of the run so far.
    pub(super) fn circumstances(&self) -> Circumstances {
        let VerifyRequest { sources, started, ran_by, stop, .. } = self.request;
        Circumstances {
            sources: sources.clone(),
            started: *started,
            ran_by: ran_by.clone(),
            asks_cloudtrail: self.cloudtrail.is_some(),
            interrupted: stop.is_set(),
        }
    }

    /// The rules with the keys that the digests of a region and time need, from where they are
    /// published.
    pub(super) fn rules_for(
        &self,
        region: &Region,
        window: Window,
        facts: &mut AreaFacts,
    ) -> Arc<Rules> {
        let mut rules = self.rules.clone();
        if let Some(cloudtrail) = self.cloudtrail {
            match cloudtrail.keys(region, window) {
                Ok(keys) => {
                    rules.keys.add(keys);
                    rules.key_unknown = Severity::Violation;
                }
                Err(cause) => {
                    rules.key_unknown = Severity::Incomplete;
                    facts.keyless.entry(region.clone()).or_insert(cause);
                }
            }
        }
        facts.note_keys(&rules.keys);
        Arc::new(rules)
    }

    /// An even share of what can be under way at once.
    pub(super) fn share(&self, of: usize) -> usize {
        of / self.active.load(Ordering::Relaxed).max(1)
    }
}
