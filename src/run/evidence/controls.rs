//! Controls that a run supports, as files of a bag.

use std::fmt::Write as _;
use std::io;

use crate::report::RunReport;
use crate::report::controls::{CONTROLS_JSON, Controls};
use crate::store::bag::BagWriter;

/// The data that the offers rest on, as it was.
pub(super) const DATA: &str = "data/controls/controls.json";
/// Offers of this run to each control, for machines and to read.
pub(super) const OFFERS_JSON: &str = "data/controls/offers.json";
pub(super) const OFFERS: &str = "data/controls/offers.txt";
/// The draft of a certification.
pub(super) const CERTIFICATION: &str = "data/controls/certification.txt";

/// Writes the controls that a run supports, and the draft of a certification.
pub(super) fn write(bag: &mut BagWriter, report: &RunReport) -> io::Result<()> {
    files(report)?.iter().try_for_each(|(path, text)| bag.add(path, text.as_bytes()))
}

/// Paths and texts of these files.
///
/// # Errors
/// When the data cannot be read.
pub(super) fn files(report: &RunReport) -> io::Result<Vec<(&'static str, String)>> {
    let controls = Controls::load()?;
    let mut files = vec![(DATA, CONTROLS_JSON.to_owned())];
    let offers = controls.offers(report);
    files.push((OFFERS_JSON, serde_json::to_string_pretty(&offers)? + "\n"));
    let mut text = format!("{}\n", controls.note);
    for offer in &offers {
        let control = offer.control;
        let source = &control.source;
        let baselines = match control.baselines.as_slice() {
            [] => String::new(),
            some => format!("  In the baselines: {}\n", some.join(", ")),
        };
        let _ = write!(
            text,
            "\n{} ({}), {}: {}\n{baselines}  Requires: {}\n  {}\n  Source: {}, {}, {}\n",
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
    files.push((OFFERS, text));
    let certification = &controls.certification;
    let mut text = format!(
        "{}, {}: {}\n\n{}\n",
        certification.framework, certification.id, certification.title, certification.note
    );
    for paragraph in certification.fill(report) {
        let _ = write!(text, "\n{paragraph}\n");
    }
    files.push((CERTIFICATION, text));
    Ok(files)
}
