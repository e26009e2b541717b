"""Cases of what lies in a bucket: log files, digests, chains, backfill digests."""

import gzip
import json
from dataclasses import replace
from functools import partial

from cases import Cases, first_log, flip, saying, without
from forge import NOTHING, STANDARD, at, pack, unpack
from peers import a_log

OBJECTS = Cases()
built, tampered, edited = OBJECTS.built, OBJECTS.tampered, OBJECTS.edited


# ---- whole ---------------------------------------------------------------------------------

tampered("clean")
tampered("clean, not verbose", verbose=False)
built("clean, over two days and pages", lambda w: (w.standard(hours=range(20, 30)),
                                                   setattr(w, "page_size", 3)),
      start_time="2026-03-01T19:00:00Z", end_time="2026-03-02T07:00:00Z")
built("one digest, and it starts the chain", lambda w: w.standard(hours=[1]))
built("many log files in a digest", lambda w: w.standard(hours=[1], logs=12))


# ---- log files -----------------------------------------------------------------------------

def logs(name, edit, **how):
    tampered(f"log: {name}", lambda w: w.change(w.log(), edit), **how)


tampered("log: missing", lambda w: w.remove(w.log()))
tampered("log: missing, not verbose", lambda w: w.remove(w.log()), verbose=False)
logs("another valid one", lambda _: a_log("another"))
logs("another valid one, not verbose", lambda _: a_log("another"), verbose=False)
logs("one bit flipped in the middle", flip)
logs("one bit flipped in the checksum", partial(flip, at=-6))
logs("one bit flipped in the length", partial(flip, at=-2))
logs("one bit flipped in the magic number", partial(flip, at=0))
logs("one bit flipped in the gzip header's time", partial(flip, at=5))
logs("cut in the middle", lambda body: body[:len(body) // 2])
logs("cut in the gzip header", lambda body: body[:6])
logs("gzip trailer cut off", lambda body: body[:-8])
logs("half of the gzip trailer cut off", lambda body: body[:-4])
logs("junk after the gzip stream", lambda body: body + b"junk")
logs("one zero byte after the gzip stream", lambda body: body + b"\0")
logs("a second gzip member", lambda body: body + a_log("more"))
logs("an empty second gzip member", lambda body: body + pack(""))
logs("another valid one, and junk after it", lambda _: a_log("another") + b"junk")
logs("not gzip", lambda _: b"no log file")
logs("plain JSON, inflated", lambda body: json.dumps(unpack(body)).encode())
logs("empty object", lambda _: b"")
logs("gzip of nothing", lambda _: pack(""))
built("log: large and junk-like, several reads long",
      lambda w: w.standard(hours=[1], logs=[(w.chain.bucket, w.chain.log_key(
          "20260301T0005Z", "0000000000000001"), a_log("\n".join(map(str, range(60000)))))]))
built("log: in another bucket", lambda w: (
    w.bucket("other-logs"),
    w.standard(hours=[1], logs=[("other-logs", w.chain.log_key(
        "20260301T0005Z", "0000000000000001"), a_log())])))
built("log: in a bucket that is not there", lambda w: (
    w.standard(hours=[1, 2], edits={2: first_log(s3Bucket="no-such-logs")})))
edited("log: listed under a key that is not its own", first_log(s3Object="AWSLogs/elsewhere"))
edited("log: hash in capitals",
       lambda d: first_log(hashValue=d["logFiles"][0]["hashValue"].upper())(d))
edited("log: hash algorithm unknown", first_log(hashAlgorithm="MD5"))
edited("log: hash algorithm missing", first_log(hashAlgorithm=None))
edited("log: hash missing", first_log(hashValue=None))
edited("log: bucket missing", first_log(s3Bucket=None))
edited("log: key missing", first_log(s3Object=None))
edited("log: key empty", first_log(s3Object=""))
edited("log: hash a number", first_log(hashValue=12))
edited("log: key a number", first_log(s3Object=12))
edited("log: bucket name that S3 does not allow", first_log(s3Bucket="no bucket!"))
edited("log: listed twice", lambda d: d | {"logFiles": d["logFiles"] * 2})
edited("log: an entry that is no object", saying(logFiles=["text"]))
tampered("log: injected", lambda w: w.put(w.chain.log_key(
    "20260301T0215Z", "0123456789abcdef"), a_log("injected")))


def special(world):
    name = 'odd & <keys>/"q" \'s\' a+b %41 ü 日本 \\ #?;=.json.gz'
    world.standard(hours=[1, 2], logs=[(world.chain.bucket, name, a_log())])


built("log: key of special characters", special)
built("log: key with a tab and a newline", lambda w: w.standard(
    hours=[1], logs=[(w.chain.bucket, "tab\tand\nnewline.json.gz", a_log())]))


# ---- digests -------------------------------------------------------------------------------

def digests(name, edit, hour=3, **how):
    tampered(f"digest: {name}", lambda w: w.change(w.digest(hour), edit), **how)


def metadata(name, hour=3, **values):
    tampered(f"digest: {name}", lambda w: w.signed(w.digest(hour), **values))


def missing(name, *hours, **how):
    tampered(f"digest: {name}", lambda w: w.remove(*map(w.digest, hours)), **how)


missing("one missing", 3)
missing("one missing, not verbose", 3, verbose=False)
missing("two adjacent missing", 3, 4)
missing("two apart missing", 2, 4)
missing("first missing", 1)
missing("last missing", 6)
missing("last two missing", 5, 6)
missing("all missing", *range(1, 7))
missing("all but the last missing", *range(1, 6))
missing("all but the first missing", *range(2, 7))

digests("modified", lambda body: pack(unpack(body) | {"logFiles": []}))
digests("modified, the last", lambda body: pack(unpack(body) | {"logFiles": []}), 6)
digests("modified, the first", lambda body: pack(unpack(body) | {"logFiles": []}), 1)
digests("packed otherwise, the same inside", lambda body: gzip.compress(
    gzip.decompress(body), 1, mtime=1772323200))
digests("one bit flipped", flip)
digests("one bit flipped in the checksum", partial(flip, at=-6))
digests("not gzip", lambda _: b"no digest")
digests("plain JSON, inflated", lambda body: json.dumps(unpack(body)).encode())
digests("empty object", lambda _: b"")
digests("gzip of nothing", lambda _: pack(""))
digests("not JSON", lambda _: pack("no digest"))
digests("not UTF-8", lambda _: gzip.compress(b'{"a": "\xff"}', mtime=0))
digests("JSON, but a list", lambda _: pack([1]))
digests("JSON, but a number", lambda _: pack(1))
digests("JSON, but text", lambda _: pack('"text"'))
digests("JSON, but null", lambda _: pack("null"))
digests("JSON with NaN", lambda _: pack('{"a": NaN}'))
digests("a field twice", lambda body: pack(
    json.dumps(unpack(body))[:-1] + ', "digestS3Bucket": "elsewhere"}'))
digests("a byte order mark first", lambda body: pack("\ufeff" + json.dumps(unpack(body))))
digests("cut in the middle", lambda body: body[:len(body) // 2])
digests("gzip trailer cut off", lambda body: body[:-8])
digests("junk after the gzip stream", lambda body: body + b"junk")
digests("a second gzip member", lambda body: body + pack("more"))

for field in ("digestPublicKeyFingerprint", "digestS3Bucket", "digestS3Object",
              "previousDigestSignature", "digestEndTime", "digestStartTime", "awsAccountId",
              "digestSignatureAlgorithm", "previousDigestS3Bucket", "previousDigestS3Object",
              "previousDigestHashValue", "previousDigestHashAlgorithm", "newestEventTime",
              "logFiles"):
    edited(f"digest: no {field}", without(field))
for field in ("digestPublicKeyFingerprint", "digestS3Bucket", "digestS3Object", "digestEndTime",
              "digestStartTime", "logFiles", "previousDigestSignature", "previousDigestS3Bucket",
              "previousDigestS3Object"):
    edited(f"digest: {field} null", saying(**{field: None}))
for field in ("digestPublicKeyFingerprint", "digestEndTime", "digestStartTime",
              "previousDigestSignature"):
    edited(f"digest: {field} a number", saying(**{field: 12}))
edited("digest: digestEndTime not a time", saying(digestEndTime="soon"))
edited("digest: digestStartTime not a time", saying(digestStartTime="soon"))
edited("digest: digestStartTime without a zone", saying(digestStartTime="2026-03-01T02:00:00"))
edited("digest: digestEndTime without a zone", saying(digestEndTime="2026-03-01T03:00:00"))
edited("digest: digestStartTime with an offset", saying(
    digestStartTime="2026-03-01T03:00:00+01:00"))
edited("digest: digestStartTime with a fraction", saying(
    digestStartTime="2026-03-01T02:00:00.250Z"))
edited("digest: digestStartTime before the range", saying(digestStartTime="2026-02-27T02:00:00Z"))
edited("digest: logFiles an empty object", saying(logFiles={}))
edited("digest: logFiles a number", saying(logFiles=7))
edited("digest: another account inside", saying(awsAccountId="999999999999"))
edited("digest: another signature algorithm inside", saying(
    digestSignatureAlgorithm="SHA512withRSA"))
edited("digest: a field more", saying(somethingNew={"a": [1, 2.5, None]}))
edited("digest: another bucket inside", saying(digestS3Bucket="elsewhere"))
edited("digest: another key inside", saying(digestS3Object="elsewhere"))
edited("digest: wrong hash of the one before", saying(previousDigestHashValue="0" * 64))
edited("digest: wrong signature of the one before", saying(previousDigestSignature="00" * 256))
edited("digest: signature of the one before in text that is none",
       saying(previousDigestSignature="ü \n x"))
edited("digest: the one before is named, and was never there",
       lambda d: saying(previousDigestS3Object=d["previousDigestS3Object"].replace(
           "T020000Z", "T023000Z"))(d))
edited("digest: the one before has a name of another kind",
       saying(previousDigestS3Object="AWSLogs/no-digest.json.gz"))
edited("digest: the one before has a name too short", saying(previousDigestS3Object="x"))
edited("digest: the one before has an empty name", saying(previousDigestS3Object=""))
edited("digest: the one before is skipped", lambda d: saying(
    previousDigestS3Object=d["previousDigestS3Object"].replace("T030000Z", "T020000Z"))(d), 4)


def put_digest(world, key, like):
    found = world.bucket()[like]
    world.put(key, found.body, dict(found.metadata))


tampered("digest: replaced by the one before, signature and all",
         lambda w: put_digest(w, w.digest(3), w.digest(2)))
tampered("digest: moved to another hour",
         lambda w: (put_digest(w, w.digest(7), w.digest(6)), w.remove(w.digest(6))),
         end_time="2026-03-01T08:00:00Z")
tampered("digest: a copy under a later hour", lambda w: put_digest(w, w.digest(7), w.digest(6)),
         end_time="2026-03-01T08:00:00Z")

metadata("signature missing", signature=None)
metadata("signature algorithm missing", signature_algorithm=None)
metadata("all metadata missing", signature=None, signature_algorithm=None)
metadata("another signature algorithm", signature_algorithm="SHA512withRSA")
metadata("signature empty", signature="")
metadata("signature not hex", signature="xyz0" * 128)
metadata("signature of odd length", signature="a" * 511)
metadata("signature too short", signature="ab" * 128)
metadata("signature too long", signature="ab" * 257)
metadata("signature of zeros", signature="00" * 256)
metadata("signature beyond the modulus", signature="ff" * 256)
tampered("digest: signature altered", lambda w: w.signed(
    w.digest(), signature=f"{int(w.bucket()[w.digest()].metadata['signature'], 16) ^ 1:0512x}"))
tampered("digest: signature in capitals", lambda w: w.signed(
    w.digest(), signature=w.bucket()[w.digest()].metadata["signature"].upper()))
tampered("digest: signature of another digest", lambda w: w.signed(
    w.digest(), signature=w.bucket()[w.digest(2)].metadata["signature"]))
tampered("digest: unsigned, the last", lambda w: w.signed(w.digest(6), signature=None))
tampered("digest: a backfill timestamp on a standard digest", lambda w: w.signed(
    w.digest(), backfill_generation_timestamp="soon"))


# ---- keys ----------------------------------------------------------------------------------

def publish(world, **values):
    for listed in world.keys.values():
        for key in listed["PublicKeyList"]:
            key |= values


edited("keys: fingerprint unknown", saying(digestPublicKeyFingerprint="0" * 32))
built("keys: signed with an unknown key", lambda w: w.standard(signer=w.other))
built("keys: signed with an unknown key that takes the name of a known one", lambda w: w.standard(
    signer=w.other, edits={n: saying(digestPublicKeyFingerprint=w.signer.public["Fingerprint"])
                           for n in range(1, 7)}))
built("keys: none published", lambda w: (w.standard(), w.keys.clear()))
tampered("keys: not valid in the range", lambda w: publish(
    w, ValidityStartTime=at(-48).timestamp(), ValidityEndTime=at(-24).timestamp()))
tampered("keys: valid from an hour after the end", lambda w: publish(
    w, ValidityStartTime=at(7).timestamp()))
tampered("keys: expired before the digest was signed, valid at the start", lambda w: publish(
    w, ValidityEndTime=at(1).timestamp()))
tampered("keys: value not base64", lambda w: publish(w, Value="!!!"))
tampered("keys: value not a key", lambda w: publish(w, Value="AAAA"))
tampered("keys: value empty", lambda w: publish(w, Value=""))
tampered("keys: value the key of another", lambda w: publish(w, Value=w.other.public["Value"]))
tampered("keys: fingerprint of another", lambda w: publish(w, Fingerprint="0" * 32))
built("keys: several, one of them right", lambda w: (w.standard(), w.keys["us-east-1"][
    "PublicKeyList"].insert(0, dict(w.other.public))))
built("keys: rotated within the chain", lambda w: (
    w.keys["us-east-1"]["PublicKeyList"].append(dict(w.other.public)),
    w.seal([4, 5, 6], follows=w.standard(hours=[1, 2, 3]), signer=w.other)))


# ---- segments ------------------------------------------------------------------------------

def restarted(world, *, first, then):
    world.standard(hours=first)
    world.seal(then)


built("gap: logging stopped for two hours", partial(restarted, first=[1, 2], then=[5, 6]))
built("gap: not verbose", partial(restarted, first=[1, 2], then=[5, 6]), verbose=False)
built("gap: a new segment without one", partial(restarted, first=[1, 2, 3], then=[4, 5, 6]))
built("gap: several", lambda w: (w.standard(hours=[1]), w.seal([3]), w.seal([5])))
built("gap: and a digest missing beside it", lambda w: (
    restarted(w, first=[1, 2], then=[5, 6]), w.remove(w.digest(2))))
built("gap: and the starting digest modified", lambda w: (
    restarted(w, first=[1, 2], then=[5, 6]), w.change(w.digest(5), flip)))
edited("gap: all that names the one before null in the middle", saying(**NOTHING), 4)
built("fork: two digests of the same end", lambda w: (
    w.standard(), put_digest(w, w.digest(3).replace("T030000Z", "T030001Z"), w.digest(3))))


# ---- several at once -----------------------------------------------------------------------

def havoc(world):
    world.remove(world.log(6))
    world.change(world.log(5), lambda _: b"no log file")
    world.remove(world.digest(4))
    world.change(world.digest(3), flip)
    world.change(world.log(2), lambda body: body + b"junk")
    world.change(world.log(1), lambda _: a_log("another"))


tampered("several: of every kind", havoc)
tampered("several: of every kind, not verbose", havoc, verbose=False)
tampered("several: every log file missing", lambda w: w.remove(
    *[key for key in w.bucket() if "/CloudTrail/" in key]))
tampered("several: every digest modified", lambda w: [
    w.change(w.digest(hour), lambda body: pack(unpack(body) | {"logFiles": []}))
    for hour in range(1, 7)])
tampered("several: the digest of a missing log file missing too",
         lambda w: w.remove(w.log(3), w.digest(3)))
built("several: first and last of many log files missing", lambda w: (
    w.standard(hours=[1, 2], logs=5),
    w.remove(w.log(1, 0), w.log(1, 4), w.log(2, 0), w.log(2, 4))))


# ---- backfill ------------------------------------------------------------------------------

def with_backfill(world, hours=(2, 3, 5), **how):
    world.standard()
    world.seal(hours, backfill=True, **how)


def backfill(name, tamper=lambda world: None, backfill_edits=None, **how):
    built(f"backfill: {name}",
          lambda w: (with_backfill(w, edits=backfill_edits), tamper(w)), **how)


backfill("clean")
backfill("clean, not verbose", verbose=False)
backfill("log missing", lambda w: w.remove(w.log(3, backfill=True)))
backfill("log modified", lambda w: w.change(w.log(3, backfill=True), lambda _: a_log("another")))
backfill("digest missing", lambda w: w.remove(w.digest(3, True)))
backfill("digest modified", lambda w: w.change(
    w.digest(3, True), lambda body: pack(unpack(body) | {"logFiles": []})))
backfill("digest not gzip", lambda w: w.change(w.digest(3, True), lambda _: b"no digest"))
backfill("generation timestamp missing", lambda w: w.signed(
    w.digest(3, True), backfill_generation_timestamp=None))
backfill("generation timestamp missing, of the last", lambda w: w.signed(
    w.digest(5, True), backfill_generation_timestamp=None))
backfill("generation timestamp not a time", lambda w: w.signed(
    w.digest(5, True), backfill_generation_timestamp="soon"))
backfill("generation timestamp with an offset", lambda w: w.signed(
    w.digest(5, True), backfill_generation_timestamp="2026-03-02T05:00:00+02:00"))
backfill("generation timestamp and signature missing", lambda w: w.signed(
    w.digest(3, True), backfill_generation_timestamp=None, signature=None))
backfill("unsigned", lambda w: w.signed(w.digest(3, True), signature=None))
backfill("moved", backfill_edits={3: saying(digestS3Bucket="elsewhere")})
backfill("a required field missing", backfill_edits={3: without("digestEndTime")})
backfill("key unknown", backfill_edits={3: saying(digestPublicKeyFingerprint="0" * 32)})
built("backfill: gap", lambda w: (
    w.standard(), w.seal([2], backfill=True), w.seal([5], backfill=True)))
built("backfill: tampered beside a tampered chain", lambda w: (
    with_backfill(w), w.remove(w.digest(3, True), w.log(2, backfill=True), w.log(4 - 1)),
    w.change(w.digest(4), flip)))
built("backfill: alone", lambda w: (w.trail(), w.seal([2, 3], backfill=True)))
built("backfill: beyond the standard digests", lambda w: (
    w.standard(hours=[2, 3]), w.seal([1, 2, 3, 4, 5], backfill=True)))
built("backfill: signed with a key of a later month", lambda w: (
    with_backfill(w, signer=w.other), w.keys["us-east-1"]["PublicKeyList"].append(
        w.other.public | {"ValidityStartTime": at(20).timestamp()})))
built("backfill: no key at the generation time", lambda w: (
    with_backfill(w, signer=w.other),
    publish(w, ValidityEndTime=at(10).timestamp())))
built("backfill: the key is known of the digest before, not asked for again", lambda w: (
    with_backfill(w), w.signed(w.digest(3, True), backfill_generation_timestamp="soon")))
built("backfill: one that names a standard digest before it", lambda w: (
    w.standard(), w.seal([4], backfill=True, edits={4: saying(
        previousDigestS3Bucket=STANDARD.bucket, previousDigestS3Object=w.digest(3))})))


def backfill_keys_of_a_time(world):
    """The last of three is signed with a key that is valid only later than the others'."""
    world.standard()
    before = world.seal([2, 3], backfill=True)
    world.seal([5], backfill=True, follows=before, signer=world.other)
    publish(world, ValidityEndTime=at(27.5).timestamp())
    world.keys["us-east-1"]["PublicKeyList"].append(
        world.other.public | {"ValidityStartTime": at(28.5).timestamp()})


built("backfill: keys that are each known at one time only", backfill_keys_of_a_time)


def backfill_moves(world):
    older = replace(STANDARD, bucket="older-logs")
    world.standard()
    world.seal([4, 5], backfill=True, follows=world.seal([2, 3], chain=older, backfill=True))


built("backfill: the bucket changed", backfill_moves)
