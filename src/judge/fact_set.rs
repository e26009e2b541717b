//! Facts that were collected in parts: stored, joined in any order, and put together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::facts::AreaFacts;
use super::unit::Unit;
use crate::model::{AreaId, BucketName, Printable};
use crate::verify::{Code, Finding};

/// Name and version of the form in which facts are stored.
pub const SCHEMA: &str = "trailseal.facts/1";

/// Facts of parts of areas.
///
/// [`FactSet::join`] is a union: associative, commutative and idempotent, so that neither the order
/// in which parts come nor one that comes twice changes what is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct FactSet(BTreeMap<(AreaId, Unit), Vec<AreaFacts>>);

/// Error in reading stored facts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the facts are of schema {}, but this version reads {SCHEMA}", Printable(.0))]
pub struct SchemaError(String);

/// Facts as they are stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    schema: String,
    areas: Vec<AreaFacts>,
}

impl TryFrom<Stored> for FactSet {
    type Error = SchemaError;

    fn try_from(stored: Stored) -> Result<Self, SchemaError> {
        match stored.schema.as_str() {
            SCHEMA => Ok(stored.areas.into_iter().collect()),
            _ => Err(SchemaError(stored.schema)),
        }
    }
}

impl From<FactSet> for Stored {
    fn from(facts: FactSet) -> Self {
        Self { schema: SCHEMA.to_owned(), areas: facts.0.into_values().flatten().collect() }
    }
}

impl FromIterator<AreaFacts> for FactSet {
    fn from_iter<I: IntoIterator<Item = AreaFacts>>(areas: I) -> Self {
        let mut set = Self::default();
        areas.into_iter().for_each(|facts| set.add(facts));
        set
    }
}

impl FactSet {
    /// Adds the facts of a part. The same facts twice are the same; other facts of the same part
    /// stand beside them, since the source changed between.
    pub fn add(&mut self, facts: AreaFacts) {
        let key = (facts.id.clone(), facts.unit);
        let known = self.0.entry(key).or_default();
        if !known.contains(&facts) {
            known.push(facts);
            known.sort_by_cached_key(|facts| serde_json::to_string(facts).unwrap_or_default());
        }
    }

    /// Adds all facts of another set.
    pub fn join(&mut self, other: Self) {
        other.0.into_values().flatten().for_each(|facts| self.add(facts));
    }

    /// The facts of each area, its parts joined in the order of time. What the parts do not hold, and
    /// where they contradict each other, is told of in the facts of the area.
    #[must_use]
    pub fn into_areas(self) -> Vec<AreaFacts> {
        let mut areas: Vec<Parts> = Vec::new();
        for ((id, unit), mut versions) in self.0 {
            let changed = versions.len() > 1;
            let Some(facts) = (!versions.is_empty()).then(|| versions.swap_remove(0)) else {
                continue;
            };
            let part = Part { unit, facts, changed };
            match areas.last_mut().filter(|parts| parts.id == id) {
                Some(parts) => parts.parts.push(part),
                None => areas.push(Parts { id, parts: vec![part] }),
            }
        }
        areas.into_iter().map(Parts::joined).collect()
    }
}

/// The parts of one area, in the order of time.
struct Parts {
    id: AreaId,
    parts: Vec<Part>,
}

struct Part {
    unit: Unit,
    facts: AreaFacts,
    /// Whether other facts of it are known.
    changed: bool,
}

impl Parts {
    fn joined(self) -> AreaFacts {
        let Self { id, parts } = self;
        let mut joined = AreaFacts::new(&id, Unit { from: None, to: None });
        let mut at: Option<Unit> = None;
        for Part { unit, facts, changed } in parts {
            let gap = Unit { from: at.and_then(|at| at.to), to: unit.from };
            let follows = match at {
                None => unit.from.is_none(),
                Some(at) => at.is_followed_by(&unit),
            };
            if !follows {
                joined.findings.push(lacking(&id, gap));
            }
            if changed {
                joined.findings.push(contradicted(&id, unit));
            }
            match at {
                None => {
                    let findings = std::mem::take(&mut joined.findings);
                    joined = facts;
                    joined.findings.extend(findings);
                }
                Some(_) => joined.append(facts),
            }
            at = Some(unit);
        }
        if let Some(to) = at.and_then(|at| at.to) {
            joined.findings.push(lacking(&id, Unit { from: Some(to), to: None }));
        }
        joined.unit = Unit::WHOLE;
        joined.forget_other_parts();
        joined
    }
}

fn lacking(id: &AreaId, gap: Unit) -> Finding {
    let message = format!("The facts of {gap} were not collected, so none of it is proven.");
    of_area(id, message)
}

fn contradicted(id: &AreaId, unit: Unit) -> Finding {
    let message = format!(
        "The facts of {unit} were collected twice and differ: the source changed in between. Collect them again."
    );
    of_area(id, message)
}

fn of_area(id: &AreaId, message: String) -> Finding {
    let bucket = id.bucket.as_ref().map(BucketName::as_str);
    Finding::new(Code::ObjectUnreadable, message).object(bucket, id.place.folder())
}
