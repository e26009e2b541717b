//! Check of a bag's seal.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::check_request::CheckRequest;
use super::stamp_chain::StampChain;
use super::{RUN, recomputed, seal, seal_files};
use crate::crypto::document::cms::Signed;
use crate::crypto::document::revocation::RevocationLists;
use crate::crypto::document::{Authorities, DocumentError, Purpose, cms, dsse};
use crate::model::Sha256Hash;
use crate::report::evidence::{SealPart, SealReport, Trust};
use crate::report::{RunReport, Verdict};
use crate::store::bag::{BagFault, CheckedBag, INFO, SEAL, one_line};

/// Adds the parts of the seal that the bag says it has, and that are not there, to its faults.
pub(super) fn missing_parts(bag: &CheckedBag, faults: &mut Vec<BagFault>) {
    let stated = bag.info(seal_files::LABEL).unwrap_or_default();
    for (word, files) in seal_files::PARTS {
        if !stated.split(", ").any(|part| part == word) {
            continue;
        }
        for file in files.iter().filter(|file| matches!(bag.seal(file), Ok(None))) {
            let message = format!("{INFO} says that the bag was {word}, but this file is missing.");
            faults.push(BagFault::new("bag-missing", format!("{SEAL}{file}"), message));
        }
    }
    for number in 2..=seal_files::MOST {
        let (earlier, own) = (seal_files::time_stamp(number - 1), seal_files::time_stamp(number));
        if matches!(bag.seal(&earlier), Ok(None)) && !matches!(bag.seal(&own), Ok(None)) {
            let message = format!("The time-stamp {own} covers it, but it is missing.");
            faults.push(BagFault::new("bag-missing", format!("{SEAL}{earlier}"), message));
        }
    }
}

/// Checks the signature, the statement and the time-stamps.
pub(super) fn check_seal(
    request: &CheckRequest,
    bag: &CheckedBag,
    run: Option<&RunReport>,
) -> SealReport {
    // Trouble with one of its files leaves all of it open: the parts are over one another.
    if let Some(error) = seal_files::all().find_map(|name| bag.seal(&name).err()) {
        let problem = Some(error.to_string());
        let part = SealPart { trust: Trust::Unread, problem, ..SealPart::absent() };
        return SealReport {
            signature: part.clone(),
            statement: part.clone(),
            time_stamp: part,
            renewals: Vec::new(),
        };
    }
    let check = SealCheck::new(request, bag);
    let (signature, signed) = check.read_signature();
    let (time_stamps, trusted_time) = check.time_stamps(signature.as_deref());
    let signature = check.signature(signed.as_ref(), trusted_time);
    let statement = check.statement(signed.as_ref(), signature.trust, run);
    let mut time_stamps = time_stamps.into_iter();
    let time_stamp = time_stamps.next().unwrap_or(SealPart::absent());
    SealReport { signature, statement, time_stamp, renewals: time_stamps.collect() }
}

/// A part of the seal that does not fit what it is over.
fn broken(problem: String) -> SealPart {
    SealPart { trust: Trust::Broken, problem: Some(problem), ..SealPart::absent() }
}

/// The seal of a bag, and the authorities that its parts must lead to.
struct SealCheck<'a> {
    bag: &'a CheckedBag,
    /// The authorities with the revocation lists of the seal; empty for none.
    authorities: Authorities,
    /// Error in reading those lists: one that cannot be read may be the one that matters.
    lists: Result<(), DocumentError>,
    /// The time of the check.
    now: Timestamp,
}

impl<'a> SealCheck<'a> {
    fn new(request: &CheckRequest, bag: &'a CheckedBag) -> Self {
        let authorities = request.authorities.clone();
        let mut check = Self { bag, authorities, lists: Ok(()), now: request.now };
        if !check.authorities.is_empty()
            && let Some(bytes) = check.file(seal_files::LISTS)
        {
            let lists =
                bytes.and_then(|bytes| RevocationLists::decode(&bytes).map_err(|e| e.to_string()));
            check.lists = lists.map(|lists| check.authorities.add_lists(lists)).map_err(|error| {
                DocumentError::Untrusted(format!("{}: {error}", seal_files::LISTS))
            });
        }
        check
    }

    /// A file of the seal; `None` where it is absent.
    fn file(&self, name: &str) -> Option<Result<Vec<u8>, String>> {
        self.bag.seal(name).map_err(|error| error.to_string()).transpose()
    }

    /// Checks whether a certificate leads to the authorities, if there are any.
    fn trust(
        &self,
        check: impl FnOnce(&Authorities) -> Result<(), DocumentError>,
    ) -> (Trust, Option<String>) {
        if self.authorities.is_empty() {
            return (Trust::Unchecked, None);
        }
        match self.lists.clone().and_then(|()| check(&self.authorities)) {
            Ok(()) => (Trust::Trusted, None),
            Err(error) => (Trust::Untrusted, Some(error.to_string())),
        }
    }

    /// The file of the signature, and what it proves if it is over the tag manifest.
    fn read_signature(&self) -> (Option<Vec<u8>>, Option<Result<Signed, String>>) {
        let bytes = match self.file(seal_files::SIGNATURE) {
            None => return (None, None),
            Some(Err(error)) => return (None, Some(Err(error))),
            Some(Ok(bytes)) => bytes,
        };
        let signed = cms::verify(&bytes, &self.bag.tag_manifest).map_err(|e| e.to_string());
        let signed = signed.and_then(|signed| match self.file(seal_files::SIGNER) {
            Some(Ok(pem)) if !signed.is_by_first_of(&pem) => {
                Err(format!("{} holds another certificate than the signature", seal_files::SIGNER))
            }
            Some(Err(error)) => Err(format!("{}: {error}", seal_files::SIGNER)),
            _ => Ok(signed),
        });
        (Some(bytes), Some(signed))
    }

    /// Checks the time-stamps up to the first that does not fit. Returns the earliest trusted time
    /// too, at which the bag was there.
    fn time_stamps(&self, signature: Option<&[u8]>) -> (Vec<SealPart>, Option<Timestamp>) {
        let mut chain = StampChain::over(signature, &self.bag.tag_manifest);
        let (mut parts, mut trusted_time) = (Vec::new(), None);
        for number in 1..=seal_files::MOST {
            let Some(response) = self.file(&seal_files::time_stamp(number)) else { break };
            let stamp =
                response.and_then(|response| chain.add(&response).map_err(|e| e.to_string()));
            let stamp = match stamp {
                Ok(stamp) => stamp,
                Err(problem) => {
                    parts.push(broken(problem));
                    break;
                }
            };
            let (mut trust, mut problem) = self.trust(|authorities| stamp.check_trust(authorities));
            // What is no authority's certificate is none without asking who certified it.
            if let Err(error) = stamp.check_purpose() {
                (trust, problem) = (Trust::Untrusted, Some(error.to_string()));
            }
            if trust == Trust::Trusted {
                trusted_time = trusted_time.into_iter().chain([stamp.time]).min();
            }
            let (by, time) = (Some(stamp.by()), Some(stamp.time));
            parts.push(SealPart { trust, by, time, problem });
        }
        (parts, trusted_time)
    }

    fn signature(
        &self,
        signed: Option<&Result<Signed, String>>,
        trusted_time: Option<Timestamp>,
    ) -> SealPart {
        match signed {
            None => SealPart::absent(),
            Some(Err(problem)) => broken(problem.clone()),
            Some(Ok(signed)) => {
                // A certificate expires; a time-stamp shows that the signature was there before.
                let time = trusted_time.unwrap_or(self.now);
                let (trust, problem) = self
                    .trust(|authorities| signed.check_trust(authorities, Purpose::Signing, time));
                SealPart { trust, by: Some(signed.by()), time: signed.time, problem }
            }
        }
    }

    /// Checks the statement, which is worth what the signature is: it is by the same key.
    fn statement(
        &self,
        signed: Option<&Result<Signed, String>>,
        trust: Trust,
        run: Option<&RunReport>,
    ) -> SealPart {
        let envelope = match self.file(seal_files::STATEMENT) {
            None => return SealPart::absent(),
            Some(Err(error)) => return broken(error),
            Some(Ok(envelope)) => envelope,
        };
        let Some(Ok(signed)) = signed else {
            return broken("there is no signature whose key it could be checked with".into());
        };
        match check_statement(&envelope, signed, self.bag, run) {
            Err(problem) => broken(problem),
            Ok(()) => SealPart { trust, ..SealPart::absent() },
        }
    }
}

/// Checks that a statement is about this bag, and gives the verdict of its report.
fn check_statement(
    envelope: &[u8],
    signed: &Signed,
    bag: &CheckedBag,
    run: Option<&RunReport>,
) -> Result<(), String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Statement {
        #[serde(rename = "_type")]
        of_type: String,
        subject: Vec<StatementSubject>,
        predicate_type: String,
        predicate: Predicate,
    }
    #[derive(Deserialize)]
    #[serde(expecting = "struct Subject")]
    struct StatementSubject {
        digest: BTreeMap<String, String>,
    }
    #[derive(Deserialize)]
    struct Predicate {
        bag: String,
        verdict: Verdict,
    }
    let payload = dsse::verify(envelope, signed).map_err(|error| error.to_string())?;
    let statement: Statement =
        serde_json::from_slice(&payload).map_err(|error| format!("its statement: {error}"))?;
    if statement.of_type != seal::STATEMENT || statement.predicate_type != seal::PREDICATE {
        return Err("it is a statement of another kind".into());
    }
    let names = |hash: Option<&Sha256Hash>| {
        let hash = hash.map(ToString::to_string);
        statement.subject.iter().any(|s| s.digest.get("sha256") == hash.as_ref() && hash.is_some())
    };
    if !names(Some(&Sha256Hash::of(&bag.tag_manifest))) || !names(bag.payload.get(RUN)) {
        return Err("it is a statement about another bag".into());
    }
    // A missing name is reported with the other lines of that file.
    if let Some(name) = bag.info(recomputed::NAME)
        && one_line(&statement.predicate.bag).trim() != name
    {
        return Err(format!("it calls the bag {}, and {INFO} {name}", statement.predicate.bag));
    }
    match run {
        Some(run) if run.verdict != statement.predicate.verdict => Err(format!(
            "it says {}, and the bag's report {}",
            statement.predicate.verdict, run.verdict
        )),
        _ => Ok(()),
    }
}
