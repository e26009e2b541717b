//! The region that a refusal names as a bucket's own.
//!
//! S3 names it in a header, which not everything between here and S3 passes on, and in the body of
//! the refusal. Whoever answers may name anything: a region is all that is taken from it, and the
//! host that is asked next is made of that region here, never of the host that the answer names.

use quick_xml::Reader;
use quick_xml::events::Event;

use super::regions::is_known;
use crate::model::Region;

/// Codes of refusals that say where to ask instead.
const CODES: [&str; 4] = [
    "PermanentRedirect",
    "TemporaryRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
];
/// End of an S3 host name.
const SUFFIXES: [&str; 2] = [".amazonaws.com", ".amazonaws.com.cn"];

/// The region that the body of a refusal of this code names; `None` where it names none of AWS's.
pub(super) fn region_in_body(code: Option<&str>, body: &[u8]) -> Option<Region> {
    if !code.is_some_and(|code| CODES.contains(&code)) {
        return None;
    }
    let region = match text_of(body, b"Region") {
        Some(region) => Region::parse(&region).ok(),
        None => region_of_host(&text_of(body, b"Endpoint")?),
    };
    region.filter(is_known)
}

/// The region in a host of S3: `[BUCKET.]s3[.dualstack].REGION.amazonaws.com`, or `s3-REGION`.
fn region_of_host(host: &str) -> Option<Region> {
    let name = SUFFIXES.iter().find_map(|suffix| host.strip_suffix(suffix))?;
    // A bucket's name comes first, and may look like anything.
    let labels: Vec<&str> = name.rsplit('.').take(3).collect();
    let region = match labels.as_slice() {
        ["s3", ..] => "us-east-1",
        [region, "s3", ..] | [region, "dualstack", "s3", ..] => region,
        [label, ..] => label.strip_prefix("s3-")?,
        [] => return None,
    };
    Region::parse(region).ok()
}

/// Text of the element of that name, one below the root.
fn text_of(document: &[u8], name: &[u8]) -> Option<String> {
    let mut reader = Reader::from_reader(document);
    let (mut depth, mut inside, mut text) = (0_u32, false, String::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => {
                depth += 1;
                inside = depth == 2 && element.name().as_ref() == name;
            }
            Event::Text(part) if inside => text += std::str::from_utf8(&part).ok()?,
            Event::End(_) if inside => return Some(text.trim().to_owned()),
            Event::End(_) => depth = depth.checked_sub(1)?,
            Event::Eof => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(code: &str, inside: &str) -> Option<String> {
        let body = format!(
            "<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Bucket>b</Bucket>{inside}</Error>"
        );
        region_in_body(Some(code), body.as_bytes()).map(|region| region.to_string())
    }

    #[test]
    fn a_region_is_taken_from_a_refusal_that_names_one_of_awss() {
        for (inside, region) in [
            ("<Endpoint>b.s3.eu-west-1.amazonaws.com</Endpoint>", "eu-west-1"),
            ("<Endpoint>b.c.s3-eu-west-1.amazonaws.com</Endpoint>", "eu-west-1"),
            ("<Endpoint>s3.dualstack.ap-south-2.amazonaws.com</Endpoint>", "ap-south-2"),
            ("<Endpoint>b.s3.cn-north-1.amazonaws.com.cn</Endpoint>", "cn-north-1"),
            ("<Endpoint>b.s3.amazonaws.com</Endpoint>", "us-east-1"),
            ("<Region>eu-west-1</Region>", "eu-west-1"),
        ] {
            assert_eq!(named("PermanentRedirect", inside).as_deref(), Some(region), "{inside}");
        }
        let of_signature = named("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>");
        assert_eq!(of_signature.as_deref(), Some("eu-west-1"));
    }

    #[test]
    fn nothing_else_is_followed() {
        for inside in [
            "",
            "<Endpoint>evil.example.com</Endpoint>",
            "<Endpoint>b.s3.eu-west-1.amazonaws.com.evil.com</Endpoint>",
            "<Endpoint>b.s3.xx-evil-1.amazonaws.com</Endpoint>",
            "<Endpoint>b.s3.eu-west-1.amazonaws.com/path</Endpoint>",
            "<Region>evil.com#-east-1</Region>",
            "<Inner><Region>eu-west-1</Region></Inner>",
        ] {
            assert_eq!(named("PermanentRedirect", inside), None, "{inside}");
        }
        assert_eq!(named("AccessDenied", "<Region>eu-west-1</Region>"), None);
        assert_eq!(region_in_body(Some("PermanentRedirect"), b"not XML <"), None);
    }
}
