//! The guide to a bag, for who has no trailseal.

use super::KeptLogs;
use crate::report::RunReport;

const GUIDE: &str = include_str!("VERIFY.md");

/// The script that walks the guide's path.
const SCRIPT: &str = include_str!("verify.sh");

/// The script of a bag that this version makes.
pub(super) fn script() -> String {
    SCRIPT.replace("{version}", env!("CARGO_PKG_VERSION"))
}

/// The guide to a bag of this run.
pub(super) fn render(report: &RunReport, kept: KeptLogs, signed: bool, stamped: bool) -> String {
    let (logs_too, logs) = match kept {
        KeptLogs::All => (
            " and log files",
            "All log files that were read are in the bag; one that a digest lists and that is not there is missing. A log file below data/objects that no digest lists was put there.",
        ),
        KeptLogs::Failed => (
            ", and the log files that failed,",
            "Only log files that are not what they should be are in the bag: that the others were whole rests on the word of whoever made the run, with the hash values in data/custody.csv.",
        ),
        KeptLogs::None => (
            "",
            "No log files are in the bag: that they were whole rests on the word of whoever made the run, with the hash values in data/custody.csv.",
        ),
    };
    let seal = match (signed, stamped) {
        (true, true) => "This bag was signed and time-stamped when it was packed.",
        (true, false) => "This bag was signed when it was packed, and not time-stamped.",
        (false, true) => "This bag was time-stamped when it was packed, and not signed.",
        (false, false) => "This bag was neither signed nor time-stamped when it was packed.",
    };
    let until = match report.scope.end {
        Some(end) => format!("the run was about the time up to {end} (UTC)"),
        None => "the run found no digest".to_owned(),
    };
    [
        ("{logs_too}", logs_too),
        ("{version}", &report.tool.version),
        ("{as_of}", &report.finished.to_string()),
        ("{verdict}", report.verdict.as_str()),
        ("{until}", &until),
        ("{logs_sentence}", logs),
        ("{seal_sentence}", seal),
    ]
    .into_iter()
    .fold(GUIDE.to_owned(), |text, (name, value)| text.replace(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_guide_is_in_the_script() {
        // The two must not drift apart.
        for command in [
            "openssl dgst -sha256 -verify",
            "openssl cms -verify -binary -inform DER",
            "openssl ts -verify -data",
            "openssl asn1parse -genstr",
            "gzip -dc",
        ] {
            assert!(GUIDE.contains(command) && SCRIPT.contains(command), "{command}");
        }
        for number in 1..=6 {
            assert!(GUIDE.contains(&format!("\n## {number}. ")), "{number}");
        }
    }
}
