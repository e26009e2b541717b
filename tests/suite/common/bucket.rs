//! A tree in a bucket of the in-process server, and the command that reads it there.

use std::process::{Command, Output};

use trailseal::internals::model::LogKey;

use crate::common::server::{ACCESS_KEY, SECRET_KEY, Server};
use crate::common::{BUCKET, REGION, Report, Tree, at};

/// A certificate that no server here has: the one authority that the command reads, where the
/// system's are hundreds, which each process would parse.
const AUTHORITY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/sample/keys/certificate.pem");

/// The server's credentials, and nothing of the user's own.
pub(crate) const ENVIRONMENT: [(&str, &str); 8] = [
    ("SSL_CERT_FILE", AUTHORITY),
    ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
    ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
    ("AWS_REGION", REGION),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    // Trouble that lasts is waited for twice; what passes here, passes by then.
    ("AWS_MAX_ATTEMPTS", "3"),
    ("AWS_CONFIG_FILE", "/nonexistent"),
    ("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"),
];

/// A tree in a bucket: its log files written when their names say.
pub(crate) fn bucket_of(tree: &Tree) -> Server {
    let server = Server::start();
    server.create_bucket(BUCKET);
    server.load(BUCKET, "", tree.root());
    for key in server.keys(BUCKET) {
        if let Some(log) = LogKey::parse(&key) {
            server.modified(BUCKET, &key, log.time);
        }
    }
    server.publish_keys(REGION, &std::fs::read_to_string(&tree.keys).unwrap());
    server.clear_requests();
    server
}

/// Runs the command with the server for all of AWS. In a process of its own: the environment
/// tells it the credentials.
pub(crate) fn run(server: &Server, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trailseal"))
        .args(args)
        .args(["--endpoint-url", server.endpoint()])
        .env_clear()
        .envs(ENVIRONMENT)
        .output()
        .unwrap()
}

pub(crate) fn report_of(output: &Output) -> Report {
    let status = u8::try_from(output.status.code().unwrap()).unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes);
    Report::read(status, &text(&output.stdout), &text(&output.stderr))
}

/// Verifies the first hours of the bucket.
pub(crate) fn check_bucket(server: &Server, hours: u8, more: &[&str]) -> Report {
    let (start, end) = (at(0, 0).to_string(), at(hours.into(), 0).to_string());
    let source = format!("s3://{BUCKET}");
    let mut args =
        vec!["verify", &source, "--format", "json", "--start-time", &start, "--end-time", &end];
    args.extend(more);
    report_of(&run(server, &args))
}
