//! What may be done to a trail without its signing key.

use arbitrary::Unstructured;
use flate2::Compression;
use jiff::SignedDuration;
use trailseal::internals::model::{DigestKey, LogKey, LogKind, ObjectName, TrailName};

use super::super::naive;
use super::trail::{HOURS, Objects, Stored, at, gzip, log_key, trail};

/// One change, to objects by their keys.
#[derive(Debug)]
pub(super) enum Operation {
    Delete(String),
    /// The newest digests of a region and the log files that came with them.
    DeleteTail {
        region: &'static str,
        hour: i64,
    },
    Swap {
        keys: (String, String),
        metadata: bool,
    },
    /// One object's bytes over another's; so an older digest is replayed.
    Overwrite {
        from: String,
        to: String,
        metadata: bool,
    },
    Copy {
        from: String,
        to: String,
    },
    Rename {
        from: String,
        to: String,
    },
    /// A log file that nobody vouches for.
    Inject {
        key: String,
        like: String,
    },
    FlipBit {
        key: String,
        at: usize,
        bit: u8,
    },
    Append {
        key: String,
        bytes: Vec<u8>,
    },
    /// A second gzip member, empty or not.
    AppendMember {
        key: String,
        content: Vec<u8>,
    },
    Cut {
        key: String,
        at: usize,
    },
    /// Another content, in a sound gzip member.
    Rewrite {
        key: String,
        at: usize,
        xor: u8,
    },
    /// The same content in other bytes.
    Recompress(String),
    /// The same content without gzip, as some clients leave it.
    Unpack(String),
    LoseMetadata(String),
    SpoilMetadata(String),
    SetMetadata {
        key: String,
        name: &'static str,
        value: String,
    },
    DropSignature(String),
}

pub(super) fn decode(
    input: &mut Unstructured<'_>,
    objects: &Objects,
) -> arbitrary::Result<Operation> {
    let keys: Vec<&String> = objects.keys().collect();
    let number = input.int_in_range(0..=18_u8)?;
    let key = (*input.choose(&keys)?).clone();
    Ok(match number {
        0 => Operation::Delete(key),
        1 => {
            let region = input.choose(&["us-east-1", "eu-west-1"])?;
            Operation::DeleteTail { region, hour: input.int_in_range(0..=HOURS - 1)? }
        }
        2 => {
            let other = (*input.choose(&keys)?).clone();
            Operation::Swap { keys: (key, other), metadata: input.arbitrary()? }
        }
        3 => {
            let to = (*input.choose(&keys)?).clone();
            Operation::Overwrite { from: key, to, metadata: input.arbitrary()? }
        }
        4 => Operation::Copy { to: other_name(input, &key)?, from: key },
        5 => Operation::Rename { to: other_name(input, &key)?, from: key },
        6 => {
            let region = input.choose(&["us-east-1", "eu-west-1"])?;
            let time = at(0, input.int_in_range(0..=HOURS * 60 - 1)?);
            Operation::Inject { key: log_key(region, time, 'B'), like: key }
        }
        7 => {
            let at = input.arbitrary::<u16>()?.into();
            Operation::FlipBit { key, at, bit: input.int_in_range(0..=7)? }
        }
        8 => {
            let bytes: [u8; 2] = input.arbitrary()?;
            Operation::Append { key, bytes: bytes.to_vec() }
        }
        9 => {
            let bytes: [u8; 2] = input.arbitrary()?;
            let content = bytes[..usize::from(bytes[0] % 3)].to_vec();
            Operation::AppendMember { key, content }
        }
        10 => Operation::Cut { key, at: input.arbitrary::<u16>()?.into() },
        11 => {
            let at = input.arbitrary::<u16>()?.into();
            Operation::Rewrite { key, at, xor: input.arbitrary()? }
        }
        12 => Operation::Recompress(key),
        13 => Operation::Unpack(key),
        14 => Operation::LoseMetadata(key),
        15 => Operation::SpoilMetadata(key),
        16 => {
            let value = signature(trail().get((*input.choose(&keys)?).as_str()));
            Operation::SetMetadata { key, name: "signature", value }
        }
        17 => {
            let values = ["SHA256withRSA", "SHA1withRSA", ""];
            let value = (*input.choose(&values)?).to_owned();
            Operation::SetMetadata { key, name: "signature-algorithm", value }
        }
        _ => Operation::DropSignature(key),
    })
}

/// A name that the object does not have, of the same kind or of none.
fn other_name(input: &mut Unstructured<'_>, key: &str) -> arbitrary::Result<String> {
    let minutes = i64::from(input.arbitrary::<i16>()? % 600);
    let later = SignedDuration::from_mins(minutes);
    Ok(match ObjectName::parse(key) {
        ObjectName::Digest(name) if minutes == 0 => {
            DigestKey { trail: TrailName::parse("other").unwrap(), ..name }.to_string()
        }
        ObjectName::Digest(name) => {
            name.with_end(name.end.saturating_add(later).unwrap()).to_string()
        }
        ObjectName::Log(name) if minutes == 0 => {
            LogKey { kind: LogKind::Insight, ..name }.to_string()
        }
        ObjectName::Log(name) => {
            log_key(name.region.as_str(), name.time.saturating_add(later).unwrap(), 'C')
        }
        ObjectName::Unknown => format!("{key}.gz"),
    })
}

fn signature(stored: Option<&Stored>) -> String {
    let metadata = stored.and_then(|stored| stored.metadata.as_ref());
    metadata.and_then(|m| m.get("signature")).unwrap_or("00ff").to_owned()
}

pub(super) fn apply(operation: &Operation, objects: &mut Objects) {
    use Operation as Op;
    match operation {
        Op::Delete(key) => {
            objects.remove(key);
        }
        Op::DeleteTail { region, hour } => {
            let from = at(*hour, 0);
            objects.retain(|key, _| match ObjectName::parse(key) {
                ObjectName::Digest(name) => name.region.as_str() != *region || name.end <= from,
                ObjectName::Log(name) => name.region.as_str() != *region || name.time < from,
                ObjectName::Unknown => true,
            });
        }
        Op::Swap { keys: (a, b), metadata } => {
            let (of_a, of_b) = (objects[a].clone(), objects[b].clone());
            overwrite(objects, a, of_b, *metadata);
            overwrite(objects, b, of_a, *metadata);
        }
        Op::Overwrite { from, to, metadata } => {
            overwrite(objects, to, objects[from].clone(), *metadata);
        }
        Op::Copy { from, to } => {
            objects.insert(to.clone(), objects[from].clone());
        }
        Op::Rename { from, to } => {
            if let Some(stored) = objects.remove(from) {
                objects.insert(to.clone(), stored);
            }
        }
        Op::Inject { key, like } => {
            objects.insert(key.clone(), objects[like].clone());
        }
        Op::FlipBit { key, at, bit } => change(objects, key, |body| {
            let at = at % body.len().max(1);
            xor_byte(body, at, 1 << bit);
        }),
        Op::Append { key, bytes } => change(objects, key, |body| body.extend(bytes)),
        Op::AppendMember { key, content } => {
            change(objects, key, |body| body.extend(gzip(content, Compression::default())));
        }
        Op::Cut { key, at } => change(objects, key, |body| body.truncate(at % body.len().max(1))),
        Op::Rewrite { key, at, xor } => change_content(objects, key, |mut content| {
            let at = at % content.len().max(1);
            xor_byte(&mut content, at, *xor);
            gzip(&content, Compression::default())
        }),
        Op::Recompress(key) => change_content(objects, key, |c| gzip(&c, Compression::none())),
        Op::Unpack(key) => change_content(objects, key, |content| content),
        Op::LoseMetadata(key) => set(objects, key, |stored| stored.metadata = Some(<_>::default())),
        Op::SpoilMetadata(key) => set(objects, key, |stored| stored.metadata = None),
        Op::SetMetadata { key, name, value } => set(objects, key, |stored| {
            let metadata = stored.metadata.take().unwrap_or_default();
            stored.metadata = Some(metadata.with(name, value));
        }),
        Op::DropSignature(key) => set(objects, key, |stored| {
            if let Some(metadata) = &mut stored.metadata {
                metadata.0.remove("signature");
            }
        }),
    }
}

fn set(objects: &mut Objects, key: &str, change: impl FnOnce(&mut Stored)) {
    if let Some(stored) = objects.get_mut(key) {
        change(stored);
    }
}

fn overwrite(objects: &mut Objects, key: &str, with: Stored, metadata: bool) {
    set(objects, key, |stored| {
        stored.body = with.body;
        if metadata {
            stored.metadata = with.metadata;
        }
    });
}

fn change(objects: &mut Objects, key: &str, change: impl FnOnce(&mut Vec<u8>)) {
    set(objects, key, |stored| change(&mut stored.body));
}

fn change_content(objects: &mut Objects, key: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    set(objects, key, |stored| {
        if let Some(content) = naive::gunzip(&stored.body) {
            stored.body = change(content);
        }
    });
}

fn xor_byte(bytes: &mut [u8], at: usize, with: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= with;
    }
}
