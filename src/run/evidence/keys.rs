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
/// Source of each key.
const SOURCES: &str = "data/keys/sources.json";
/// Bytes of a key file that are read.
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
#[serde(expecting = "struct Source")]
struct KeyOrigin {
    bits: u32,
    fingerprint: Fingerprint,
    form: String,
    region: Option<Region>,
    source: String,
    valid_from: Option<Timestamp>,
    valid_to: Option<Timestamp>,
}

impl KeyOrigin {
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

    /// True if it may describe a key that was read from the bag. Lists hold whole seconds.
    fn is_of(&self, key: &PublicKey) -> bool {
        let second = |time: Option<Timestamp>| time.map(Timestamp::as_second);
        self.region.as_ref() == key.region()
            && self.bits == key.bits()
            && second(self.valid_from) == second(key.validity().map(|v| v.from))
            && second(self.valid_to) == second(key.validity().map(|v| v.to))
    }

    fn is_reported_as(&self, key: &KeyReport) -> bool {
        (&self.fingerprint, &self.region) == (&key.fingerprint, &key.region)
            && (self.valid_from, self.valid_to) == (key.valid_from, key.valid_to)
    }
}

/// Keys as DER with their validity, by region.
type KeyLists<'a> = BTreeMap<Option<&'a Region>, BTreeSet<(Vec<u8>, Validity)>>;

/// Writes keys: as lists for trailseal and for people, and each as PEM for OpenSSL, named by the
/// fingerprint that digests name it by.
pub(super) fn write(bag: &mut BagWriter, keys: &[PublicKey]) -> io::Result<()> {
    let mut lists = KeyLists::new();
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
        sources.push(KeyOrigin::of(key));
    }
    sources.sort();
    sources.dedup();
    write_lists(bag, lists)?;
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

/// Writes the lists of keys with a validity.
fn write_lists(bag: &mut BagWriter, lists: KeyLists<'_>) -> io::Result<()> {
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
    if of_regions.is_empty() {
        return Ok(());
    }
    bag.add(OF_REGIONS, pretty(&of_regions)?.as_bytes())
}

/// True for the path of a file of keys.
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
    let mut seen: BTreeSet<_> = keys.iter().map(|key| key.pkcs1_der().to_vec()).collect();
    let pems = bag.payload.keys().filter(|p| p.starts_with(FOLDER) && p.ends_with(".pem"));
    for path in pems {
        for key in read(path)? {
            if seen.insert(key.pkcs1_der().to_vec()) {
                keys.push(key);
            }
        }
    }
    Ok(keys)
}

/// Claims of a bag on its keys that contradict each other. `keys` are those that were read of it.
pub(super) fn claims(bag: &CheckedBag, keys: &[PublicKey], run: &RunReport) -> Vec<Claim> {
    let mut check = KeyCheck { bag, keys, run, claims: Vec::new() };
    check.pem_files();
    check.sources();
    check.claims
}

/// Comparison of the keys of a bag with its PEM files, its list of sources and its report.
struct KeyCheck<'a> {
    bag: &'a CheckedBag,
    keys: &'a [PublicKey],
    run: &'a RunReport,
    claims: Vec<Claim>,
}

impl KeyCheck<'_> {
    fn claim(&mut self, path: &str, message: impl Into<String>) {
        self.claims.push((path.to_owned(), message.into()));
    }

    /// Compares each PEM file with its name, and the keys with the files.
    fn pem_files(&mut self) {
        let (bag, keys) = (self.bag, self.keys);
        let mut files: BTreeSet<(String, Vec<u8>)> = BTreeSet::new();
        for path in bag.payload.keys() {
            let stem = path.strip_prefix(FOLDER).and_then(|name| name.strip_suffix(".pem"));
            let Some(stem) = stem else { continue };
            let named = stem.split_once('-').map_or(stem, |(named, _)| named);
            let Ok(bytes) = bag.read(path, LIMIT) else { continue };
            let parsed = parse_key_file(path, &bytes).unwrap_or_default();
            let Ok([key]) = <[PublicKey; 1]>::try_from(parsed) else {
                self.claim(path, "It is not one public key.");
                continue;
            };
            if key.spki_pem().is_none_or(|pem| pem.as_bytes() != bytes) {
                self.claim(path, "It contains more than a public key.");
            }
            let same = |other: &&PublicKey| other.pkcs1_der() == key.pkcs1_der();
            let mut names = keys.iter().filter(same).flat_map(PublicKey::fingerprints);
            if !names.any(|name| name.as_str() == named) {
                self.claim(path, "Its key differs from its file name.");
            }
            files.insert((named.to_owned(), key.pkcs1_der().to_vec()));
        }
        for key in keys {
            for name in key.fingerprints() {
                if !files.contains(&(name.to_string(), key.pkcs1_der().to_vec())) {
                    self.claim(OF_REGIONS, format!("There is no PEM file of the key {name}."));
                }
            }
        }
    }

    /// Compares the list of sources with the keys and the report.
    fn sources(&mut self) {
        let (keys, run) = (self.keys, self.run);
        let bytes = self.bag.read(SOURCES, LIMIT).map_err(|error| error.to_string());
        let sources: Result<Vec<KeyOrigin>, _> =
            bytes.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|e| e.to_string()));
        let sources = match sources {
            Ok(sources) => sources,
            Err(error) => {
                let message = format!("It is not a valid list of key sources: {error}.");
                return self.claim(SOURCES, message);
            }
        };
        let mut described: Vec<(&KeyOrigin, BTreeSet<&[u8]>)> = Vec::new();
        for source in &sources {
            let KeyOrigin { fingerprint, .. } = source;
            let named = |key: &&PublicKey| key.fingerprints().any(|name| name == fingerprint);
            let keys = keys.iter().filter(named).filter(|key| source.is_of(key));
            let ders: BTreeSet<_> = keys.map(PublicKey::pkcs1_der).collect();
            if ders.is_empty() {
                let message = format!("It tells of a key {fingerprint} that is not in the bag so.");
                self.claim(SOURCES, message);
            }
            if !run.keys.iter().any(|key| source.is_reported_as(key)) {
                let message = format!("It tells of a key {fingerprint} that the report does not.");
                self.claim(SOURCES, message);
            }
            described.push((source, ders));
        }
        for key in keys {
            let is_described = |(source, ders): &(&KeyOrigin, BTreeSet<&[u8]>)| {
                source.is_of(key) && ders.contains(key.pkcs1_der())
            };
            if !described.iter().any(is_described) {
                self.claim(SOURCES, format!("It lacks the key {}.", key.fingerprint()));
            }
        }
        for key in &run.keys {
            let same =
                |source: &KeyOrigin| source.is_reported_as(key) && source.source == key.source;
            if !sources.iter().any(same) {
                let message = format!("It does not tell of the report's key {}.", key.fingerprint);
                self.claim(SOURCES, message);
            }
        }
    }
}
