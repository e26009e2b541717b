#!/usr/bin/env python3
"""Buckets of S3, and the parts of CloudTrail's and Organizations' APIs that `validate-logs` calls.

For tests on one's own machine: it listens on 127.0.0.1 only, checks no signature and only reads.
Everything is answered as AWS answers it, so that a client cannot tell the difference: keys in
order of their UTF-8 bytes, listings in pages, `Content-Encoding: gzip` on `.json.gz` objects,
public keys by the time asked for and by the region that the request was signed for. Faults stand
in for what goes wrong: an error answer, for good or a number of times, or a connection that
breaks off in the middle of a body.

From a shell, a directory is the bucket. An object NAME takes its metadata from the file
NAME.metadata.json beside it, in the shape that `aws s3api head-object` prints:
`{"Metadata": {"signature": ...}}`. Those files are not objects.

    python3 stand_in.py DIR --bucket NAME --trail-arn ARN --keys public-keys.json
"""

import argparse
import json
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

SIDECAR = ".metadata.json"
XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
NOT_SERVED = {"acl", "policy", "versions", "versioning", "tagging", "uploads"}


# ---- what is served ----------------------------------------------------------------------


@dataclass
class Object:
    """What S3 holds under a key."""

    body: bytes
    metadata: dict = field(default_factory=dict)
    encoding: str | None = None
    type: str = "application/json"
    modified: float = 1772323200  # 2026-03-01T00:00:00Z


class Directory:
    """The files of a directory as objects."""

    def __init__(self, root):
        self.root = Path(root)

    def keys(self):
        files = (p for p in self.root.rglob("*") if p.is_file() and not p.name.endswith(SIDECAR))
        return [p.relative_to(self.root).as_posix() for p in files]

    def get(self, key):
        """The object of a key, or None where there is none."""
        file = self.root / key
        plain = not key.endswith((SIDECAR, "/")) and not {"", ".", ".."} & set(key.split("/"))
        if not plain or not file.is_file():
            return None
        sidecar = file.with_name(file.name + SIDECAR)
        head = json.loads(sidecar.read_text(encoding="utf-8")) if sidecar.is_file() else {}
        encoding = head.get("ContentEncoding", "gzip" if key.endswith(".json.gz") else None)
        return Object(file.read_bytes(), head.get("Metadata", {}), encoding,
                      head.get("ContentType", "application/json"), file.stat().st_mtime)


@dataclass
class Bucket:
    """A bucket: a Directory, or a dictionary of an Object for each key, and where it lies.

    `location` is what GetBucketLocation says: nothing for us-east-1, and for some old buckets
    `EU`, which stands for eu-west-1.
    """

    objects: Directory | dict
    location: str = ""


@dataclass(frozen=True)
class Trail:
    """What DescribeTrails says of a trail."""

    arn: str
    bucket: str
    prefix: str | None = None
    organization: bool = False

    def described(self):
        optional = {"S3KeyPrefix": self.prefix} if self.prefix else {}
        return {"Name": self.arn.split("/", 1)[1], "TrailARN": self.arn,
                "HomeRegion": self.arn.split(":")[3], "S3BucketName": self.bucket,
                "IncludeGlobalServiceEvents": True, "IsMultiRegionTrail": True,
                "LogFileValidationEnabled": True, "HasCustomEventSelectors": False,
                "HasInsightSelectors": False, "IsOrganizationTrail": self.organization} | optional


@dataclass
class Fault:
    """What an operation answers instead: an error, or (without a code) a body that breaks off.

    After `times` answers it is over. `reset` breaks the connection off as a lost peer does,
    where it would otherwise be closed in order.
    """

    code: str = ""
    message: str = ""
    status: int = 400
    times: float = float("inf")
    reset: bool = False
    delay: float = 0  # seconds before any answer, a good one too


def epoch(time):
    """A time as key files have it: a number, a number in quotes, or ISO text."""
    try:
        return float(time)
    except ValueError:
        parsed = datetime.fromisoformat(time.replace("Z", "+00:00"))
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).timestamp()


class StandIn(ThreadingHTTPServer):
    """Buckets by name, the trails that deliver into them, and CloudTrail's public keys.

    `keys` is what `aws cloudtrail list-public-keys` prints, or one such list for each region.
    `faults` are by operation and resource: ("GetObject", "bucket/key"), ("ListObjects",
    "bucket") for either version, ("ListPublicKeys", ""). `calls` counts what was asked for,
    `refused` tells what is not known here, `misdirected` what was asked for in another region
    than the bucket's.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, buckets, trails, keys, *, organization=None, faults=None, page_size=1000,
                 port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.buckets, self.trails, self.keys = buckets, trails, keys
        self.organization, self.page_size = organization, page_size
        self.faults = faults or {}
        self.calls, self.refused, self.misdirected = Counter(), [], []
        self.lock = threading.Lock()

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
        """A client that hangs up early is no error of this side."""

    def called(self, operation, resource=""):
        """Counts a call; the fault that it meets, if any."""
        with self.lock:
            self.calls[operation] += 1
            fault = self.faults.get((operation.removesuffix("V2"), resource))
            if fault is None or fault.times <= 0:
                return None
            fault.times -= 1
        time.sleep(fault.delay)
        return None if fault.delay and not fault.code else fault

    # ---- CloudTrail and Organizations: one method for each action ------------------------

    def ListPublicKeys(self, request, region):
        lists = self.keys if {"PublicKeyList", "publicKeyList"} & set(self.keys) \
            else self.keys.get(region, {})
        start, end = request.get("StartTime", 0), request.get("EndTime", float("inf"))
        keys = [key | {t: epoch(key[t]) for t in ("ValidityStartTime", "ValidityEndTime")}
                for key in lists.get("PublicKeyList") or lists.get("publicKeyList") or []]
        return {"PublicKeyList": [key for key in keys if key["ValidityStartTime"] <= end
                                  and key["ValidityEndTime"] >= start]}

    def DescribeTrails(self, _request, _region):
        return {"trailList": [trail.described() for trail in self.trails]}

    def DescribeOrganization(self, _request, _region):
        if self.organization is None:
            return Fault("AWSOrganizationsNotInUseException",
                         "Your account is not a member of an organization.")
        return {"Organization": {"Id": self.organization, "FeatureSet": "ALL"}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet: no wait for a delayed acknowledgement

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers, length=None):
        self.send_response(status)
        length = len(body) if length is None else length
        for name, value in ({"Content-Length": length} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_xml(self, text, status=200):
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
        self.answer(status, body, {"Content-Type": "application/xml"})

    def fail(self, status, code, message):
        self.answer_xml(f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>"
                        f"<Resource>{escape(self.path)}</Resource></Error>", status)

    def refuse(self, asked):
        self.server.refused.append(asked)
        self.fail(501, "NotImplemented", "not part of the stand-in")

    def break_off(self, status, body, headers, fault):
        """The first half of a body, and then no connection."""
        self.answer(status, body[:len(body) // 2], headers, len(body))
        self.wfile.flush()
        self.close_connection = True
        if fault.reset:
            time.sleep(0.05)  # what was sent is read before the reset discards it
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            self.connection.close()

    @property
    def signed_region(self):
        # Credential=<id>/<date>/<region>/<service>/aws4_request
        credential = self.headers.get("Authorization", "").partition("Credential=")[2]
        return (credential.split("/") + [""] * 3)[2]

    # ---- the JSON APIs -------------------------------------------------------------------

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        action = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if action not in ("ListPublicKeys", "DescribeTrails", "DescribeOrganization"):
            return self.refuse(f"POST {self.path} {action}")
        result = self.server.called(action) or getattr(self.server, action)(
            json.loads(body or b"{}"), self.signed_region)
        status = 200
        if isinstance(result, Fault):
            status, result = result.status, {"__type": result.code, "message": result.message}
        self.answer(status, json.dumps(result).encode(),
                    {"Content-Type": "application/x-amz-json-1.1"})

    # ---- S3, path style ------------------------------------------------------------------

    def do_GET(self):
        url = urlsplit(self.path)
        name, _, key = url.path[1:].partition("/")
        name, key = unquote(name), unquote(key)
        query = {k: v[0] for k, v in parse_qs(url.query, keep_blank_values=True).items()}
        if key:
            operation = "HeadObject" if self.command == "HEAD" else "GetObject"
        elif "location" in query:
            operation = "GetBucketLocation"
        elif set(query) & NOT_SERVED:
            return self.refuse(f"{self.command} {self.path}")
        else:
            operation = "ListObjectsV2" if query.get("list-type") == "2" else "ListObjects"
        fault = self.server.called(operation, f"{name}/{key}" if key else name)
        if fault and fault.code:
            return self.fail(fault.status, fault.code, fault.message)
        bucket = self.server.buckets.get(name)
        if bucket is None:
            return self.fail(404, "NoSuchBucket", "The specified bucket does not exist")
        if operation == "GetBucketLocation":
            return self.answer_xml(f"<LocationConstraint {XMLNS}>{bucket.location}"
                                   "</LocationConstraint>")
        location = {"": "us-east-1", "EU": "eu-west-1"}.get(bucket.location, bucket.location)
        if self.signed_region not in (location, bucket.location):
            self.server.misdirected.append(f"{operation} {name}: {self.signed_region}")
        if key:
            return self.get_object(bucket, key, fault)
        return self.list_objects(bucket, name, query)

    do_HEAD = do_GET

    def get_object(self, bucket, key, fault):
        found = bucket.objects.get(key)
        if found is None:
            return self.fail(404, "NoSuchKey", "The specified key does not exist.")
        body = found.body
        headers = {"Content-Type": found.type, "ETag": f'"{md5(body).hexdigest()}"',
                   "Last-Modified": formatdate(found.modified, usegmt=True)}
        headers |= {"Content-Encoding": found.encoding} if found.encoding else {}
        headers |= {f"x-amz-meta-{k}": v for k, v in found.metadata.items()}
        status, first = 200, self.headers.get("Range", "").removeprefix("bytes=").partition("-")[0]
        if first:
            status, first = 206, int(first)
            if first >= len(body):
                return self.fail(416, "InvalidRange", "The requested range is not satisfiable")
            headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
            body = body[first:]
        if fault:
            return self.break_off(status, body, headers, fault)
        self.answer(status, body, headers)

    def list_objects(self, bucket, name, query):
        v2 = query.get("list-type") == "2"
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = (query.get("continuation-token") or query.get("start-after", "")) if v2 \
            else query.get("marker", "")
        limit = min(int(query.get("max-keys", 1000)), self.server.page_size)
        spell = quote if query.get("encoding-type") == "url" else escape

        rows = {}  # a key or common prefix, and what is said of it, in order
        for key in sorted(bucket.objects.keys(), key=str.encode):
            if not key.startswith(prefix):
                continue
            head, cut, _ = key[len(prefix):].partition(delimiter) if delimiter else (key, "", "")
            entry = prefix + head + cut if cut else key
            if entry.encode() <= after.encode() or entry in rows:
                continue
            if len(rows) > limit:
                break
            if cut:
                rows[entry] = f"<CommonPrefixes><Prefix>{spell(entry)}</Prefix></CommonPrefixes>"
            else:
                found = bucket.objects.get(key)
                when = datetime.fromtimestamp(found.modified, timezone.utc)
                rows[entry] = (
                    f"<Contents><Key>{spell(key)}</Key><Size>{len(found.body)}</Size>"
                    f"<LastModified>{when:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
                    "<StorageClass>STANDARD</StorageClass></Contents>")
        page, more = list(rows)[:limit], len(rows) > limit
        fields = {"Name": name, "Prefix": spell(prefix), "MaxKeys": limit,
                  "Delimiter": spell(delimiter), "EncodingType": query.get("encoding-type", ""),
                  "IsTruncated": str(more).lower()}
        if v2:
            fields |= {"KeyCount": len(page)}
            fields |= {"NextContinuationToken": escape(page[-1])} if more and page else {}
        else:
            fields |= {"Marker": spell(after)}
            # As S3 does: without a delimiter the client goes on from the last key of the page.
            fields |= {"NextMarker": spell(page[-1])} if more and page and delimiter else {}
        told = "".join(f"<{k}>{v}</{k}>" for k, v in fields.items() if v != "")
        self.answer_xml(f"<ListBucketResult {XMLNS}>{told}"
                        f"{''.join(rows[k] for k in page)}</ListBucketResult>")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("root", metavar="DIR", help="what the bucket holds: AWSLogs/...")
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--location", default="", help="the bucket's region; default us-east-1")
    parser.add_argument("--trail-arn", action="append", default=[], help="repeatable")
    parser.add_argument("--keys", required=True, help="as `aws cloudtrail list-public-keys` prints")
    parser.add_argument("--prefix", help="the trails' S3 key prefix")
    parser.add_argument("--organization", help="makes the trails an organization's: o-...")
    parser.add_argument("--page-size", type=int, default=1000, help="keys in a page of a listing")
    parser.add_argument("--port", type=int, default=0)
    args = parser.parse_args()
    server = StandIn(
        {args.bucket: Bucket(Directory(args.root), args.location)},
        [Trail(arn, args.bucket, args.prefix, bool(args.organization)) for arn in args.trail_arn],
        json.loads(Path(args.keys).read_text(encoding="utf-8")),
        organization=args.organization, page_size=args.page_size, port=args.port)
    print(server.url, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
