//! The lines of the objects, on their way into a bag: what is not to be kept is let go of as soon
//! as it is judged.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use crate::model::{BucketName, Sha256Hash};
use crate::report::ObjectLine;
use crate::run::sources::Root;
use crate::store::Recorder;
use crate::store::recording::Place;

/// Where in the stores a bucket's objects are looked for.
#[derive(Clone)]
pub(super) struct Roots(pub(super) Vec<(usize, Root)>);

impl Roots {
    /// The places that a bucket's key may have, the first found first.
    pub(super) fn places(&self, bucket: Option<&str>, key: &str) -> impl Iterator<Item = Place> {
        self.0.iter().filter_map(move |(number, root)| {
            let here = match (&root.bucket, bucket) {
                (Some(root), Some(bucket)) => root.as_str() == bucket,
                _ => true,
            };
            Some((*number, root.path(key).filter(|_| here)?))
        })
    }

    /// The bucket and key of a place.
    pub(super) fn key(&self, (number, path): &Place) -> Option<(Option<&BucketName>, String)> {
        let (_, root) = self.0.iter().find(|(n, root)| n == number && root.holds(path))?;
        Some((root.bucket.as_ref(), root.key(path)))
    }
}

/// The sink of a run's object lines.
pub(super) struct Lines {
    file: BufWriter<File>,
    line: Vec<u8>,
    /// Lets go of valid log files.
    discard: Option<(Roots, Arc<Recorder>)>,
}

impl Lines {
    pub(super) fn begin(path: &Path, discard: Option<(Roots, Arc<Recorder>)>) -> io::Result<Self> {
        let file = BufWriter::new(File::options().write(true).create_new(true).open(path)?);
        Ok(Self { file, line: Vec::new(), discard })
    }

    fn judged(&mut self) {
        let Some((roots, recorder)) = &self.discard else { return };
        if let Ok(line) = serde_json::from_slice::<ObjectLine>(&self.line)
            && (line.object.as_str(), line.result.as_str()) == ("log", "valid")
        {
            for place in roots.places(line.bucket.as_deref(), &line.key) {
                recorder.discard(&place);
            }
        }
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.judged();
                self.line.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What was found of each object, by bucket and key.
pub(super) type Judged = HashMap<(Option<String>, String), ObjectLine>;

/// Reads the lines back, with the hash value and size of their file.
pub(super) fn read(path: &Path) -> io::Result<(Judged, Sha256Hash, u64)> {
    decode(BufReader::new(File::open(path)?))
}

/// The same of any reader.
pub(super) fn decode(mut reader: impl io::BufRead) -> io::Result<(Judged, Sha256Hash, u64)> {
    let (mut judged, mut hash) = (Judged::new(), crate::model::hash::Sha256Stream::default());
    let (mut size, mut line) = (0, Vec::new());
    while reader.read_until(b'\n', &mut line)? > 0 {
        hash.update(&line);
        size += line.len() as u64;
        let object: ObjectLine = serde_json::from_slice(&line)?;
        judged.insert((object.bucket.clone(), object.key.clone()), object);
        line.clear();
    }
    Ok((judged, hash.finish(), size))
}
