//! Evidence: a bag that shows what a run saw and proves it to anybody with gzip, sha256sum, OpenSSL
//! and a shell; and the check of such a bag, offline.
//!
//! The objects in a bag are the very bytes that the run judged: each is read once, by the
//! verification itself, and kept on the way. The layout:
//!
//! | path | what it is |
//! |---|---|
//! | `data/objects/<bucket>/<key>` | digests and log files as stored, `.metadata.json` beside them |
//! | `data/custody.csv` | a row for every object seen: what, when, from where, by whom, hash values |
//! | `data/keys/` | the public keys, and where they came from |
//! | `data/report/` | the run: `run.json`, `report.html`, `objects.ndjson`, and `request.json` |
//! | `data/controls/` | the controls that it supports |
//! | `VERIFY.md`, `verify.sh` | how to check all of it by hand |
//! | `verify.html` | the same check for a browser, on one page that needs no network |
//! | `seal/` | a signature over the tag manifest, a statement, time-stamps, revocation lists |

pub mod authority;
pub mod check;
pub mod check_request;
mod check_seal;
mod claims;
mod comparison;
mod controls;
mod custody;
mod documents;
mod guide;
mod keys;
mod limits;
mod objects;
pub mod pack;
mod pack_objects;
mod pack_request;
mod recomputed;
mod recorded_run;
mod request;
mod reverify;
mod seal;
mod stamp_chain;
mod store;
pub mod timestamp;

pub use store::open_unchecked;

/// Folder of the objects in a bag.
const OBJECTS: &str = "data/objects/";
/// Folder of objects whose bucket is unknown, as in a copy; no bucket's name has a tilde.
const NO_BUCKET: &str = "~unknown";
/// Most bytes that are read of a report or table of a bag.
const LARGEST: u64 = 4 << 30;
const CUSTODY: &str = "data/custody.csv";
const RUN: &str = "data/report/run.json";
const REQUEST: &str = "data/report/request.json";
const PAGE: &str = "data/report/report.html";
const LINES: &str = "data/report/objects.ndjson";
const SCRIPT: &str = "verify.sh";
const BROWSER_PAGE: &str = "verify.html";
const GUIDE: &str = "VERIFY.md";

/// Log files that a bag holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeptLogs {
    /// All that were read.
    All,
    /// Invalid ones.
    Failed,
    /// None.
    None,
}

impl KeptLogs {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Failed => "failed",
            Self::None => "none",
        }
    }
}

/// The files of a seal.
mod seal_files {
    /// The detached CMS signature over the tag manifest, in DER.
    pub(super) const SIGNATURE: &str = "tagmanifest-sha256.txt.p7s";
    /// The signer's certificates, as PEM.
    pub(super) const SIGNER: &str = "signer.pem";
    /// The in-toto statement in its envelope.
    pub(super) const STATEMENT: &str = "statement.dsse.json";
    /// The response of a time-stamp authority, in DER.
    pub(super) const TIME_STAMP: &str = "timestamp.tsr";
    /// Certificate revocation lists, as PEM.
    pub(super) const LISTS: &str = "crls.pem";
    /// Label in `bag-info.txt` of the parts of the seal, so that a removed one is missed.
    pub(super) const LABEL: &str = "Trailseal-Seal";
    /// Words for the parts there, and their files.
    pub(super) const PARTS: [(&str, &[&str]); 3] = [
        ("signed", &[SIGNATURE, SIGNER, STATEMENT]),
        ("time-stamped", &[TIME_STAMP]),
        ("with revocation lists", &[LISTS]),
    ];
    /// Word for a time-stamp that the authority did not give when the bag was packed.
    pub(super) const PENDING: &str = "time-stamp pending";
    /// Most time-stamps of a seal: one a year, for longer than any retention.
    pub(super) const MOST: usize = 99;

    /// The time-stamp of this number, from 1 on.
    pub(super) fn time_stamp(number: usize) -> String {
        match number {
            ..=1 => TIME_STAMP.to_owned(),
            _ => format!("timestamp-{number}.tsr"),
        }
    }

    /// All names that files of a seal have.
    pub(super) fn all() -> impl Iterator<Item = String> {
        [SIGNATURE, SIGNER, STATEMENT, LISTS]
            .map(str::to_owned)
            .into_iter()
            .chain((1..=MOST).map(time_stamp))
    }

    /// True for the name of a file of a seal.
    pub(super) fn is_name(name: &str) -> bool {
        all().any(|one| one == name)
    }
}
