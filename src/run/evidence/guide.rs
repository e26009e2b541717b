//! The guide to a bag, for readers without trailseal.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{KeptLogs, keys, seal_files};
use crate::model::{Sha256Hash, metadata};
use crate::report::RunReport;

const GUIDE: &str = include_str!("VERIFY.md");

/// The script that does what the guide describes.
const SCRIPT: &str = include_str!("verify.sh");

/// The script of bags of this version.
pub(super) fn script() -> String {
    SCRIPT.replace("{version}", env!("CARGO_PKG_VERSION"))
}

/// The page that checks a bag in a browser, and its style.
const PAGE: [&str; 2] = [include_str!("page/verify.html"), include_str!("page/verify.css")];

/// The parts of the page's program, which are joined.
const PROGRAM: [&str; 5] = [
    include_str!("page/bytes.js"),
    include_str!("page/zip.js"),
    include_str!("page/signed.js"),
    include_str!("page/seal.js"),
    include_str!("page/verify.js"),
];

/// The page of a bag that this version makes. Its policy allows its own program and style, by
/// their hash values, and nothing else: no network, no other code.
pub(super) fn browser_page() -> String {
    let [skeleton, style] = PAGE;
    let program = PROGRAM.join("\n").replace("{version}", env!("CARGO_PKG_VERSION"));
    let hash = |text: &str| STANDARD.encode(Sha256Hash::of(text.as_bytes()).0);
    skeleton
        .replace("{script_hash}", &hash(&program))
        .replace("{style_hash}", &hash(style))
        .replace("{style}", style)
        .replace("{script}", &program)
}

/// Parts of a bag that its guide describes if they are there.
#[derive(Debug, Clone, Copy)]
pub(super) struct GuideContents {
    pub(super) kept: KeptLogs,
    pub(super) signed: bool,
    pub(super) stamped: bool,
    /// True if it holds revocation lists.
    pub(super) listed: bool,
    /// True if its time-stamp authority failed when it was packed.
    pub(super) pending: bool,
    /// True if metadata lies beside any object.
    pub(super) metadata: bool,
    /// Presence of the lists of keys of regions, and of keys of no region.
    pub(super) key_lists: [bool; 2],
}

impl GuideContents {
    /// Finds the parts by the paths of the payload and the words for the parts of the seal.
    pub(super) fn of<'a>(
        kept: KeptLogs,
        sealed: &str,
        payload: impl Iterator<Item = &'a str> + Clone,
    ) -> Self {
        let is = |wanted: &str| sealed.split(", ").any(|word| word == wanted);
        let [signed, stamped, listed] = seal_files::PARTS.map(|(word, _)| is(word));
        let pending = is(seal_files::PENDING);
        let has = |wanted: &str| payload.clone().any(|path| path == wanted);
        let metadata = payload.clone().any(|path| {
            path.starts_with(super::OBJECTS) && path.ends_with(metadata::SIDECAR_SUFFIX)
        });
        let key_lists = [has(keys::OF_REGIONS), has(keys::OF_NO_REGION)];
        Self { kept, signed, stamped, listed, pending, metadata, key_lists }
    }

    /// True if a passage of this name applies.
    fn has(self, passage: &str) -> bool {
        match passage {
            "signed" => self.signed,
            "stamped" => self.stamped,
            "listed" => self.listed,
            "sealed" => self.signed || self.stamped || self.pending,
            "pending" => self.pending,
            "unsealed" => !(self.signed || self.stamped || self.pending),
            "metadata" => self.metadata,
            "no-metadata" => !self.metadata,
            _ => true,
        }
    }
}

/// The guide without the passages that do not apply. A passage is some whole lines between
/// `{if NAME}` and `{end}`, or a part of a line between `{if NAME inline}` and `{end}`.
fn passages(contents: GuideContents) -> String {
    let (mut text, mut skip) = (String::new(), false);
    for line in GUIDE.lines() {
        if let Some(name) = line.strip_prefix("{if ").and_then(|rest| rest.strip_suffix('}')) {
            skip = !contents.has(name);
        } else if line == "{end}" {
            skip = false;
        } else if !skip {
            let mut rest = line;
            while let Some((before, after)) = rest.split_once("{if ") {
                let (name, after) = after.split_once(" inline}").unwrap_or((after, ""));
                let (passage, after) = after.split_once("{end}").unwrap_or((after, ""));
                text += before;
                text += if contents.has(name) { passage } else { "" };
                rest = after;
            }
            text += rest;
            text.push('\n');
        }
    }
    text
}

/// Breaks the lines of paragraphs that became too long; commands, tables and headings stay as they
/// are.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 104;
    let mut out = String::new();
    for line in text.lines() {
        let paragraph = !line.starts_with([' ', '|', '#']);
        let mut used = 0;
        for word in line.split_inclusive(' ').filter(|_| paragraph) {
            let length = word.trim_end().chars().count();
            if used > 0 && used + length > WIDTH {
                out.truncate(out.trim_end().len());
                out.push('\n');
                used = 0;
            }
            out += word;
            used += word.chars().count();
        }
        out += if paragraph { "" } else { line };
        out.push('\n');
    }
    out
}

/// Kinds of objects in the bag beside digests, and a sentence on its log files.
fn logs_sentence(kept: KeptLogs) -> (&'static str, &'static str) {
    match kept {
        KeptLogs::All => (
            " and log files",
            "All log files that were read are in the bag; if a digest lists a log file that is not in the bag, it is missing. A log file below data/objects that no digest lists was added.",
        ),
        KeptLogs::Failed => (
            ", and the log files that failed,",
            "The bag contains only invalid log files: that the others were intact is the claim of whoever made the run; data/custody.csv has their hash values.",
        ),
        KeptLogs::None => (
            "",
            "No log files are in the bag: that they were intact is the claim of whoever made the run; data/custody.csv has their hash values.",
        ),
    }
}

fn seal_sentence(contents: GuideContents) -> &'static str {
    match (contents.signed, contents.stamped) {
        (true, false) if contents.pending => {
            "This bag was signed. No time-stamp was obtained when it was packed; one may have been added since."
        }
        (false, false) if contents.pending => {
            "This bag was not signed. No time-stamp was obtained when it was packed; one may have been added since."
        }
        (true, true) => "This bag was signed and time-stamped.",
        (true, false) => "This bag was signed, and not time-stamped.",
        (false, true) => "This bag was time-stamped, and not signed.",
        (false, false) => {
            "This bag was neither signed nor time-stamped: it does not show who packed it, or when, and anyone who alters it can rewrite its manifests."
        }
    }
}

/// Clause on the lists of keys that are there.
fn key_lists_clause(contents: GuideContents) -> String {
    let lists = [keys::OF_REGIONS, keys::OF_NO_REGION].into_iter().zip(contents.key_lists);
    let lists: Vec<_> =
        lists.filter(|(_, there)| *there).map(|(path, _)| format!("`{path}`")).collect();
    match lists.as_slice() {
        [] => "; the PEM files hold the same".to_owned(),
        lists => format!(
            "; {} the same form",
            lists.join(" and ") + if lists.len() == 1 { " holds" } else { " hold" }
        ),
    }
}

/// The guide to a bag of this run.
pub(super) fn render(report: &RunReport, contents: GuideContents) -> String {
    let (logs_too, logs_sentence) = logs_sentence(contents.kept);
    let (stamped_what, stamped_file) = match contents.signed {
        true => ("the signature", "seal/tagmanifest-sha256.txt.p7s"),
        false => ("the tag manifest", "tagmanifest-sha256.txt"),
    };
    let until = match report.scope.end {
        Some(end) => format!("the run was about the time up to {end} (UTC)"),
        None => "the run found no digest".to_owned(),
    };
    let text = [
        ("{logs_too}", logs_too),
        ("{version}", &report.tool.version),
        ("{as_of}", &report.finished.to_string()),
        ("{verdict}", report.verdict.as_str()),
        ("{until}", &until),
        ("{logs_sentence}", logs_sentence),
        ("{seal_sentence}", seal_sentence(contents)),
        ("{stamped_what}", stamped_what),
        ("{stamped_file}", stamped_file),
        ("{key_lists}", &key_lists_clause(contents)),
    ]
    .into_iter()
    .fold(passages(contents), |text, (name, value)| text.replace(name, value));
    wrapped(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_page_is_one_small_file_that_allows_itself_alone() {
        let page = browser_page();
        assert!(page.len() < 60_000, "{}", page.len());
        assert!(!page.contains("{version}") && !page.contains("{script}"));
        let (_, program) = page.split_once("<script>").unwrap();
        let (program, _) = program.split_once("</script>").unwrap();
        let hash = STANDARD.encode(Sha256Hash::of(program.as_bytes()).0);
        assert!(page.contains(&format!("script-src 'sha256-{hash}'")));
        assert!(page.contains("default-src 'none'"));
        // Text of a bag is set as text, and nothing is asked of a network.
        for word in ["innerHTML", "insertAdjacent", "document.write", "fetch(", "eval(", "src="] {
            assert!(!page.contains(word), "{word}");
        }
    }

    /// Both are read side by side, and compared by line.
    #[test]
    fn the_page_and_the_script_say_the_same_of_a_seal() {
        let page = browser_page();
        for words in [
            "it does not fit the tag manifest",
            "it holds another certificate than the signature",
            "its signature is not that of the certificate's key",
            "it is a statement of another kind",
            "it is about another bag",
            "it says another verdict than",
            "it is not signed by its authority",
            "it is over something else",
            "it names another certificate than the one that signed it, or none",
            "its certificate is not one for time-stamping alone (RFC 3161, 2.3)",
            "none: nothing shows who packed this bag, or when",
            "signer NOT verified: ",
        ] {
            assert!(page.contains(words) && SCRIPT.contains(words), "{words}");
        }
    }

    #[test]
    fn every_command_of_the_guide_is_in_the_script() {
        // The two must not drift apart.
        for command in [
            "openssl dgst -sha256 -verify",
            "openssl cms -verify -binary -inform DER",
            "openssl ts -verify -data",
            "gzip -dc",
        ] {
            assert!(GUIDE.contains(command) && SCRIPT.contains(command), "{command}");
        }
        for signed in [true, false] {
            for stamped in [true, false] {
                let contents = GuideContents {
                    kept: KeptLogs::All,
                    signed,
                    stamped,
                    listed: stamped,
                    pending: false,
                    metadata: stamped,
                    key_lists: [signed, false],
                };
                let text = passages(contents);
                assert!(!text.contains("{if") && !text.contains("{end}"), "{text}");
                assert_eq!(text.contains("openssl cms"), signed);
                assert_eq!(text.contains("openssl ts"), signed || stamped);
                assert_eq!(text.contains("CA.pem"), signed || stamped);
                assert_eq!(text.contains(".metadata.json"), stamped);
            }
        }
        for number in 1..=6 {
            assert!(GUIDE.contains(&format!("\n## {number}. ")), "{number}");
        }
    }
}
