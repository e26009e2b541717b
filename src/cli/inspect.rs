//! `trailseal inspect`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::question::read_keys;
use super::{Console, Failure, INCOMPLETE, ResultFormat};
use crate::crypto::KeyRing;
use crate::model::{DigestHead, DigestKey, Printable};
use crate::report::json::render_line;
use crate::store::{DirectoryStore, Store};
use crate::verify::digest::{
    CheckedDigest, DigestContent, Location, Rules, State, StoredObject, Trouble, check_digest,
};
use crate::verify::inflate::AlreadyInflated;
use crate::verify::{Limits, MemoryBudget, Severity};

const EXAMPLES: &str = "\
Examples:
  Show a digest and check its signature:
    trailseal inspect copy/AWSLogs/.../..._20260710T120000Z.json.gz --keys keys.json

  Its signing string, to check the signature with OpenSSL:
    trailseal inspect DIGEST --format json | jq -r .signing_string

The signature is read from DIGEST.metadata.json, as aws s3api head-object prints it. Use trailseal
verify to check the links to other digests, and the log files.

Exit status:
  0  the signature is valid      1  the digest or its signature is invalid
  2  wrong usage                 3  the signature or its key is missing";

/// Next step where there is no digest to show.
const A_DIGEST: &str = "use the path of a digest in a copy: .../CloudTrail-Digest/REGION/YYYY/MM/DD/NAME.json.gz; to check a whole copy or bucket, use trailseal verify";

/// Show one digest: fields, signing string, key, verdict
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct InspectArgs {
    /// The digest, as a file in a copy
    #[arg(value_name = "DIGEST")]
    digest: PathBuf,

    /// Public keys: list-public-keys JSON, PEM or DER keys, X.509 certificates; a folder of these,
    /// or `-` for standard input (repeatable)
    #[arg(long, value_name = "FILE|DIR|-")]
    keys: Vec<PathBuf>,

    /// Format of the output
    #[arg(long, value_enum, default_value_t = ResultFormat::Text)]
    format: ResultFormat,
}

/// Runs the command.
///
/// # Errors
/// When the file cannot be read.
pub fn run(args: &InspectArgs, io: &mut Console<'_>) -> Result<u8, Failure> {
    let keys = if args.keys.is_empty() { KeyRing::new() } else { read_keys(&args.keys)? };
    let rules = Rules {
        keys,
        limits: Limits::default(),
        // One digest, which is to be shown whole.
        memory: MemoryBudget::of(u64::MAX),
        already_inflated: AlreadyInflated::Accept,
        unsigned: Severity::Incomplete,
        key_unknown: Severity::Incomplete,
    };
    let examined = read(&args.digest, &rules)?;
    let (verdict, status, reason) = verdict(&examined, args.keys.is_empty());
    let shown = InspectedDigest { examined: &examined, rules: &rules, verdict, reason: &reason };
    let written = match args.format {
        ResultFormat::Text => shown.text(io.out),
        ResultFormat::Json => render_line(&shown.json(), io.out),
    };
    written.map_err(|e| Failure::internal(format!("the output cannot be written: {e}")))?;
    Ok(status)
}

/// Reads the file as its own folder holds it, under the key that its path tells.
fn read(path: &Path, rules: &Rules) -> Result<CheckedDigest, Failure> {
    let shown = path.display().to_string();
    let trouble = |e: &dyn std::fmt::Display| Failure::usage(format!("{}: {e}", Printable(&shown)));
    let path = std::fs::canonicalize(path).map_err(|e| trouble(&e).remedy(A_DIGEST))?;
    if path.is_dir() {
        return Err(trouble(&"a directory, not a digest").remedy(A_DIGEST));
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|n| n.to_str()))
    else {
        return Err(trouble(&"not a file with a readable name"));
    };
    let open = || DirectoryStore::open(folder, &*shown);
    let store = open().map_err(|e| trouble(&e))?;
    let object = store.get(name).map_err(|e| trouble(&e))?;
    // The path tells the key but for the prefix, which the digest itself then supplies.
    let text = path.to_str().unwrap_or(name);
    let inside = text.rfind("AWSLogs/").and_then(|at| text.get(at..)).unwrap_or(name);
    let stated = stated_key(&store, name, rules);
    let key = match stated {
        Some(stated) if stated.ends_with(inside) => stated,
        _ => inside.to_owned(),
    };
    let Some(parsed) = DigestKey::parse(&key) else {
        return Err(trouble(
            &"not a digest path (…/CloudTrail-Digest/<region>/<YYYY>/<MM>/<DD>/<name>), and its content names no such path either. Use a digest with its path in the bucket or copy; to check log files, use trailseal verify",
        ));
    };
    let at = Location { bucket: None, key: key.as_str().into(), name: parsed };
    let metadata = object.metadata.map_err(Trouble::unreadable);
    Ok(check_digest(rules, at, Ok(StoredObject { body: object.body, metadata })))
}

fn stated_key(store: &DirectoryStore, name: &str, rules: &Rules) -> Option<String> {
    use crate::verify::inflate::inflate;
    let mut object = store.get(name).ok()?;
    let mut head = None;
    let already = rules.already_inflated;
    inflate(&mut object.body, rules.limits.digest, already, &mut |from| {
        head = DigestHead::read(from, &mut |_| {}).ok();
    })
    .ok()?;
    head.map(|head| head.object)
}

fn verdict(examined: &CheckedDigest, no_keys: bool) -> (&'static str, u8, String) {
    match &examined.state {
        State::Valid => ("valid", 0, "the signature in the metadata matches the digest".into()),
        State::Unsigned(Some(cause)) => {
            ("unsigned", INCOMPLETE, format!("the metadata could not be read: {cause}"))
        }
        State::Unsigned(None) => (
            "unsigned",
            INCOMPLETE,
            "no .metadata.json next to the file, or no signature in it".into(),
        ),
        State::Modified(message) => ("modified", 1, message.clone()),
        State::KeyUnknown if no_keys => {
            ("unchecked", INCOMPLETE, "no keys given: use --keys".into())
        }
        State::KeyUnknown => {
            ("key unknown", INCOMPLETE, "its key is not among the given keys".into())
        }
        State::Failed(finding) => {
            let status = if finding.severity == Severity::Violation { 1 } else { INCOMPLETE };
            let compared = finding.expected.as_ref().zip(finding.actual.as_ref());
            let compared = compared.map_or(String::new(), |(expected, actual)| {
                format!(" (expected {expected}, found {actual})")
            });
            (finding.code.as_str(), status, format!("{}{compared}", finding.message))
        }
    }
}

struct InspectedDigest<'a> {
    examined: &'a CheckedDigest,
    rules: &'a Rules,
    verdict: &'static str,
    reason: &'a str,
}

impl InspectedDigest<'_> {
    fn text(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let mut line = |name: &str, value: &str| writeln!(out, "{name:<22} {}", Printable(value));
        line("verdict", &format!("{}: {}", self.verdict, self.reason))?;
        line("object key", &self.examined.at.key)?;
        let Some(content) = &self.examined.content else { return Ok(()) };
        let DigestContent { digest, hash, log_files } = content;
        line("account", digest.account.as_str())?;
        line("region", self.examined.at.name.region.as_str())?;
        line("trail", self.examined.at.name.trail.as_str())?;
        line("home region", self.examined.at.name.home_region.as_str())?;
        line("covers", &format!("{} to {} (UTC)", digest.start, digest.end))?;
        line("bucket", &digest.bucket)?;
        line("SHA-256, inflated", &hash.to_string())?;
        line("signature", self.examined.signature.as_deref().unwrap_or("missing"))?;
        line("key fingerprint", digest.fingerprint.as_str())?;
        let region = &self.examined.at.name.region;
        for key in self.rules.keys.find(&digest.fingerprint, region) {
            let validity = key
                .validity()
                .map_or("without limit".to_owned(), |v| format!("{} to {}", v.from, v.to));
            line("public key", &format!("{} bit, valid {validity}, {}", key.bits(), key.source()))?;
        }
        match &digest.previous {
            None => line("previous digest", "none: this digest starts a chain")?,
            Some(previous) => {
                line("previous digest", &format!("{}/{}", previous.bucket, previous.object))?;
                line("  its SHA-256", &previous.hash.to_string())?;
                line("  its signature", &previous.signature)?;
            }
        }
        line("log files", &log_files.len().to_string())?;
        for log in log_files.kept().unwrap_or_default() {
            line(
                &format!("  {}…", log.hash.to_string().get(..16).unwrap_or_default()),
                &log.object,
            )?;
        }
        writeln!(out, "\nsigning string (LF between lines, none at the end):")?;
        for text in digest.signing_string(*hash).split('\n') {
            writeln!(out, "  {}", Printable(text))?;
        }
        Ok(())
    }

    fn json(&self) -> serde_json::Value {
        let CheckedDigest { at, content, signature, .. } = self.examined;
        let digest = content.as_ref().map(|c| &c.digest);
        json!({
            "verdict": self.verdict,
            "reason": self.reason,
            "key": &*at.key,
            "account": digest.map(|d| d.account.as_str()),
            "region": at.name.region.as_str(),
            "trail": at.name.trail.as_str(),
            "home_region": at.name.home_region.as_str(),
            "kind": at.name.kind,
            "start": digest.map(|d| d.start.to_string()),
            "end": digest.map(|d| d.end.to_string()),
            "bucket": digest.map(|d| d.bucket.as_str()),
            "sha256": content.as_ref().map(|c| c.hash.to_string()),
            "signature": signature,
            "fingerprint": digest.map(|d| d.fingerprint.as_str()),
            "signing_string": content.as_ref().map(|c| c.digest.signing_string(c.hash)),
            "previous": digest.and_then(|d| d.previous.as_ref()).map(|p| json!({
                "bucket": p.bucket,
                "key": p.object,
                "sha256": p.hash.to_string(),
                "signature": p.signature,
            })),
            "log_files": content.as_ref().map(|c| c.log_files.kept().unwrap_or_default().iter().map(|log| json!({
                "bucket": &*log.bucket,
                "key": &*log.object,
                "sha256": log.hash.to_string(),
                "newest_event": log.newest.map(|t| t.to_string()),
                "oldest_event": log.oldest.map(|t| t.to_string()),
            })).collect::<Vec<_>>()),
        })
    }
}
