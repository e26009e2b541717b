//! The judge: facts of the sources in, the run report out.
//!
//! Nothing here reads, waits or asks a clock. [`judge_area`] says what the facts of one area come to
//! by themselves, [`conclude`] what all of them come to together. Where a fact is lacking that one
//! of them needs, it names the [`Want`] and goes on as if the fact had been refused, so that its
//! report is sound whenever somebody stops answering.

mod answers;
mod area;
mod conclude;
mod explain;
mod fact_set;
pub mod facts;
mod hinted;
mod known;
pub mod late;
mod no_digests;
mod not_proven;
mod pairs;
pub mod plan;
mod question;
mod silent;
mod status;
mod survey;
mod unit;
mod unlisted;
mod unreferenced;
mod whole;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::report::RanBy;

pub use self::answers::{Answers, LogFileId, TrailAnswer, TrailStatus, Want};
pub use self::area::{AreaJudgement, judge_area, strays_found, wanted_by_links};
pub use self::conclude::{Concluded, Judged, conclude, interrupted, scope};
pub use self::fact_set::{FactSet, SCHEMA as FACTS_SCHEMA, SchemaError};
pub use self::facts::AreaFacts;
pub use self::known::beside;
pub use self::question::{Excluded, LOOK_BACK_DAYS, Question, SourceForm};
pub use self::survey::{HiddenFolders, PassedOver, Survey};
pub use self::unit::Unit;
pub use self::unlisted::UnlistedLog;
pub use self::whole::judge;

/// The circumstances of a run that a report tells of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Circumstances {
    /// The sources, as the user named them.
    pub sources: Vec<String>,
    /// When the run began.
    pub started: Timestamp,
    /// Who made it, if known.
    pub ran_by: RanBy,
    /// Whether CloudTrail is asked for keys and trails.
    pub asks_cloudtrail: bool,
    /// Whether the run ended before it had read all.
    pub interrupted: bool,
}
