//! The judge: facts of the sources in, the run report out.
//!
//! Nothing here reads, waits or asks a clock. [`judge_area`] judges the facts of one area by
//! themselves, [`conclude`] all of them together. Where a fact is lacking that one of them needs, it
//! names the [`Want`] and goes on as if the fact had been refused, so that its report is sound
//! whenever somebody stops answering.

mod answers;
mod area;
mod circumstances;
mod conclude;
mod explain;
mod fact_set;
pub mod facts;
mod hinted;
mod judging;
mod known;
pub mod late;
mod no_digests;
mod not_proven;
mod pairs;
pub mod plan;
mod question;
mod silent;
mod status;
pub mod survey;
mod unit;
mod unlisted;
mod unreferenced;
mod whole;

pub use self::answers::{Answers, LogFileId, LoggingStatus, TrailAnswer, Want};
pub use self::area::{AreaJudgement, judge_area, strays_found, wanted_by_links};
pub use self::circumstances::Circumstances;
pub use self::conclude::{Concluded, JudgedAreas, conclude, interrupted, scope};
pub use self::fact_set::{FactSet, SCHEMA as FACTS_SCHEMA, SchemaError};
pub use self::facts::AreaFacts;
pub use self::known::beside;
pub use self::question::{Excluded, LOOK_BACK_DAYS, Question, SourceForm};
pub use self::survey::{HiddenFolders, PassedOver, Survey};
pub use self::unit::Unit;
pub use self::unreferenced::UnlistedLog;
pub use self::whole::judge;
