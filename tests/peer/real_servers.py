"""What the tests against real servers share: programs, servers, and a proxy that writes down.

The proxy stands between the commands and a server: what was asked for is asserted from its record,
and a test may answer a request itself (`answer`), where a server cannot be brought to.
"""

import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

ACCESS_KEY, SECRET_KEY = "AKIATRAILSEALTEST", "a-secret-of-this-test-alone"
BUCKET = "trailseal-logs"

# The genuine log files: which trail they are of, and the hours that they were delivered in.
ACCOUNT, REGION, TRAIL = "218007301253", "us-east-1", "real_trail"
START, END = "2023-07-10T11:00:00Z", "2023-07-10T14:00:00Z"
HOURS, LOGS = 3, 55


class Failed(Exception):
    """Something is not as it has to be."""


def expect(what, seen, expected):
    if seen != expected:
        raise Failed(f"{what}\n  expected  {expected!r}\n  seen      {seen!r}")


def digest_key(end, trail=TRAIL):
    """The key of the digest that ends at a full hour, `20230710T120000Z`."""
    day = f"{end[:4]}/{end[4:6]}/{end[6:8]}"
    return (f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/{day}/"
            f"{ACCOUNT}_CloudTrail-Digest_{REGION}_{trail}_{REGION}_{end}.json.gz")


# ---- programs ----------------------------------------------------------------------------


@dataclass
class Said:
    """What a program said."""

    command: str
    status: int
    out: str
    err: str

    def show(self):
        return (f"$ {self.command}\n[exit status {self.status}]\n--- stdout\n{self.out.rstrip()}\n"
                f"--- stderr\n{self.err.rstrip()}\n")

    def expect(self, what, status, *patterns):
        """Holds the exit status, and that what was said, joined to one line, matches patterns."""
        told = " ".join((self.out + self.err).split())
        missing = [p for p in patterns if not re.search(p, told)]
        if self.status != status or missing:
            raise Failed(f"{what}: expected exit status {status}"
                         f"{''.join(f', and words like {p!r}' for p in missing)}\n\n{self.show()}")
        return self

    def report(self):
        """The run report on standard output."""
        try:
            return json.loads(self.out)
        except ValueError:
            raise Failed(f"no JSON report was printed\n\n{self.show()}") from None


@dataclass
class Programs:
    """trailseal and the AWS CLI, with one server as all of AWS, and nothing of the user's own."""

    trailseal: str
    aws: str
    home: Path
    endpoint: str
    variables: dict = field(default_factory=dict)  # more of the environment

    def environment(self):
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR")
                if name in os.environ}
        return kept | {
            "AWS_ENDPOINT_URL": self.endpoint, "NO_PROXY": "127.0.0.1", "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",  # what radosgw understands
            "AWS_PAGER": "", "NO_COLOR": "1", "HOME": str(self.home),
            "AWS_CONFIG_FILE": str(self.home / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.home / "credentials")} | self.variables

    def with_variables(self, **variables):
        """The same with other variables; None takes one away."""
        return Programs(self.trailseal, self.aws, self.home, self.endpoint,
                        self.variables | variables)

    def start(self, program, *arguments):
        command = [str(part) for part in (program, *arguments)]
        env = {name: value for name, value in self.environment().items() if value is not None}
        return subprocess.Popen(command, env=env, text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, program, *arguments):
        return self.finish(self.start(program, *arguments))

    @staticmethod
    def finish(process):
        try:
            out, err = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Failed(f"two minutes were not enough for {' '.join(process.args)}") from None
        return Said(" ".join(process.args), process.returncode, out, err)

    def aws_cli(self, *arguments, query=None):
        """What the AWS CLI prints, as a value; anything but success is the end."""
        query = ("--query", query) if query else ()
        said = self.run(self.aws, *arguments, *query, "--output", "json")
        said.expect(f"aws {' '.join(map(str, arguments[:2]))}", 0)
        return json.loads(said.out) if said.out.strip() else None

    def upload(self, logs, bucket):
        self.run(self.aws, "s3", "cp", "--recursive", "--only-show-errors", logs / "AWSLogs",
                 f"s3://{bucket}/AWSLogs").expect("uploading the genuine log files", 0)

    def start_seal(self, source, key, *more, trail=TRAIL, end=END):
        return self.start(self.trailseal, "seal", source, "--account", ACCOUNT, "--region", REGION,
                          "--trail", trail, "--key", key, "--start-time", START,
                          "--end-time", end, "--no-progress", *more)

    def seal(self, *arguments, **options):
        return self.finish(self.start_seal(*arguments, **options))

    def verify(self, source, keys, *more, end=END):
        return self.run(self.trailseal, "verify", source, "--keys", keys, "--format", "json",
                        "--start-time", START, "--end-time", end, "--no-progress", *more)


def findings(said):
    """What is more than a notice in a report, as (code, key), sorted."""
    found = said.report()["findings"]
    return sorted((f["code"], f["key"]) for f in found if f["severity"] != "notice")


def expect_verified(what, said, digests=HOURS, logs=LOGS):
    """A run that proves everything, and how much that is; returns its report."""
    found = findings(said)
    report = said.report()
    seen = {"exit status": said.status, "verdict": report["verdict"], "findings": found,
            "digests": report["totals"]["digests"]["valid"],
            "logs": report["totals"]["logs"]["valid"]}
    expect(what, seen, {"exit status": 0, "verdict": "verified", "findings": [],
                        "digests": digests, "logs": logs})
    return report


def expect_violations(what, said, *expected):
    """A run that finds these (code, key), and nothing else."""
    expect(what, (said.status, findings(said)), (1, sorted(expected)))


# ---- servers -----------------------------------------------------------------------------


def free_port():
    """A port that nobody has, below those that the system gives to outgoing connections: one of
    these might take it before the server does."""
    for port in random.sample(range(20000, 32000), 100):
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failed("a hundred ports were tried, and none of them was free")


def wait_for_port(process, port, *logs, seconds=60):
    """Until a server that was started accepts connections; its logs where it does not."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    status = process.poll()
    why = f"did not listen at port {port} in {seconds} s" if status is None \
        else f"ended with {status} before it listened at port {port}"
    ends = [f"\n--- {log.name}, its end\n{log.read_text(errors='replace')[-2000:].rstrip()}"
            for log in logs if log.exists()]
    raise Failed(f"{Path(process.args[0]).name} {why}{''.join(ends)}")


def stop_servers_when_terminated():
    """A termination is an exit like any other: what was started is stopped on the way out."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def program(name, path=None):
    found = shutil.which(path or name)
    if not found:
        raise Failed(f"there is no program {path or name}: see what .ci/run installs")
    return found


# ---- the proxy ---------------------------------------------------------------------------


@dataclass
class Request:
    """One request, and the answer to it."""

    method: str
    path: str
    headers: dict  # names in lower case
    body: bytes
    status: int = 0
    answer: bytes = b""

    @property
    def query(self):
        query = urlsplit(self.path).query
        return {k: v[0] for k, v in parse_qs(query, keep_blank_values=True).items()}

    @property
    def form(self):
        """The fields of a request of the query protocol, as STS has it."""
        return {k: v[0] for k, v in parse_qs(self.body.decode(errors="replace")).items()}

    @property
    def scope(self):
        """(access key id, region, service) that the request is signed with."""
        found = re.search(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/",
                          self.headers.get("authorization", ""))
        return found.groups() if found else (None, None, None)

    @property
    def action(self):
        """GetObject, ListObjectsV2 and PutObject of S3; of other services what they call it."""
        if self.scope[2] != "s3":
            return (self.headers.get("x-amz-target", "").rpartition(".")[2]
                    or self.form.get("Action", "?"))
        if self.query.get("list-type") == "2":
            return "ListObjectsV2"
        return f"{self.method.capitalize()}Object"

    @property
    def key(self):
        """The key of an object, path style."""
        return unquote(urlsplit(self.path).path).split("/", 2)[2]


class Proxy(ThreadingHTTPServer):
    """Hands requests on to a server at a port of 127.0.0.1, and writes them down.

    `answer` may answer a request itself: it takes a Request and returns (status, headers, body),
    or None to have it handed on. It is also the place to wait.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), ProxyHandler)
        self.upstream, self.answer = port, None
        self.requests = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        pass  # a client that went away

    def recorded(self, run, answer=None):
        """What `run()` returns, and the requests that were made meanwhile."""
        before, self.answer = len(self.requests), answer
        try:
            return run(), self.requests[before:]
        finally:
            self.answer = None


class ProxyHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet: no wait for a delayed acknowledgement

    def log_message(self, *_):
        pass

    def handle_expect_100(self):
        go_on = super().handle_expect_100()
        self.wfile.flush()
        return go_on

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        self.server.requests.append(request)
        own = self.server.answer(request) if self.server.answer else None
        status, headers, answer = own or self.hand_on(body)
        request.status, request.answer = status, answer
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        length = headers.get("Content-Length", len(answer)) if self.command == "HEAD" \
            else len(answer)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def hand_on(self, body):
        """Asks the server the very same, the Host header too, which the signature covers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.upstream, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True,
                                  skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "expect"):
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


def s3_error(status, code, message="as the test wants it", **headers):
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"Content-Type": "application/xml"} | headers, body


# ---- the run -----------------------------------------------------------------------------


def of_s3(requests):
    """The requests to S3: who asks, a run asks STS once, which is no part of its work."""
    return [request for request in requests if request.action != "GetCallerIdentity"]


class Steps:
    """Prints what was done, a line for each step, and how long it took."""

    def __init__(self):
        self.count, self.started = 0, time.monotonic()

    def done(self, name, said=""):
        self.count += 1
        print(f"ok      {name}{': ' if said else ''}{said}", flush=True)

    def summary(self):
        print(f"\n{self.count} steps, {time.monotonic() - self.started:.1f} s")


def run_steps(name, run, failures=()):
    """Hands a folder for work and the steps to `run`; the exit status that it comes to."""
    steps = Steps()
    with tempfile.TemporaryDirectory(prefix=f"trailseal-{name}-") as work:
        try:
            run(Path(work), steps)
        except (Failed, *failures) as failure:
            print(f"FAILED  {failure}", flush=True)
            return 1
    steps.summary()
    return 0
