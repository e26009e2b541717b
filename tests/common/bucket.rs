//! A tree in a bucket of the in-process server, and the environment that reaches it.
#![allow(clippy::unwrap_used)]

use trailseal::model::LogKey;

use crate::common::{BUCKET, REGION, Tree};
use crate::server::{ACCESS_KEY, SECRET_KEY, Server};

/// The server's credentials, and nothing of the user's own.
pub(crate) const ENVIRONMENT: [(&str, &str); 6] = [
    ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
    ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
    ("AWS_REGION", REGION),
    ("AWS_EC2_METADATA_DISABLED", "true"),
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
