//! What a run offers to controls, in a bag.

use std::fmt::Write as _;
use std::io;

use crate::report::RunReport;
use crate::report::controls::{CONTROLS_JSON, Controls};
use crate::store::bag::BagWriter;

/// The data that the offers rest on, as it was.
const DATA: &str = "data/controls/controls.json";
/// What this run offers to each control, for machines and to read.
const OFFERS_JSON: &str = "data/controls/offers.json";
const OFFERS: &str = "data/controls/offers.txt";
/// The draft of a certification.
const CERTIFICATION: &str = "data/controls/certification.txt";

/// Writes the controls that a run supports, and the draft of a certification.
pub(super) fn write(bag: &mut BagWriter, report: &RunReport) -> io::Result<()> {
    let controls = Controls::load()?;
    bag.add(DATA, CONTROLS_JSON.as_bytes())?;
    let offers = controls.offers(report);
    bag.add(OFFERS_JSON, (serde_json::to_string_pretty(&offers)? + "\n").as_bytes())?;
    let mut text = format!("{}\n", controls.note);
    for offer in &offers {
        let control = offer.control;
        let source = &control.source;
        let _ = write!(
            text,
            "\n{} ({}), {}: {}\n  It asks: {}\n  {}\n  Source: {}, {}, {}\n",
            control.framework,
            control.framework_version,
            control.id,
            control.title,
            control.asks,
            offer.statement,
            source.title,
            source.version,
            source.url
        );
    }
    bag.add(OFFERS, text.as_bytes())?;
    let certification = &controls.certification;
    let mut text = format!(
        "{}, {}: {}\n\n{}\n",
        certification.framework, certification.id, certification.title, certification.note
    );
    for paragraph in certification.fill(report) {
        let _ = write!(text, "\n{paragraph}\n");
    }
    bag.add(CERTIFICATION, text.as_bytes())
}
