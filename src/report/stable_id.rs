//! Ids that last: the same whenever the same thing is named.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::RunReport;
use crate::model::hash::Sha256Stream;
use crate::verify::Finding;

/// Stable 128-bit id of `parts`, in hexadecimal.
pub(super) fn stable_id(parts: &[&str]) -> String {
    let mut hash = Sha256Stream::default();
    for part in parts {
        // The length keeps `ab`, `c` and `a`, `bc` apart.
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    short(hash)
}

fn short(hash: Sha256Stream) -> String {
    hash.finish().to_string().chars().take(32).collect()
}

/// Id of each finding, the same in every run that finds it: it does not depend on what else
/// is found, nor on the wording of the message. Findings that nothing tells apart are numbered.
pub(super) fn finding_ids(report: &RunReport) -> Vec<String> {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut name = |finding: &Finding| {
        let chain = finding.chain.as_ref().map(ToString::to_string).unwrap_or_default();
        let start = finding.start.map(|t| t.to_string()).unwrap_or_default();
        let [bucket, key] = [&finding.bucket, &finding.key].map(|t| t.as_deref().unwrap_or(""));
        let name = stable_id(&[finding.code.as_str(), &chain, bucket, key, &start]);
        let number = seen.entry(name.clone()).or_default();
        *number += 1;
        if *number == 1 { name } else { format!("{name}-{number}") }
    };
    report.findings.iter().map(&mut name).collect()
}

/// Id of the requested scope: the same in every run over the same sources and filters, in
/// whatever order they are given.
pub(super) fn scope_id(report: &RunReport) -> String {
    let scope = &report.scope;
    let lists = [&scope.sources, &scope.accounts, &scope.regions, &scope.trails];
    let mut parts = Vec::new();
    for list in lists {
        parts.push("");
        let values = list.iter().map(|value| match value.trim_end_matches('/') {
            "" => value.as_str(),
            value => value,
        });
        parts.extend(values.collect::<BTreeSet<_>>());
    }
    stable_id(&parts)
}

/// A writer that hashes what is written.
#[derive(Default)]
pub(super) struct HashWriter(pub(super) Sha256Stream);

impl Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Id of this very report.
///
/// # Errors
/// When the report has no JSON form.
pub(super) fn report_id(report: &RunReport) -> io::Result<String> {
    let mut out = io::BufWriter::new(HashWriter::default());
    serde_json::to_writer(&mut out, report)?;
    let HashWriter(hash) = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(short(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_tell_parts_apart() {
        assert_ne!(stable_id(&["ab", "c"]), stable_id(&["a", "bc"]));
        assert_ne!(stable_id(&["a"]), stable_id(&["a", ""]));
        assert_eq!(stable_id(&["a"]).len(), 32);
    }
}
