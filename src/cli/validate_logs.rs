//! `trailseal validate-logs`: the AWS CLI's command, flags and output.

mod args;
mod scope;

use std::io::{self, Write};
use std::sync::Arc;

use serde_json::json;

pub use self::args::ValidateLogsArgs;
use self::scope::{EarlyEnd, prepare};
use super::{Console, Failure, INCOMPLETE, INTERRUPTED};
use crate::aws::{Aws, AwsCliCalls, Need, S3Store};
use crate::crypto::{KeyRing, read_key_list};
use crate::judge::Question;
use crate::model::{AccountId, BucketName, Printable, Region, TrailName, Window};
use crate::report::Verdict;
use crate::run::Silent;
use crate::run::sources::{Filter, Insisted, Sources};
use crate::run::validate_logs::{
    Message, MessageSubject, NamedKey, Source, Summary, Tally, ValidateRequest, shown, validate,
};
use crate::run::verify::{SourceForm, VerifyRequest, verify};
use crate::source::{Opened, slashed};
use crate::store::{Object, StoreError};
use crate::verify::digest::Rules;
use crate::verify::{Code, Finding, Severity};

/// The exit status of the AWS CLI where its command could not do its work.
const FAILED: u8 = 255;

/// Runs the command.
///
/// # Errors
/// When what it says cannot be written.
pub fn run(args: &ValidateLogsArgs, io: &mut Console<'_>) -> Result<u8, Failure> {
    if args.no_verify_ssl {
        writeln!(io.err, "trailseal: --no-verify-ssl is ignored: certificates are always checked; for your own authority, use --ca-bundle")
            .map_err(Failure::internal)?;
    }
    match prepare(args, io)
        .and_then(|(request, aws, calls)| answer(args, &request, &aws, calls, io))
    {
        Ok(status) => Ok(status),
        Err(EarlyEnd::Unset(text)) => {
            writeln!(io.err, "{text}").map_err(Failure::internal)?;
            Ok(FAILED)
        }
        Err(EarlyEnd::Said(text)) => {
            writeln!(io.err, "\n{text}").map_err(Failure::internal)?;
            Ok(if io.stop.is_set() { INTERRUPTED } else { FAILED })
        }
        Err(EarlyEnd::Unwritable(error)) => Err(Failure::internal(error)),
    }
}

/// Validates and prints the results.
fn answer(
    args: &ValidateLogsArgs,
    request: &ValidateRequest,
    aws: &Aws,
    calls: AwsCliCalls,
    io: &mut Console<'_>,
) -> Result<u8, EarlyEnd> {
    let (start, end) = (shown(request.start), shown(request.end));
    write!(
        io.out,
        "Validating log files for trail {} between {start} and {end}\n\n",
        args.trail_arn
    )?;
    io.out.flush()?;
    let mut printer = MessagePrinter {
        verbose: args.verbose,
        after_blank: true,
        error: None,
        errors: Vec::new(),
    };
    let source: Arc<dyn Source> = Arc::new(Online(calls));
    let validated = validate(request, source, &mut |message| printer.print(message, io));
    if let Some(error) = printer.error {
        return Err(error.into());
    }
    let summary = match validated {
        Ok(summary) => summary,
        // What ends these rules is what verify calls incomplete, and it may find more.
        Err(text) if args.strict && !request.stop.is_set() => {
            writeln!(io.err, "\n{text}")?;
            return strict(request, aws, &printer.errors, io);
        }
        Err(text) => return Err(EarlyEnd::Said(text)),
    };
    if !printer.after_blank {
        writeln!(io.out)?;
    }
    summarise(request, &summary, io.out)?;
    if args.strict {
        return strict(request, aws, &printer.errors, io);
    }
    let all = [summary.digests, summary.backfill, summary.logs];
    Ok(match all.iter().fold((0, 0), |(i, u), t| (i + t.invalid, u + t.unread)) {
        (0, 0) => 0,
        (0, _) => INCOMPLETE,
        _ => 1,
    })
}

/// Printer of messages as they come, with the empty lines of the AWS CLI.
struct MessagePrinter {
    verbose: bool,
    /// True if an empty line was the last thing said.
    after_blank: bool,
    error: Option<io::Error>,
    /// Errors printed so far, as what they are about.
    errors: Vec<MessageSubject>,
}

impl MessagePrinter {
    fn print(&mut self, Message { about, text }: Message, io: &mut Console<'_>) {
        let written = match about {
            MessageSubject::Valid if self.verbose => {
                self.after_blank = false;
                writeln!(io.out, "{text}")
            }
            MessageSubject::Valid => Ok(()),
            about => {
                let before = if std::mem::replace(&mut self.after_blank, true) { "" } else { "\n" };
                self.errors.push(about);
                write!(io.err, "{before}{text}\n\n")
            }
        };
        if let Err(error) = written {
            self.error.get_or_insert(error);
        }
    }
}

fn summarise(request: &ValidateRequest, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let (start, end) = (shown(request.start), shown(request.end));
    writeln!(out, "Results requested for {start} to {end}")?;
    if summary.digests.total() + summary.backfill.total() == 0 {
        return writeln!(out, "No digests found");
    }
    match summary.found {
        None => writeln!(out, "No valid digests found in range")?,
        Some((start, end)) => {
            writeln!(out, "Results found for {} to {}:", shown(start), shown(end))?;
        }
    }
    for (tally, name) in
        [(summary.digests, "digest"), (summary.backfill, "backfill digest"), (summary.logs, "log")]
    {
        let (Tally { valid, invalid, unread }, total) = (tally, tally.total());
        if total == 0 {
            continue;
        }
        write!(out, "\n{valid}/{total} {name} files valid")?;
        if invalid > 0 {
            write!(out, ", {invalid}/{total} {name} files INVALID")?;
        }
        if unread > 0 {
            write!(out, ", {unread}/{total} {name} files UNREAD")?;
        }
    }
    writeln!(out)
}

/// Verifies the same trail and time by our own rules, and prints what the others let pass.
fn strict(
    request: &ValidateRequest,
    aws: &Aws,
    told: &[MessageSubject],
    io: &mut Console<'_>,
) -> Result<u8, EarlyEnd> {
    let name = |e: crate::model::IdError| EarlyEnd::Said(e.to_string());
    let source = format!("s3://{}", request.bucket);
    let bucket = BucketName::parse(&request.bucket).map_err(name)?;
    let prefix = slashed(request.prefix.as_deref().unwrap_or_default());
    let store = match S3Store::open(aws, bucket, &prefix, &source, Need::Listing) {
        Ok(store) => store,
        Err(error) => {
            writeln!(io.err, "\n{error}")?;
            writeln!(io.out, "{BY_VERIFY}INCOMPLETE")?;
            return Ok(INCOMPLETE);
        }
    };
    let question = Question {
        start: Some(request.start),
        end: Some(request.end),
        accounts: vec![AccountId::parse(&request.account).map_err(name)?],
        regions: vec![Region::parse(&request.region).map_err(name)?],
        trails: vec![TrailName::parse(&request.name).map_err(name)?],
        as_of: Some(io.now),
        form: SourceForm::Bucket,
        ..Question::default()
    };
    let regions = question.regions.clone();
    let verification = VerifyRequest {
        question,
        jobs: request.jobs,
        stop: request.stop.clone(),
        ..VerifyRequest::of(vec![source], io.now)
    };
    let stores: [Opened; 1] = [(Arc::new(store), prefix)];
    let filter = Filter::of(&verification.question, &verification.stop);
    let sources = Sources::discover(&stores, &Insisted::default(), filter);
    let rules = Rules::of_bucket(KeyRing::new());
    let cloudtrail = crate::verification::cloudtrail::LiveCloudTrail::new(aws.clone(), &regions);
    let report = verify(&verification, sources, rules, Some(&cloudtrail), &Silent)?;
    let weighs = report.findings.iter().filter(|f| f.severity > Severity::Notice);
    let passed: Vec<_> =
        weighs.filter(|f| !told.iter().any(|about| matches_finding(about, f))).collect();
    let verdict = match report.verdict {
        Verdict::Verified => "VERIFIED",
        Verdict::Violation => "VIOLATION",
        Verdict::Incomplete => "INCOMPLETE",
    };
    writeln!(io.out, "{BY_VERIFY}{verdict}")?;
    if !passed.is_empty() {
        writeln!(io.out, "Not found by the rules above:")?;
    }
    for finding in passed {
        let (severity, code) = (finding.severity.as_str(), finding.code.as_str());
        let key = finding.key.as_deref().unwrap_or_default();
        let (key, message) = (Printable(key), Printable(&finding.message));
        writeln!(io.out, "  {severity} {code}\t{key}\t{message}")?;
    }
    Ok(report.exit_status)
}

/// The line that ends with the verdict of verify.
const BY_VERIFY: &str = "\nBy the rules of trailseal verify: ";

/// True if a message says of an object what a finding does: that it is not valid, or was not read.
/// A finding on its place in the chain, or one that weighs more, says something else.
fn matches_finding(about: &MessageSubject, finding: &Finding) -> bool {
    let key = match finding.code {
        Code::LogMissing
        | Code::LogModified
        | Code::LogMalformed
        | Code::DigestMissing
        | Code::DigestModified
        | Code::DigestMalformed
        | Code::DigestMoved
        | Code::DigestUnsigned
        | Code::DigestKeyUnknown => match about {
            MessageSubject::Invalid(key) => Some(key),
            _ => None,
        },
        Code::ObjectUnreadable | Code::ObjectArchived => match about {
            MessageSubject::Unread(key) => Some(key),
            _ => None,
        },
        _ => None,
    };
    key.is_some() && key == finding.key.as_ref()
}

/// AWS, called as the AWS CLI calls it.
struct Online(AwsCliCalls);

impl Source for Online {
    fn get(&self, bucket: &str, key: &str) -> Result<Object, StoreError> {
        self.0.get(bucket, key)
    }

    fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: &str,
        each: &mut dyn FnMut(String) -> bool,
    ) -> Result<(), String> {
        self.0.list(bucket, prefix, after, each).map_err(|error| error.0)
    }

    fn keys(&self, window: Window) -> Result<Vec<NamedKey>, String> {
        let published = self.0.keys(window).map_err(|error| error.0)?;
        let list = published.list();
        let entries = list.get("PublicKeyList").and_then(|l| l.as_array());
        let named = entries.into_iter().flatten().filter_map(|entry| {
            let fingerprint = entry.get("Fingerprint")?.as_str()?.to_owned();
            let list = json!({ "PublicKeyList": [entry] });
            let key = read_key_list("ListPublicKeys", &list).ok();
            Some((fingerprint, key.and_then(|keys| keys.into_iter().next())))
        });
        Ok(named.collect())
    }
}
