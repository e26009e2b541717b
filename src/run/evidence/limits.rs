//! Limits of a check of a bag: what it does not prove.

use super::KeptLogs;
use crate::report::RunReport;
use crate::report::evidence::{SealReport, Trust};
use crate::run::verify::SourceForm;

/// Circumstances of a check that its limits depend on.
pub(super) struct CheckScope {
    /// True if the user gave authorities.
    pub(super) authorities: bool,
    /// True if there are revocation lists.
    pub(super) lists: bool,
    /// True if the user gave keys.
    pub(super) own_keys: bool,
    /// Form of the sources: only a bucket's times of delivery weigh.
    pub(super) form: SourceForm,
    /// Whether the run was to read log files, and those that the bag holds.
    pub(super) logs: Option<(bool, KeptLogs)>,
    /// Objects that nothing is verified of.
    pub(super) unnamed: Vec<String>,
}

impl CheckScope {
    /// The limits, each in a sentence.
    pub(super) fn limits(&self, seal: &SealReport, reverified: Option<&RunReport>) -> Vec<String> {
        let mut limits = Vec::new();
        if !self.own_keys {
            limits.push("That the public keys in the bag are CloudTrail's own: compare them with CloudTrail's, or use your own with --keys.".to_owned());
        }
        self.limits_of_seal(seal, &mut limits);
        if matches!(self.logs, Some((true, KeptLogs::Failed | KeptLogs::None))) {
            limits.push("That the log files were intact: the bag does not contain them all, and their hash values in it are the packer's claim.".into());
        }
        if self.form == SourceForm::Bucket {
            limits.push("That objects were delivered when data/custody.csv says: these times are the packer's claim, and decide which log files a digest should list.".into());
        }
        if let Some(first) = self.unnamed.first() {
            limits.push(format!(
                "What {} objects are that are named neither like digests nor like log files (first: {first}).",
                self.unnamed.len()
            ));
        }
        limits.push("Who read the objects, when, from where, and what was found of each then: data/custody.csv and data/report/objects.ndjson are the packer's claim.".into());
        // The first is on the keys.
        limits.extend(reverified.iter().flat_map(|run| run.not_proven.iter().skip(1).cloned()));
        limits
    }

    fn limits_of_seal(&self, seal: &SealReport, limits: &mut Vec<String>) {
        match (seal.signature.trust, self.authorities) {
            (Trust::Absent, _) => limits.push("Who packed the bag, and that it was not altered: it is not signed, and anyone who alters a bag can rewrite its manifests.".into()),
            (_, false) => limits.push("That the signer is the one named in the certificate: use --ca with the authorities that you trust.".into()),
            _ => {}
        }
        match seal.time_stamp.trust {
            Trust::Trusted => {}
            Trust::Absent => limits.push("When the bag was packed: it has no time-stamp, and the times in it are the packer's claim.".into()),
            _ => limits.push("That the time-stamp comes from a trusted authority: it leads to none of those given with --ca.".into()),
        }
        if self.authorities && [seal.signature.trust, seal.time_stamp.trust] != [Trust::Absent; 2] {
            limits.push(match self.lists {
                true => "That no certificate of the seal was revoked after the revocation lists were issued, or by an issuer that has none here.".into(),
                false => "That no certificate of the seal was revoked: there is no revocation list, in the bag or beside the authorities.".into(),
            });
        }
    }
}
