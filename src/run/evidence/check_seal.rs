//! What the seal of a bag is worth.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::check_request::CheckRequest;
use super::stamp_chain::StampChain;
use super::{RUN, recomputed, seal, seal_files};
use crate::crypto::document::cms::Signed;
use crate::crypto::document::revocation::RevocationLists;
use crate::crypto::document::{DocumentError, Purpose, cms, dsse};
use crate::model::Sha256Hash;
use crate::report::evidence::{SealPart, SealReport, Trust};
use crate::report::{RunReport, Verdict};
use crate::store::bag::{CheckedBag, INFO, one_line};

/// Checks the signature, the statement and the time-stamp.
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
    let asked = !request.authorities.is_empty();
    let mut authorities = request.authorities.clone();
    let file = |name: &str| bag.seal(name).map_err(|error| error.to_string()).transpose();
    let broken = |problem: String| SealPart {
        trust: Trust::Broken,
        problem: Some(problem),
        ..SealPart::absent()
    };
    // A list that cannot be read may be the one that matters.
    let lists = match file(seal_files::LISTS).filter(|_| asked) {
        None => Ok(()),
        Some(bytes) => bytes
            .and_then(|bytes| RevocationLists::decode(&bytes).map_err(|e| e.to_string()))
            .map(|lists| authorities.add_lists(lists))
            .map_err(|error| DocumentError::Untrusted(format!("{}: {error}", seal_files::LISTS))),
    };
    let (bytes, signed) = match file(seal_files::SIGNATURE) {
        None => (None, None),
        Some(Err(error)) => (None, Some(Err(error))),
        Some(Ok(bytes)) => {
            let signed = cms::verify(&bytes, &bag.tag_manifest).map_err(|e| e.to_string());
            let signed = signed.and_then(|signed| match file(seal_files::SIGNER) {
                Some(Ok(pem)) if !signed.is_by_first_of(&pem) => Err(format!(
                    "{} holds another certificate than the signature",
                    seal_files::SIGNER
                )),
                Some(Err(error)) => Err(format!("{}: {error}", seal_files::SIGNER)),
                _ => Ok(signed),
            });
            (Some(bytes), Some(signed))
        }
    };
    let mut chain = StampChain::over(bytes.as_deref(), &bag.tag_manifest);
    let (mut time_stamps, mut trusted_time) = (Vec::new(), None);
    for number in 1..=seal_files::MOST {
        let Some(response) = file(&seal_files::time_stamp(number)) else { break };
        match response.and_then(|response| chain.add(&response).map_err(|e| e.to_string())) {
            Err(problem) => {
                time_stamps.push(broken(problem));
                break;
            }
            Ok(stamp) => {
                let (mut trust, mut problem) =
                    trust(asked, || lists.clone().and_then(|()| stamp.check_trust(&authorities)));
                // What is no authority's certificate is none without asking who certified it.
                if let Err(error) = stamp.check_purpose() {
                    (trust, problem) = (Trust::Untrusted, Some(error.to_string()));
                }
                if trust == Trust::Trusted {
                    // The bag was there at each of these times.
                    trusted_time = trusted_time.into_iter().chain([stamp.time]).min();
                }
                let (by, time) = (Some(stamp.by()), Some(stamp.time));
                time_stamps.push(SealPart { trust, by, time, problem });
            }
        }
    }
    let mut time_stamps = time_stamps.into_iter();
    let time_stamp = time_stamps.next().unwrap_or(SealPart::absent());
    let signature = match &signed {
        None => SealPart::absent(),
        Some(Err(problem)) => broken(problem.clone()),
        Some(Ok(signed)) => {
            // A certificate expires; that the signature was there before is what a time-stamp shows.
            let time = trusted_time.unwrap_or(request.now);
            let (trust, problem) = trust(asked, || {
                lists.clone()?;
                signed.check_trust(&authorities, Purpose::Signing, time)
            });
            SealPart { trust, by: Some(signed.by()), time: signed.time, problem }
        }
    };
    let statement = match (file(seal_files::STATEMENT), &signed) {
        (None, _) => SealPart::absent(),
        (Some(Err(error)), _) => broken(error),
        (Some(Ok(_)), None | Some(Err(_))) => {
            broken("there is no signature whose key it could be checked with".into())
        }
        (Some(Ok(envelope)), Some(Ok(signed))) => {
            match check_statement(&envelope, signed, bag, run) {
                Err(problem) => broken(problem),
                // It is by the same key, so it is worth what the signature is.
                Ok(()) => SealPart { trust: signature.trust, ..SealPart::absent() },
            }
        }
    };
    SealReport { signature, statement, time_stamp, renewals: time_stamps.collect() }
}

fn trust(
    asked: bool,
    check: impl FnOnce() -> Result<(), DocumentError>,
) -> (Trust, Option<String>) {
    if !asked {
        return (Trust::Unchecked, None);
    }
    match check() {
        Ok(()) => (Trust::Trusted, None),
        Err(error) => (Trust::Untrusted, Some(error.to_string())),
    }
}

/// Tells if a statement is about this bag and says of it what its report does.
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
        subject: Vec<Subject>,
        predicate_type: String,
        predicate: Predicate,
    }
    #[derive(Deserialize)]
    struct Subject {
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
    // That it has no name is told of with its other lines, where they could be read.
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
