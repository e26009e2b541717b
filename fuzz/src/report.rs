//! Saved reports: whatever they hold, they render in every format, and nothing in them steers.

use trailseal::internals::model::text::is_steering;
use trailseal::internals::report::text::TextOptions;
use trailseal::internals::report::{Format, RunReport};

/// What is read is written as it was, and every format takes it.
pub fn run(data: &[u8]) {
    let Ok(report) = RunReport::decode(data) else { return };
    let render = |report: &RunReport, format: Format| {
        let mut out = Vec::new();
        format.render(report, &mut out, TextOptions::default()).expect("memory takes everything");
        String::from_utf8(out).expect("every format is text")
    };
    let json = render(&report, Format::Json);
    let again = RunReport::decode(json.as_bytes()).expect("what is written reads back");
    assert_eq!(render(&again, Format::Json), json);
    for format in Format::ALL {
        let text = render(&report, *format);
        let steers = text.chars().find(|c| is_steering(*c) && !matches!(c, '\n' | '\r'));
        assert_eq!(steers, None, "{}", format.as_str());
        assert_eq!(render(&again, *format), text, "{}", format.as_str());
    }
}
