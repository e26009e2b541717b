#!/usr/bin/env python3
"""trailseal over copies in Azure Blob Storage, against Azurite, Microsoft's own emulator.

Azurite is started on 127.0.0.1 with its data in memory. The sample is put into containers, with the
metadata of its digests as the blobs' own or as blobs beside them, verified, damaged and collected;
--suite names the test program of the repository, whose conformance checks are then made as well.

    npm install --prefix DIR azurite@3.37.0
    python3 tests/peer/azurite.py --trailseal target/debug/trailseal \\
        --azurite DIR/node_modules/.bin/azurite-blob [--suite target/debug/deps/suite-...]

trailseal must be built with the feature `object-store`. A line for each step; the exit status is 1 at
the first that is not as it has to be. Some seconds.
"""

import argparse
import base64
import hashlib
import hmac
import json
import subprocess
import sys
import urllib.error
import urllib.request
from email.utils import formatdate
from pathlib import Path
from urllib.parse import quote

sys.dont_write_bytecode = True  # the next line would leave a cache in the source tree
from real_servers import (  # noqa: E402
    Failed, Programs, expect, free_port, program, run_steps, stop, stop_servers_when_terminated,
    wait_for_port)

# The account of the emulator and its key are published: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
ACCOUNT = "devstoreaccount1"
KEY = ("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/"
       "K1SZFPTOtr/KBHBeksoGMGw==")
SAMPLE = Path(__file__).resolve().parents[2] / "testdata" / "sample"
SIDECAR = ".metadata.json"


class Azurite:
    def __init__(self, command, folder):
        self.command, self.folder, self.port = command, folder, free_port()

    def __enter__(self):
        log = self.folder / "azurite.out"
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                [self.command, "--inMemoryPersistence", "--blobHost", "127.0.0.1", "--blobPort",
                 str(self.port), "--skipApiVersionCheck", "--disableTelemetry"],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_for_port(self.process, self.port, log)
        return self

    def __exit__(self, *_):
        stop(self.process)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method, path, query="", body=b"", headers=()):
        """A request, signed with the key of the account."""
        path = f"/{ACCOUNT}/{quote(path)}"
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02",
                   **dict(headers)}
        own = "".join(f"{name.lower()}:{value}\n" for name, value in sorted(headers.items()))
        asked = "".join(f"\n{pair.replace('=', ':')}" for pair in sorted(query.split("&")) if pair)
        length = str(len(body)) if body else ""
        text = f"{method}\n\n\n{length}\n\n\n\n\n\n\n\n\n{own}/{ACCOUNT}{path}{asked}"
        signed = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(signed).decode()}"
        headers["Content-Type"] = ""
        url = self.url + path + (f"?{query}" if query else "")
        request = urllib.request.Request(url, body or None, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise Failed(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def create(self, container):
        self.ask("PUT", container, "restype=container")

    def put(self, container, key, body, metadata=()):
        headers = {f"x-ms-meta-{name}": value for name, value in dict(metadata).items()}
        self.ask("PUT", f"{container}/{key}", "", body, {"x-ms-blob-type": "BlockBlob"} | headers)

    def delete(self, container, key):
        self.ask("DELETE", f"{container}/{key}")


def files():
    """The sample's files below AWSLogs: key and bytes."""
    found = sorted(path for path in (SAMPLE / "AWSLogs").rglob("*") if path.is_file())
    return {str(path.relative_to(SAMPLE)): path.read_bytes() for path in found}


def upload(azurite, container, beside):
    """The sample; metadata as blobs beside, or as far as Azure has such names as the blobs' own."""
    azurite.create(container)
    everything = files()
    for key, body in everything.items():
        if key.endswith(SIDECAR):
            if beside:
                azurite.put(container, key, body)
            continue
        sidecar = everything.get(key + SIDECAR)
        own = json.loads(sidecar)["Metadata"] if sidecar and not beside else {}
        azurite.put(container, key, body, {k: v for k, v in own.items() if k.isidentifier()})


def run(programs, azurite, work, suite, steps):
    def verify(source, status, *more, variables=()):
        said = programs.with_variables(**dict(variables)).run(
            programs.trailseal, "verify", source, "--keys", SAMPLE / "keys" / "public-keys.json",
            "--format", "json", "--no-progress", *more)
        said.expect(f"verify {source}", status)
        return said.report()

    directory = verify(SAMPLE, 0)
    for container, beside in (("own", False), ("beside", True)):
        upload(azurite, container, beside)
        report = verify(f"az://{container}", 0)
        for part in ("verdict", "findings", "chains", "keys"):
            expect(f"{part} of az://{container} and of the directory", report[part], directory[part])
    steps.done("verify", f"{report['totals']['digests']['valid']} digests; metadata of their own and "
                         "beside; all as the directory")

    logs = [key for key in files() if "/CloudTrail/" in key and not key.endswith(SIDECAR)]
    gone = logs[len(logs) // 2]
    azurite.delete("beside", gone)
    report = verify("az://beside", 1)
    expect("what is found", [(f["code"], f["key"]) for f in report["findings"]
                             if f["severity"] == "violation"], [("log-missing", gone)])
    azurite.put("beside", gone, files()[gone])
    verify("az://beside", 0)
    steps.done("a log file deleted, and restored", "log-missing, and verified")

    wrong = base64.b64encode(b"another key").decode()
    for what, source, variables in (
            ("a container that is not there", "az://nothing", {}),
            ("a key that is not the account's", "az://own", {"AZURE_STORAGE_ACCOUNT_KEY": wrong})):
        report = verify(source, 3, variables=variables)
        expect(f"violations of {what}", [f["code"] for f in report["findings"]
                                         if f["severity"] == "violation"], [])
    steps.done("what cannot be opened", "incomplete")

    copy = work / "copy"
    programs.run(programs.trailseal, "collect", "az://beside", copy, "--no-progress").expect(
        "collect", 0)
    copied = {str(path.relative_to(copy)): path.read_bytes()
              for path in copy.rglob("*.json.gz") if path.is_file()}
    expect("the bytes that were collected", copied == {
        key: body for key, body in files().items() if not key.endswith(SIDECAR)}, True)
    steps.done("collect", f"{len(copied)} objects, byte for byte")

    if suite:
        azurite.create("conformance")
        test = "conformance::clouds::a_container_that_the_environment_names"
        said = programs.with_variables(TRAILSEAL_TEST_CONTAINER="conformance").run(
            suite, "--exact", test, "--ignored")
        said.expect("the checks that every store passes", 0, "1 passed")
        steps.done("conformance", "every check that any store passes")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trailseal", required=True, metavar="PATH")
    parser.add_argument("--azurite", required=True, metavar="PATH")
    parser.add_argument("--suite", metavar="PATH")
    args = parser.parse_args()
    stop_servers_when_terminated()

    def steps(work, steps):
        (work / "azurite").mkdir()
        with Azurite(program("azurite-blob", args.azurite), work / "azurite") as azurite:
            steps.done("azurite", f"on {azurite.url}")
            variables = {"AZURE_STORAGE_USE_EMULATOR": "true",
                         "AZURITE_BLOB_STORAGE_URL": azurite.url}
            programs = Programs(program("trailseal", args.trailseal), "", work, "", variables)
            run(programs, azurite, work, args.suite, steps)
    return run_steps("azurite", steps)


if __name__ == "__main__":
    sys.exit(main())
