"""Digest chains of any shape in memory: what a sealer would write, and what no sealer would.

Written apart from trailseal's own sealer, so that its mistakes are not repeated here. A `World` is
what a stand-in serves: buckets, trails, public keys, an organization, and what goes wrong.
"""

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from peers import Chain, a_log
from stand_in import Bucket, Fault, Object, StandIn, Trail

DAY = datetime(2026, 3, 1, tzinfo=timezone.utc)
NAME, SHOWN = "%Y%m%dT%H%M%SZ", "%Y-%m-%dT%H:%M:%SZ"
EMPTY_HOUR = 4  # of the standard chain: nothing was delivered between 03:00 and 04:00
ACCOUNT, MEMBER, ORGANIZATION = "111122223333", "444455556666", "o-exampleorg01"
STANDARD = Chain(ACCOUNT, "us-east-1", "audit", "audit-logs")


def at(hours):
    """A time on the day of the chains, or after it."""
    return DAY + timedelta(hours=hours)


class Signer:
    """The key pair that `trailseal keys generate` wrote into a directory."""

    def __init__(self, directory):
        pem = (directory / "signing-key.pem").read_text(encoding="ascii").strip().splitlines()
        pkcs8 = integers(base64.b64decode("".join(pem[1:-1])))
        _, self.modulus, _, self.exponent, *_ = integers(pkcs8[-1])
        self.sign = lru_cache(maxsize=None)(self._sign)
        self.keys = json.loads((directory / "public-keys.json").read_text(encoding="utf-8"))

    @property
    def public(self):
        return self.keys["PublicKeyList"][0]

    def _sign(self, text):
        """PKCS #1 v1.5 with SHA-256."""
        length = (self.modulus.bit_length() + 7) // 8
        told = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(
            text).digest()
        padded = b"\x00\x01" + b"\xff" * (length - 3 - len(told)) + b"\x00" + told
        signed = pow(int.from_bytes(padded), self.exponent, self.modulus)
        return signed.to_bytes(length).hex()


def integers(der):
    """The members of a DER sequence: integers as such, octet strings and all else as bytes."""
    def read(at):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            octets = length & 0x7F
            length, at = int.from_bytes(der[at:at + octets]), at + octets
        return tag, at, at + length

    _, at, end = read(0)
    found = []
    while at < end:
        tag, start, at = read(at)
        found.append(int.from_bytes(der[start:at]) if tag == 2 else der[start:at])
    return found


def pack(value):
    """What a digest's fields, or any JSON, or text look like in S3."""
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return gzip.compress(text.encode(), mtime=0)


def unpack(body):
    return json.loads(gzip.decompress(body))


@dataclass
class Sealed:
    """What a digest's successor says of it."""

    bucket: str
    key: str
    hash: str
    signature: str

    def fields(self):
        return {"previousDigestS3Bucket": self.bucket, "previousDigestS3Object": self.key,
                "previousDigestHashValue": self.hash, "previousDigestHashAlgorithm": "SHA-256",
                "previousDigestSignature": self.signature}


NOTHING = {name: None for name in Sealed("", "", "", "").fields()}


@dataclass
class World:
    """All that a stand-in serves. The standard chain, where it is sealed, has its first digest
    end at 01:00 and its last at 06:00, a log file in each but one."""

    signer: Signer
    other: Signer  # a key of which CloudTrail does not know
    chain: Chain = STANDARD
    buckets: dict = field(default_factory=dict)
    trails: list = field(default_factory=list)
    keys: dict = field(default_factory=dict)
    organization: str | None = None
    faults: dict = field(default_factory=dict)
    page_size: int = 1000

    def __post_init__(self):
        self.keys = {region: {"PublicKeyList": [dict(self.signer.public)]}
                     for region in ("us-east-1", "eu-west-1", "ap-southeast-2")}

    def serve(self):
        return StandIn(self.buckets, self.trails, self.keys, organization=self.organization,
                       faults=self.faults, page_size=self.page_size)

    # ---- what lies in the buckets --------------------------------------------------------

    def bucket(self, name=None, location=""):
        return self.buckets.setdefault(name or self.chain.bucket, Bucket({}, location)).objects

    def put(self, key, body, metadata=None, bucket=None):
        """An object as CloudTrail writes it."""
        encoding = "gzip" if key.endswith(".json.gz") else None
        self.bucket(bucket)[key] = Object(body, metadata or {}, encoding)
        return key

    def change(self, key, edit):
        found = self.bucket()[key]
        found.body = edit(found.body)

    def remove(self, *keys):
        for key in keys:
            del self.bucket()[key]

    def signed(self, key, **metadata):
        """Changes an object's metadata; what is None goes."""
        found = self.bucket()[key].metadata
        found |= {name.replace("_", "-"): value for name, value in metadata.items()}
        for name in [name for name, value in found.items() if value is None]:
            del found[name]

    def digest(self, hour=3, backfill=False, chain=None):
        """The key of the digest that ends at an hour."""
        key = (chain or self.chain).digest_key(f"{at(hour):{NAME}}")
        return key.replace(".json.gz", "_backfill.json.gz") if backfill else key

    def log(self, hour=3, nth=0, backfill=False):
        """The key of a log file that the digest of an hour lists."""
        return unpack(self.bucket()[self.digest(hour, backfill)].body)["logFiles"][nth]["s3Object"]

    # ---- sealing -------------------------------------------------------------------------

    def seal(self, hours=range(1, 7), *, chain=None, logs=1, edits=None, follows=None,
             backfill=False, signer=None, first=None):
        """Digests that end at these hours, each the successor of the one before.

        `logs` is how many log files each lists, or what they are: (bucket, key, body). `edits`
        changes the fields of an hour's digest before it is signed: what it returns is signed
        instead. `follows` is the digest before the first, whose start `first` sets if it is not
        an hour before its end. Returns the last.
        """
        chain, signer = chain or self.chain, signer or self.signer
        for hour in hours:
            key, end = self.digest(hour, backfill, chain), f"{at(hour):{SHOWN}}"
            start = at(hour - 1 if first is None else first)
            first = None
            listed = logs if isinstance(logs, list) else self.some_logs(chain, hour, logs, backfill)
            for place, name, body in listed:
                self.put(name, body, bucket=place)
            fields = {
                "awsAccountId": chain.account, "digestStartTime": f"{start:{SHOWN}}",
                "digestEndTime": end, "digestS3Bucket": chain.bucket, "digestS3Object": key,
                "digestPublicKeyFingerprint": signer.public["Fingerprint"],
                "digestSignatureAlgorithm": "SHA256withRSA",
                "newestEventTime": f"{start:{SHOWN}}" if listed else None,
                "oldestEventTime": f"{start:{SHOWN}}" if listed else None,
                **(follows.fields() if follows else NOTHING),
                "logFiles": [
                    {"s3Bucket": place, "s3Object": name, "hashAlgorithm": "SHA-256",
                     "hashValue": hashlib.sha256(gzip.decompress(body)).hexdigest(),
                     "newestEventTime": f"{start:{SHOWN}}", "oldestEventTime": f"{start:{SHOWN}}"}
                    for place, name, body in listed]}
            written = (edits or {}).get(hour, lambda same: same)(fields)
            follows = self.write(chain.bucket, key, written, signer)
            if backfill:
                self.bucket(chain.bucket)[key].metadata["backfill-generation-timestamp"] = (
                    f"{at(hour + 24):{SHOWN}}")
        return follows

    def write(self, bucket, key, fields, signer):
        """Signs what a digest says, if it says enough, and puts it into its bucket."""
        body = pack(fields)
        told = gzip.decompress(body)
        said = fields if isinstance(fields, dict) else {}
        previous = said.get("previousDigestSignature")
        signed = "\n".join((
            str(said.get("digestEndTime")),
            f"{said.get('digestS3Bucket')}/{said.get('digestS3Object')}",
            hashlib.sha256(told).hexdigest(), "null" if previous is None else str(previous)))
        signature = signer.sign(signed.encode())
        self.put(key, body, {"signature": signature, "signature-algorithm": "SHA256withRSA"},
                 bucket)
        return Sealed(bucket, key, hashlib.sha256(told).hexdigest(), signature)

    @staticmethod
    def some_logs(chain, hour, count, backfill):
        if hour == EMPTY_HOUR and not backfill:
            return []
        kind = "b" if backfill else "0"
        return [(chain.bucket, chain.log_key(f"{at(hour - 1):%Y%m%dT%H}{5 * n:02}Z",
                                             f"{kind}{hour:07}{n:08}"), a_log(f"{kind} {hour} {n}"))
                for n in range(count)]

    def trail(self, chain=None):
        """Has DescribeTrails tell of a chain's trail."""
        chain = chain or self.chain
        self.trails.append(Trail(chain.arn, chain.bucket, chain.prefix,
                                 chain.organization is not None))

    def standard(self, **how):
        """The standard chain, or another that takes its place, and its trail."""
        self.chain = how.get("chain") or self.chain
        self.trail()
        return self.seal(**how)

    # ---- what goes wrong -----------------------------------------------------------------

    def fault(self, operation, key="", code="", message="", status=400, **how):
        """Has a call meet a fault: of a key, of the chain's bucket, or of CloudTrail."""
        of_s3 = operation in ("GetObject", "ListObjects", "GetBucketLocation")
        resource = f"{self.chain.bucket}/{key}" if key else self.chain.bucket if of_s3 else ""
        self.faults[operation, resource] = Fault(code, message, status, **how)

    def denied(self, operation, key=""):
        self.fault(operation, key, "AccessDenied", "Access Denied", 403)
