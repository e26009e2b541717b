//! The public keys of a run, in a bag.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use crate::crypto::{KeyForm, PublicKey, Validity, parse_key_file, render_public_keys};
use crate::model::{ChainId, Region, Window};
use crate::run::verify::{CloudTrail, TrailAnswer};
use crate::store::bag::{BagWriter, Checked};

const FOLDER: &str = "data/keys/";
/// Keys that a region published, as `list-public-keys` prints them, one list a region.
const OF_REGIONS: &str = "data/keys/public-keys.json";
/// Keys with a validity that no region is known of.
const OF_NO_REGION: &str = "data/keys/public-keys-of-any-region.json";
/// Where each came from.
const SOURCES: &str = "data/keys/sources.json";
/// The largest key file that is read.
const LIMIT: u64 = crate::crypto::KEY_FILE_LIMIT as u64;

/// CloudTrail, and the keys that it gave.
pub(super) struct Remembering<'a> {
    inner: &'a dyn CloudTrail,
    keys: Mutex<Vec<PublicKey>>,
}

impl<'a> Remembering<'a> {
    pub(super) fn new(inner: &'a dyn CloudTrail) -> Self {
        Self { inner, keys: Mutex::default() }
    }

    pub(super) fn into_keys(self) -> Vec<PublicKey> {
        self.keys.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CloudTrail for Remembering<'_> {
    fn keys(&self, region: &Region, window: Window) -> Result<Vec<PublicKey>, String> {
        let keys = self.inner.keys(region, window)?;
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).extend(keys.iter().cloned());
        Ok(keys)
    }

    fn trail(&self, chain: &ChainId) -> Result<TrailAnswer, String> {
        self.inner.trail(chain)
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
            list.insert((key.pkcs1_der().to_vec(), validity));
            // From a file it is found by the fingerprint of either of its two forms.
            if key.form() != KeyForm::ListPublicKeys {
                list.extend(key.spki_der().map(|der| (der, validity)));
            }
        }
        sources.push(json!({
            "fingerprint": key.fingerprint(),
            "region": key.region(),
            "bits": key.bits(),
            "valid_from": key.validity().map(|v| v.from),
            "valid_to": key.validity().map(|v| v.to),
            "form": key.form().as_str(),
            "source": key.source(),
        }));
    }
    sources.sort_by_key(ToString::to_string);
    sources.dedup();
    let mut of_regions = Map::new();
    for (region, list) in lists {
        let list: Vec<_> = list.iter().map(|(der, validity)| (der.as_slice(), *validity)).collect();
        let text = render_public_keys(&list);
        match region {
            None => bag.add(OF_NO_REGION, text.as_bytes())?,
            Some(region) => {
                let value: Value = serde_json::from_str(&text)?;
                of_regions.insert(region.to_string(), value);
            }
        }
    }
    if !of_regions.is_empty() {
        bag.add(OF_REGIONS, pretty(&Value::Object(of_regions))?.as_bytes())?;
    }
    bag.add(SOURCES, pretty(&Value::Array(sources))?.as_bytes())?;
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

fn pretty(value: &Value) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// The keys of a bag; those that its lists do not have are read from their PEM.
pub(super) fn read(bag: &Checked) -> Result<Vec<PublicKey>, String> {
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
