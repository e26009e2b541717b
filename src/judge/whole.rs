//! The judgement on facts alone, without the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use super::answers::{Answers, Want};
use super::area::{judge_area, wanted_by_links};
use super::conclude::{Concluded, JudgedAreas, conclude};
use super::fact_set::FactSet;
use super::facts::AreaFacts;
use super::{Circumstances, Question, Survey};

/// Judges facts of all areas of a survey. What nobody answers counts as refused, so the report is
/// sound; with what it wants answered, it is as good as that of a run over the sources.
#[must_use]
pub fn judge(
    question: &Question,
    circumstances: &Circumstances,
    survey: &Survey,
    facts: FactSet,
    answers: &Answers,
) -> Concluded {
    let mut known: BTreeMap<_, _> =
        facts.into_areas().into_iter().map(|facts| (facts.id.clone(), facts)).collect();
    let mut judged = JudgedAreas::default();
    let mut wanted = BTreeSet::new();
    for id in survey.areas.iter().filter(|id| question.wants(id)) {
        let mut facts = known.remove(id).unwrap_or_else(|| AreaFacts::not_collected(id));
        facts.named.extend(answers.named.clone());
        wanted.extend(wanted_by_links(question, survey, &facts).into_iter().map(Want::Named));
        if !facts.completed && !facts.candidates.is_empty() {
            wanted.insert(Want::Late(id.clone()));
        }
        let Ok(judgement) = judge_area(question, survey, &facts, &mut |_| Ok::<_, Infallible>(()));
        judged.add(facts, judgement);
    }
    known.keys().for_each(|id| judged.note_foreign(id));
    let mut concluded = conclude(question, circumstances, survey, &judged, answers);
    concluded.wanted.append(&mut wanted);
    concluded
}
