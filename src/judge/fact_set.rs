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
#[serde(try_from = "StoredFacts", into = "StoredFacts")]
pub struct FactSet(BTreeMap<(AreaId, Unit), Vec<AreaFacts>>);

/// Error in reading stored facts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the facts are of schema {}, but this version reads {SCHEMA}", Printable(.0))]
pub struct SchemaError(String);

/// Facts as they are stored.
#[derive(Serialize, Deserialize)]
struct StoredFacts {
    schema: String,
    areas: Vec<AreaFacts>,
}

impl TryFrom<StoredFacts> for FactSet {
    type Error = SchemaError;

    fn try_from(stored: StoredFacts) -> Result<Self, SchemaError> {
        match stored.schema.as_str() {
            SCHEMA => Ok(stored.areas.into_iter().collect()),
            _ => Err(SchemaError(stored.schema)),
        }
    }
}

impl From<FactSet> for StoredFacts {
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

    /// The facts of each area, its parts joined in the order of time. Findings in them report time
    /// that no part holds, and parts that overlap or contradict each other.
    #[must_use]
    pub fn into_areas(self) -> Vec<AreaFacts> {
        let mut areas: Vec<Joining> = Vec::new();
        for ((id, unit), versions) in self.0 {
            if areas.last().is_none_or(|area| area.facts.id != id) {
                areas.push(Joining::new(&id));
            }
            if let Some(area) = areas.last_mut() {
                area.add(unit, versions);
            }
        }
        areas.into_iter().map(Joining::finish).collect()
    }
}

/// The facts of an area whose parts are being joined, in the order of time.
struct Joining {
    facts: AreaFacts,
    /// The parts that are joined; `None` before the first.
    joined: Option<Unit>,
}

impl Joining {
    fn new(id: &AreaId) -> Self {
        Self { facts: AreaFacts::new(id, Unit { from: None, to: None }), joined: None }
    }

    fn add(&mut self, unit: Unit, versions: Vec<AreaFacts>) {
        let id = self.facts.id.clone();
        let expected = self.joined.map_or(Some(None), |joined| joined.to.map(Some));
        match expected {
            Some(expected) if unit.from == expected => {}
            // They begin later than the last one ends.
            Some(expected) if unit.from > expected => {
                self.note_not_collected(Unit { from: expected, to: unit.from });
            }
            _ => {
                self.facts.findings.push(overlapping(&id, unit));
                return;
            }
        }
        if versions.len() > 1 {
            self.facts.findings.push(contradicted(&id, unit));
        }
        let mut versions = versions.into_iter();
        let Some(first) = versions.next() else { return };
        // What was found stands, whichever of them is right.
        self.facts.findings.extend(versions.flat_map(|other| other.findings));
        match self.joined {
            None if self.facts.lacking.is_empty() => {
                let findings = std::mem::take(&mut self.facts.findings);
                self.facts = first;
                self.facts.findings.extend(findings);
            }
            _ => self.facts.append(first),
        }
        self.joined = Some(Unit { from: None, to: unit.to });
    }

    fn note_not_collected(&mut self, part: Unit) {
        self.facts.findings.push(not_collected(&self.facts.id, part));
        self.facts.note_not_collected(part);
    }

    fn finish(mut self) -> AreaFacts {
        match self.joined {
            None => self.note_not_collected(Unit::WHOLE),
            Some(Unit { to: Some(to), .. }) => {
                self.note_not_collected(Unit { from: Some(to), to: None })
            }
            Some(_) => {}
        }
        self.facts.unit = Unit::WHOLE;
        self.facts.forget_other_parts();
        self.facts
    }
}

fn not_collected(id: &AreaId, gap: Unit) -> Finding {
    let message = format!("The facts of {gap} were not collected, so none of it is proven.");
    of_area(id, message)
}

fn overlapping(id: &AreaId, unit: Unit) -> Finding {
    let message = format!(
        "The facts of {unit} overlap those of another part and were not used. Collect parts that follow each other."
    );
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
