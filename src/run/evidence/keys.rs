//! The public keys of a run, in a bag.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Map;

use super::recomputed::Claim;
use crate::crypto::{
    KeyForm, PublicKey, Validity, parse_key_file, public_key_list, render_public_keys,
};
use crate::model::{ChainId, Fingerprint, Region, Window};
use crate::report::{KeyReport, RunReport};
use crate::run::verify::{CloudTrail, TrailAnswer};
use crate::store::bag::{BagWriter, CheckedBag};

/// Folder of the keys.
pub(super) const FOLDER: &str = "data/keys/";
/// Keys that a region published, as `list-public-keys` prints them, one list a region.
pub(super) const OF_REGIONS: &str = "data/keys/public-keys.json";
/// Keys with a validity that no region is known of.
pub(super) const OF_NO_REGION: &str = "data/keys/public-keys-of-any-region.json";
/// Where each came from.
const SOURCES: &str = "data/keys/sources.json";
/// The largest key file that is read.
const LIMIT: u64 = crate::crypto::KEY_FILE_LIMIT as u64;

/// CloudTrail, and a record of the keys that it returned.
pub(super) struct RecordingCloudTrail<'a> {
    inner: &'a dyn CloudTrail,
    keys: Mutex<Vec<PublicKey>>,
}

impl<'a> RecordingCloudTrail<'a> {
    pub(super) fn new(inner: &'a dyn CloudTrail) -> Self {
        Self { inner, keys: Mutex::default() }
    }

    pub(super) fn into_keys(self) -> Vec<PublicKey> {
        self.keys.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CloudTrail for RecordingCloudTrail<'_> {
    fn keys(&self, region: &Region, window: Window) -> Result<Vec<PublicKey>, String> {
        let keys = self.inner.keys(region, window)?;
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).extend(keys.iter().cloned());
        Ok(keys)
    }

    fn trail(&self, chain: &ChainId) -> Result<TrailAnswer, String> {
        self.inner.trail(chain)
    }
}

/// Source of a key: an entry of `sources.json`. The fields' order is that of the names, as
/// entries are sorted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct KeySource {
    bits: u32,
    fingerprint: Fingerprint,
    form: String,
    region: Option<Region>,
    source: String,
    valid_from: Option<Timestamp>,
    valid_to: Option<Timestamp>,
}

impl KeySource {
    fn of(key: &PublicKey) -> Self {
        Self {
            bits: key.bits(),
            fingerprint: key.fingerprint().clone(),
            form: key.form().as_str().to_owned(),
            region: key.region().cloned(),
            source: key.source().to_owned(),
            valid_from: key.validity().map(|v| v.from),
            valid_to: key.validity().map(|v| v.to),
        }
    }

    /// Tells if a key that was read from the bag may be the one that it speaks of. Lists hold whole
    /// seconds.
    fn is_of(&self, key: &PublicKey) -> bool {
        let second = |time: Option<Timestamp>| time.map(Timestamp::as_second);
        self.region.as_ref() == key.region()
            && self.bits == key.bits()
            && second(self.valid_from) == second(key.validity().map(|v| v.from))
            && second(self.valid_to) == second(key.validity().map(|v| v.to))
    }

    fn is_told_by(&self, key: &KeyReport) -> bool {
        (&self.fingerprint, &self.region) == (&key.fingerprint, &key.region)
            && (self.valid_from, self.valid_to) == (key.valid_from, key.valid_to)
    }
}

/// Writes keys: as lists for trailseal and for people, and each as PEM for OpenSSL, named by the
/// fingerprint that digests name it by.
pub(super) fn write(bag: &mut BagWriter, keys: &[PublicKey]) -> io::Result<()> {
    let mut lists: BTreeMap<Option<&Region>, BTreeSet<(Vec<u8>, Validity)>> = BTreeMap::new();
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut sources = Vec::new();
    for key in keys {
        let pem = key.spki_pem().ok_or_else(|| {
            io::Error::other(format!("key {} cannot be written", key.fingerprint()))
        })?;
        for fingerprint in key.fingerprints() {
            files.entry(fingerprint.to_string()).or_default().insert(pem.clone());
        }
        if let Some(validity) = key.validity() {
            let list = lists.entry(key.region()).or_default();
            list.insert((key.named_der(), validity));
            // From a file it is found by the fingerprint of either of its two forms.
            if key.form() != KeyForm::ListPublicKeys {
                list.extend(key.spki_der().map(|der| (der, validity)));
            }
        }
        sources.push(KeySource::of(key));
    }
    sources.sort();
    sources.dedup();
    let mut of_regions = Map::new();
    for (region, list) in lists {
        let list: Vec<_> = list.iter().map(|(der, validity)| (der.as_slice(), *validity)).collect();
        match region {
            None => bag.add(OF_NO_REGION, render_public_keys(&list).as_bytes())?,
            Some(region) => {
                of_regions.insert(region.to_string(), public_key_list(&list));
            }
        }
    }
    if !of_regions.is_empty() {
        bag.add(OF_REGIONS, pretty(&of_regions)?.as_bytes())?;
    }
    bag.add(SOURCES, pretty(&sources)?.as_bytes())?;
    for (fingerprint, pems) in files {
        for (number, pem) in pems.iter().enumerate() {
            // Two keys may be made to share a fingerprint; then each has a file.
            let more = if number == 0 { String::new() } else { format!("-{}", number + 1) };
            bag.add(&format!("{FOLDER}{fingerprint}{more}.pem"), pem.as_bytes())?;
        }
    }
    Ok(())
}

/// Whether a file of the payload is one of keys.
pub(super) fn is_of_bag(path: &str) -> bool {
    let of_key = || path.strip_prefix(FOLDER).and_then(|name| name.strip_suffix(".pem"));
    [OF_REGIONS, OF_NO_REGION, SOURCES].contains(&path)
        || of_key().is_some_and(|name| !name.contains('/'))
}

fn pretty(value: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// The keys of a bag; those that its lists do not have are read from their PEM.
pub(super) fn read(bag: &CheckedBag) -> Result<Vec<PublicKey>, String> {
    let read = |path: &str| -> Result<Vec<PublicKey>, String> {
        let bytes = bag.read(path, LIMIT).map_err(|error| format!("{path}: {error}"))?;
        parse_key_file(path, &bytes).map_err(|error| error.to_string())
    };
    let mut keys = Vec::new();
    for path in [OF_REGIONS, OF_NO_REGION] {
        if bag.payload.contains_key(path) {
            keys.extend(read(path)?);
        }
    }
    let listed: BTreeSet<_> = keys.iter().map(|key| key.pkcs1_der().to_vec()).collect();
    let pems = bag.payload.keys().filter(|p| p.starts_with(FOLDER) && p.ends_with(".pem"));
    let mut seen = listed;
    for path in pems {
        for key in read(path)? {
            if seen.insert(key.pkcs1_der().to_vec()) {
                keys.push(key);
            }
        }
    }
    Ok(keys)
}

/// Statements of the bag on its keys that differ from place to place: `keys` are those that
/// were read of it.
pub(super) fn claims(bag: &CheckedBag, keys: &[PublicKey], run: &RunReport) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut says = |path: &str, said: &str| claims.push((path.to_owned(), said.to_owned()));
    let mut files: BTreeSet<(String, Vec<u8>)> = BTreeSet::new();
    for path in bag.payload.keys().filter(|path| path.starts_with(FOLDER)) {
        let Some(stem) = path.strip_prefix(FOLDER).and_then(|name| name.strip_suffix(".pem"))
        else {
            continue;
        };
        let named = stem.split_once('-').map_or(stem, |(named, _)| named);
        let Ok(bytes) = bag.read(path, LIMIT) else { continue };
        let Ok([key]) =
            <[PublicKey; 1]>::try_from(parse_key_file(path, &bytes).unwrap_or_default())
        else {
            says(path, "It is not one public key.");
            continue;
        };
        if key.spki_pem().is_none_or(|pem| pem.as_bytes() != bytes) {
            says(path, "It contains more than a public key.");
        }
        let same = |other: &&PublicKey| other.pkcs1_der() == key.pkcs1_der();
        let mut names = keys.iter().filter(same).flat_map(PublicKey::fingerprints);
        if !names.any(|name| name.as_str() == named) {
            says(path, "Its key differs from its file name.");
        }
        files.insert((named.to_owned(), key.pkcs1_der().to_vec()));
    }
    for key in keys {
        for name in key.fingerprints() {
            if !files.contains(&(name.to_string(), key.pkcs1_der().to_vec())) {
                says(OF_REGIONS, &format!("There is no PEM file of the key {name}."));
            }
        }
    }
    let sources = bag.read(SOURCES, LIMIT).map_err(|error| error.to_string());
    let sources = sources.and_then(|bytes| {
        serde_json::from_slice::<Vec<KeySource>>(&bytes).map_err(|error| error.to_string())
    });
    let sources = match sources {
        Ok(sources) => sources,
        Err(error) => {
            says(SOURCES, &format!("It is not a valid list of key sources: {error}."));
            return claims;
        }
    };
    let der_of = |source: &KeySource| -> BTreeSet<&[u8]> {
        let named = |key: &&PublicKey| key.fingerprints().any(|name| *name == source.fingerprint);
        let keys = keys.iter().filter(named).filter(|key| source.is_of(key));
        keys.map(PublicKey::pkcs1_der).collect()
    };
    let mut known: Vec<(&KeySource, BTreeSet<&[u8]>)> = Vec::new();
    for source in &sources {
        let ders = der_of(source);
        if ders.is_empty() {
            let said =
                format!("It tells of a key {} that is not in the bag so.", source.fingerprint);
            says(SOURCES, &said);
        }
        if !run.keys.iter().any(|key| source.is_told_by(key)) {
            let said =
                format!("It tells of a key {} that the report does not.", source.fingerprint);
            says(SOURCES, &said);
        }
        known.push((source, ders));
    }
    for key in keys {
        let is_known = |(source, ders): &(&KeySource, BTreeSet<&[u8]>)| {
            source.is_of(key) && ders.contains(key.pkcs1_der())
        };
        if !known.iter().any(is_known) {
            says(SOURCES, &format!("It lacks the key {}.", key.fingerprint()));
        }
    }
    for key in &run.keys {
        let same = |source: &KeySource| source.is_told_by(key) && source.source == key.source;
        if !sources.iter().any(same) {
            let said = format!("It does not tell of the report's key {}.", key.fingerprint);
            says(SOURCES, &said);
        }
    }
    claims
}
