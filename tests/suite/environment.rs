//! The standard AWS environment: what is empty, whom to trust, and where a bucket says it is.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use crate::common::bucket::{ENVIRONMENT, bucket_of};
use crate::common::server::{Fault, Server};
use crate::common::{BUCKET, REGION, Tree, scratch};

/// Variables that an empty value has meant trouble with, or may.
const VARIABLES: [&str; 34] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_KMS",
    "AWS_ENDPOINT_URL_CLOUDTRAIL",
    "AWS_ENDPOINT_URL_ORGANIZATIONS",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_SESSION_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_MAX_ATTEMPTS",
    "AWS_RETRY_MODE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_REQUEST_CHECKSUM_CALCULATION",
    "AWS_RESPONSE_CHECKSUM_VALIDATION",
    "AWS_AUTH_SCHEME_PREFERENCE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "https_proxy",
    "NO_PROXY",
    "ALL_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

fn trailseal(args: &[&str], more: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailseal"));
    command.args(args).env_clear().envs(ENVIRONMENT).envs(more.iter().copied()).output().unwrap()
}

#[test]
fn an_empty_variable_is_none() {
    let server = bucket_of(&Tree::sealed());
    let source = format!("s3://{BUCKET}");
    let folder = scratch();
    let keys = folder.path().join("keys.json");
    let fetch = ["keys", "fetch", "--region", REGION, "--start-time", "2026-03-01"];
    let fetch = [&fetch[..], &["--output", keys.to_str().unwrap()]].concat();
    let verify = ["verify", &source, "--end-time", "2026-03-01T08:00:00Z", "--quiet"];
    let endpoint = [("AWS_ENDPOINT_URL", server.endpoint())];
    let all_empty = VARIABLES.iter().filter(|name| **name != "AWS_ENDPOINT_URL");
    let all_empty: Vec<_> = all_empty.map(|name| (*name, "")).chain(endpoint).collect();
    for variables in [&all_empty, &endpoint.to_vec()] {
        for command in [&fetch[..], &verify] {
            let ran = trailseal(command, variables);
            let err = String::from_utf8(ran.stderr).unwrap();
            assert_eq!(ran.status.code(), Some(0), "{command:?}: {err}");
        }
    }
    // That of all services, too: the option takes its place.
    let option = ["--endpoint-url", server.endpoint()];
    let ran = trailseal(&[&fetch[..], &option].concat(), &[("AWS_ENDPOINT_URL", "")]);
    assert_eq!(ran.status.code(), Some(0));
    // Without it AWS itself is asked, through a proxy that is not there: trouble, and no panic.
    let nowhere = ("HTTPS_PROXY", "http://127.0.0.1:9");
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_CLOUDTRAIL"] {
        let ran = trailseal(&fetch, &[(name, ""), nowhere, ("AWS_MAX_ATTEMPTS", "1")]);
        assert_eq!(ran.status.code(), Some(3), "{}", String::from_utf8_lossy(&ran.stderr));
    }
    // Options, too.
    let empty = ["--profile", "", "--endpoint-url", ""];
    let ran = trailseal(&[&verify[..], &empty].concat(), &endpoint);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// A server on TLS, whose certificate no system trusts, that refuses every request; `None` where
/// openssl, which makes the certificate, is not installed.
fn refusing_server(folder: &TempDir) -> Option<(String, String)> {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj"])
        .args(["/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "ca.pem"])
        .current_dir(folder.path())
        .output();
    let Ok(made) = made else {
        eprintln!("SKIPPED: openssl is not installed");
        return None;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let ca = folder.path().join("ca.pem");
    let certificate = CertificateDer::from_pem_file(&ca).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.path().join("key.pem")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            std::thread::spawn(move || {
                let mut stream = StreamOwned::new(connection, stream);
                let mut request = [0; 16 << 10];
                if stream.read(&mut request).is_ok_and(|n| n > 0) {
                    let body = "<Error><Code>AccessDenied</Code><Message>on TLS</Message></Error>";
                    let _ = write!(
                        stream,
                        "HTTP/1.1 403 Forbidden\r\nx-amzn-errortype: AccessDenied\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                        body.len()
                    );
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                }
            });
        }
    });
    Some((endpoint, ca.to_str().unwrap().to_owned()))
}

#[test]
fn every_command_trusts_the_authorities_of_the_environment_and_the_profile() {
    check_every_command_trusts_the_authorities_of_the_environment_and_the_profile(3);
}

#[test]
#[ignore = "slow: every command"]
fn every_command_trusts_the_authorities_of_the_environment_and_the_profile_in_every_case() {
    check_every_command_trusts_the_authorities_of_the_environment_and_the_profile(1);
}

fn check_every_command_trusts_the_authorities_of_the_environment_and_the_profile(step: usize) {
    let folder = scratch();
    let Some((endpoint, ca)) = refusing_server(&folder) else { return };
    let config = folder.path().join("config");
    fs::write(&config, format!("[profile audit]\nca_bundle = {ca}\n")).unwrap();
    let config = config.to_str().unwrap();
    let out = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (keys, copy, bag) = (out("keys.json"), out("copy"), out("bag.zip"));
    let key = out("key.pem");
    let signing = crate::common::other_key();
    fs::write(&key, signing.to_pkcs8_pem().unwrap()).unwrap();
    let arn = "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit";
    let seal = ["--account", "111122223333", "--region", REGION, "--trail", "audit", "--key", &key];
    let commands: Vec<Vec<&str>> = vec![
        vec!["verify", "s3://audit-logs", "--start-time", "1h"],
        vec!["verify", "s3://audit-logs", "--start-time", "1h", "--dry-run"],
        vec!["keys", "fetch", "--region", REGION, "--output", &keys],
        vec!["collect", "s3://audit-logs", &copy],
        vec!["evidence", "pack", "s3://audit-logs", "--output", &bag],
        [&["seal", "s3://audit-logs"][..], &seal].concat(),
        vec!["verify-query-results", "--s3-bucket", "audit-logs"],
        vec!["validate-logs", "--trail-arn", arn, "--start-time", "2026-01-01", "--region", REGION],
    ];
    for command in commands.into_iter().step_by(step) {
        let all = [&command[..], &["--endpoint-url", &endpoint]].concat();
        for (name, variables, trusted) in [
            ("nothing", vec![], false),
            ("AWS_CA_BUNDLE", vec![("AWS_CA_BUNDLE", &*ca)], true),
            ("ca_bundle", vec![("AWS_CONFIG_FILE", config), ("AWS_PROFILE", "audit")], true),
        ] {
            let ran = trailseal(&all, &[&variables[..], &[("AWS_MAX_ATTEMPTS", "1")]].concat());
            let said = [ran.stdout, ran.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(!said.contains("panicked"), "{command:?}, {name}: {said}");
            let answered = said.contains("AccessDenied") || said.contains("answered 403");
            assert_eq!(answered, trusted, "{command:?}, {name}: {said}");
        }
    }
    // A file that holds none is a configuration that is wrong.
    let (text, missing) = (out("text.pem"), out("missing.pem"));
    fs::write(&text, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for file in [text, missing] {
        let fetch = ["keys", "fetch", "--region", REGION, "--output", &keys];
        let ran = trailseal(&fetch, &[("AWS_CA_BUNDLE", &file)]);
        let err = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{err}");
        assert!(err.contains("AWS_CA_BUNDLE") && err.contains(&file), "{err}");
    }
}

#[test]
fn a_region_named_only_in_the_body_is_followed() {
    let tree = Tree::sealed();
    let verify = |server: &Server| {
        let source = format!("s3://{BUCKET}");
        let args = ["verify", &source, "--end-time", "2026-03-01T08:00:00Z", "--format", "json"];
        let ran = trailseal(
            &[&args[..], &["--endpoint-url", server.endpoint()]].concat(),
            &[("AWS_MAX_ATTEMPTS", "1")],
        );
        let report: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(&ran.stdout).unwrap();
        (ran.status.code(), report["findings"].to_string())
    };
    let server = bucket_of(&tree);
    server.fault("list:", Fault::RedirectInBody("b.s3.eu-west-1.amazonaws.com"), Some(1));
    assert_eq!(verify(&server), (Some(0), "[]".to_owned()));
    for host in ["evil.example.com", "b.s3.xx-evil-1.amazonaws.com"] {
        let server = bucket_of(&tree);
        server.fault("list:", Fault::RedirectInBody(host), None);
        let (status, findings) = verify(&server);
        assert_eq!(status, Some(3), "{host}");
        assert!(findings.contains("PermanentRedirect"), "{host}: {findings}");
    }
}

#[test]
fn an_empty_endpoint_of_the_profile_is_a_clear_error() {
    let server = bucket_of(&Tree::sealed());
    let folder = scratch();
    let config = folder.path().join("config");
    let services = "services = here\n\n[services here]\ns3 =\n  endpoint_url =\n";
    fs::write(&config, format!("[profile audit]\nendpoint_url =\n{services}")).unwrap();
    let source = format!("s3://{BUCKET}");
    let file = ("AWS_CONFIG_FILE", config.to_str().unwrap());
    let verify = ["verify", &source, "--end-time", "2026-03-01T08:00:00Z", "--profile", "audit"];
    let option = ["--endpoint-url", server.endpoint()];
    let ran = trailseal(&[&verify[..], &option].concat(), &[file]);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let ran = trailseal(&verify, &[file]);
    let err = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(2), "{err}");
    assert!(err.contains("endpoint_url of the AWS profile is empty"), "{err}");
}
