#!/usr/bin/env python3
"""A directory as an S3 bucket, and the part of CloudTrail's API that `validate-logs` calls.

For tests on one's own machine: it listens on 127.0.0.1 only, checks no signature and only reads.
Everything is answered as AWS answers it, so that a client cannot tell the difference: keys in
order of their UTF-8 bytes, listings in pages, `Content-Encoding: gzip` on `.json.gz` objects,
public keys by the time asked for and by the region that the request was signed for.

An object NAME takes its metadata from the file NAME.metadata.json beside it, in the shape that
`aws s3api head-object` prints: `{"Metadata": {"signature": ...}}`. Those files are not objects.

    python3 stand_in.py DIR --bucket NAME --trail-arn ARN --keys public-keys.json
"""

import argparse
import json
import threading
from collections import Counter
from datetime import datetime, timezone
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

SIDECAR = ".metadata.json"
XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def epoch(time):
    """A time as key files have it: a number, a number in quotes, or ISO text."""
    try:
        return float(time)
    except ValueError:
        parsed = datetime.fromisoformat(time.replace("Z", "+00:00"))
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).timestamp()


class StandIn(ThreadingHTTPServer):
    """One bucket and its trails. `calls` counts what was asked for, `refused` what is not known."""

    daemon_threads = True

    def __init__(self, root, bucket, trail_arns, keys_file, *, prefix=None, organization=None,
                 bucket_region="us-east-1", page_size=1000, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.root, self.bucket, self.bucket_region = Path(root), bucket, bucket_region
        self.trail_arns, self.prefix, self.organization = trail_arns, prefix, organization
        self.keys = json.loads(Path(keys_file).read_text(encoding="utf-8"))
        self.page_size = page_size
        self.calls, self.refused = Counter(), []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def object_keys(self):
        """Every key of the bucket, in S3's order."""
        files = (p for p in self.root.rglob("*") if p.is_file() and not p.name.endswith(SIDECAR))
        return sorted((p.relative_to(self.root).as_posix() for p in files), key=str.encode)

    def object_file(self, key):
        """The file of a key, or None where there is no such object."""
        file = self.root / key
        plain = not key.endswith((SIDECAR, "/")) and not {"", ".", ".."} & set(key.split("/"))
        return file if plain and file.is_file() else None

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
        optional = {"S3KeyPrefix": self.prefix} if self.prefix else {}
        return {"trailList": [{
            "Name": arn.split("/", 1)[1], "TrailARN": arn, "HomeRegion": arn.split(":")[3],
            "S3BucketName": self.bucket, "IncludeGlobalServiceEvents": True,
            "IsMultiRegionTrail": True, "LogFileValidationEnabled": True,
            "HasCustomEventSelectors": False, "HasInsightSelectors": False,
            "IsOrganizationTrail": self.organization is not None} | optional
            for arn in self.trail_arns]}

    def DescribeOrganization(self, _request, _region):
        return {"Organization": {"Id": self.organization}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet: no wait for a delayed acknowledgement

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in ({"Content-Length": len(body)} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_xml(self, text, status=200):
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
        self.answer(status, body, {"Content-Type": "application/xml"})

    def refuse(self, status, code, message, asked):
        if not code.startswith("NoSuch"):
            self.server.refused.append(asked)
        self.answer_xml(f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>"
                        f"<Resource>{escape(asked)}</Resource></Error>", status)

    # ---- the JSON APIs -------------------------------------------------------------------

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        action = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        known = ("ListPublicKeys", "DescribeTrails", "DescribeOrganization")
        if action not in known:
            return self.refuse(501, "NotImplemented", "not part of the stand-in",
                               f"POST {self.path} {action}")
        self.server.calls[action] += 1
        # Credential=<id>/<date>/<region>/<service>/aws4_request
        region = (self.headers.get("Authorization", "").partition("Credential=")[2]
                  .split("/") + [""] * 3)[2]
        result = getattr(self.server, action)(json.loads(body or b"{}"), region)
        self.answer(200, json.dumps(result).encode(),
                    {"Content-Type": "application/x-amz-json-1.1"})

    # ---- S3, path style ------------------------------------------------------------------

    def do_GET(self):
        url = urlsplit(self.path)
        bucket, _, key = url.path[1:].partition("/")
        query = {k: v[0] for k, v in parse_qs(url.query, keep_blank_values=True).items()}
        asked = f"{self.command} {self.path}"
        if unquote(bucket) != self.server.bucket:
            self.refuse(404, "NoSuchBucket", "The specified bucket does not exist", asked)
        elif key:
            self.get_object(unquote(key), asked)
        elif "location" in query:
            self.server.calls["GetBucketLocation"] += 1
            region = self.server.bucket_region
            self.answer_xml(f"<LocationConstraint {XMLNS}>"
                            f"{'' if region == 'us-east-1' else region}</LocationConstraint>")
        elif set(query) & {"acl", "policy", "versions", "versioning", "tagging", "uploads"}:
            self.refuse(501, "NotImplemented", "not part of the stand-in", asked)
        else:
            self.list_objects(query)

    do_HEAD = do_GET

    def get_object(self, key, asked):
        self.server.calls["HeadObject" if self.command == "HEAD" else "GetObject"] += 1
        file = self.server.object_file(key)
        if file is None:
            return self.refuse(404, "NoSuchKey", "The specified key does not exist.", asked)
        body, sidecar = file.read_bytes(), file.with_name(file.name + SIDECAR)
        head = json.loads(sidecar.read_text(encoding="utf-8")) if sidecar.is_file() else {}
        headers = {"Content-Type": head.get("ContentType", "application/json"),
                   "ETag": f'"{md5(body).hexdigest()}"',
                   "Last-Modified": formatdate(file.stat().st_mtime, usegmt=True)}
        encoding = head.get("ContentEncoding", "gzip" if key.endswith(".json.gz") else None)
        headers |= {"Content-Encoding": encoding} if encoding else {}
        headers |= {f"x-amz-meta-{k}": v for k, v in head.get("Metadata", {}).items()}
        self.answer(200, body, headers)

    def list_objects(self, query):
        v2 = query.get("list-type") == "2"
        self.server.calls["ListObjectsV2" if v2 else "ListObjects"] += 1
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = (query.get("continuation-token") or query.get("start-after", "")) if v2 \
            else query.get("marker", "")
        limit = min(int(query.get("max-keys", 1000)), self.server.page_size)
        spell = quote if query.get("encoding-type") == "url" else escape

        rows = {}  # a key or common prefix, and what is said of it, in order
        for key in self.server.object_keys():
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
                stat = self.server.object_file(key).stat()
                time = datetime.fromtimestamp(stat.st_mtime, timezone.utc)
                rows[entry] = (
                    f"<Contents><Key>{spell(key)}</Key><Size>{stat.st_size}</Size>"
                    f"<LastModified>{time:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
                    "<StorageClass>STANDARD</StorageClass></Contents>")
        page, more = list(rows)[:limit], len(rows) > limit
        fields = {"Name": self.server.bucket, "Prefix": spell(prefix), "MaxKeys": limit,
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
    parser.add_argument("--trail-arn", action="append", default=[], help="repeatable")
    parser.add_argument("--keys", required=True, help="as `aws cloudtrail list-public-keys` prints")
    parser.add_argument("--prefix", help="the trails' S3 key prefix")
    parser.add_argument("--organization", help="makes the trails an organization's: o-...")
    parser.add_argument("--page-size", type=int, default=1000, help="keys in a page of a listing")
    parser.add_argument("--port", type=int, default=0)
    args = parser.parse_args()
    server = StandIn(args.root, args.bucket, args.trail_arn, args.keys, prefix=args.prefix,
                     organization=args.organization, page_size=args.page_size, port=args.port)
    print(server.url, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
