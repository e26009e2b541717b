"""Cases of what is asked for, of whom, and of what answers: arguments, times, trails, faults."""

from dataclasses import replace

from cases import Cases
from forge import ACCOUNT, MEMBER, NAME, NOTHING, ORGANIZATION, STANDARD, at
from stand_in import Fault, Trail

REQUESTS = Cases()
built, tampered, edited = REQUESTS.built, REQUESTS.tampered, REQUESTS.edited


# ---- arguments -----------------------------------------------------------------------------

tampered("arguments: no --trail-arn", trail_arn=None)
tampered("arguments: no --start-time", start_time=None)
tampered("arguments: neither of both", trail_arn=None, start_time=None)
tampered("arguments: no --end-time", end_time=None)
tampered("arguments: no --end-time, and a start in the future", end_time=None,
         start_time="2126-03-01T00:00:00Z")
tampered("arguments: an unknown flag", more=["--frobnicate"])
tampered("arguments: an unknown flag with a value", more=["--jobs", "4"])
tampered("arguments: a word too many", more=["more"])
tampered("arguments: a flag without its value", more=["--s3-bucket"])
tampered("arguments: a flag twice", more=["--end-time", "2026-03-01T03:00:00Z"])
tampered("arguments: flags with an equals sign", start_time=None,
         more=["--start-time=2026-03-01T00:00:00Z"])
tampered("arguments: a flag cut short", verbose=False, more=["--verb"])
tampered("arguments: --no-verbose", verbose=False, more=["--no-verbose"])
tampered("arguments: --s3-bucket empty", s3_bucket="")
tampered("arguments: --s3-prefix empty", s3_prefix="")
tampered("arguments: --account-id empty", account_id="")
tampered("arguments: --account-id of another account", account_id=MEMBER)
tampered("arguments: --account-id not an account", account_id="nobody")
tampered("arguments: --account-id with a pattern", account_id="1111.2222.*")
tampered("arguments: a file's content as value", start_time="file:///nowhere/start")
tampered("arguments: --s3-bucket that S3 does not allow", s3_bucket="no bucket!")
tampered("arguments: --s3-bucket an access point", s3_bucket="arn:aws:s3:us-east-1:1:x")
for name, arn in {
        "empty": "", "a name": "audit",
        "without a trail": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}",
        "of another service": f"arn:aws:s3:us-east-1:{ACCOUNT}:trail/audit",
        "with a short account": "arn:aws:cloudtrail:us-east-1:12345:trail/audit",
        "with no region": f"arn:aws:cloudtrail::{ACCOUNT}:trail/audit",
        "with no trail's name": f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/",
        "of another partition": f"arn:aws-cn:cloudtrail:us-east-1:{ACCOUNT}:trail/audit",
        "with something before": f"x{STANDARD.arn}", "with something after": f"{STANDARD.arn}/x",
        "of another trail": f"{STANDARD.arn}s", "of another region":
            STANDARD.arn.replace("us-east-1", "us-west-2"),
        "in capitals": STANDARD.arn.upper()}.items():
    tampered(f"ARN: {name}", trail_arn=arn)
    if name in ("with something after", "of another region", "of another trail"):
        tampered(f"ARN: {name}, and a bucket", trail_arn=arn, s3_bucket=STANDARD.bucket)


# ---- times ---------------------------------------------------------------------------------

for form in (
        "2026-03-01", "2026-03-01 01:30", "2026-03-01T01:30", "2026-03-01T01:30:00",
        "2026-03-01t01:30:00z", "20260301T013000Z", "20260301", "2026-03-01T01:30:00.750Z",
        "2026-03-01T01:30:00,750Z", "2026-03-01T01:30:00+00:00", "2026-03-01T01:30:00+01:00",
        "2026-03-01T01:30:00-0500", "2026-03-01 01:30 UTC", "2026-03-01 01:30 EST",
        "2026-03-01 01:30 GMT+3", "March 1 2026", "March 1, 2026 1:30 AM", "1 Mar 2026 01:30",
        "Sun, 01 Mar 2026 01:30:00 GMT", "2026/03/01", "03/01/2026", "3/1/26 1:30am", "2026.03.01",
        "2026-3-1", "01-Mar-2026", "  2026-03-01T01:30:00Z  ", "2026-03-01T24:00:00Z",
        "2026-03-01T1:5:9Z", "202603010130", "2026-03-01T01Z", "2026-060", "2026-W09-7",
        "2026-03-01T02:00:00Z", "2026-03-01T01:59:59Z", "2026-03-01T02:00:01Z",
        "20260301013000", "2026-03-01T01h30m"):
    tampered(f"time: start {form!r}", start_time=form)
for form in (
        "2026-03-01T00:00:00+05:00", "2026-03-01T06:00:00-03:00", "2026-03-01 04:30",
        "2026-03-01T01:59:59Z", "2026-03-01T02:00:00Z", "2026-03-01T02:00:01Z",
        "2026-03-01T02:30:00Z", "2026-03-01T00:00:00Z", "2026-03-02", "9999-12-31T22:00:00Z",
        "2026-03-01T04:59:59.999999Z"):
    tampered(f"time: end {form!r}", end_time=form)
for form in ("soon", "2026-13-01", "2026-02-30", "2026-03-01T25:00:00Z", "24h", "7d", "now",
             "1772323200", "1772323200.5", "99999-01-01", "2026-03-01T01:30:00Z junk", "ü",
             "T", "Z", ",", "2026-03-01T01:30:60Z", "2026-03-01T01:61Z", "0000-01-01",
             "99999999999999999999", "0001-01-01", "1969-12-31T00:00:00Z", "1900-01-01",
             "2026-03-01T01:30:00+99:99", "2026-03-01T01:30:00 XYZ"):
    tampered(f"time: start {form!r}", start_time=form)
tampered("time: start ''", start_time="")
tampered("time: end ''", end_time="")
tampered("time: end 'soon'", end_time="soon")
tampered("time: end '9999-12-31T23:59:59Z'", end_time="9999-12-31T23:59:59Z")
tampered("time: both 'soon'", start_time="soon", end_time="soon")
tampered("time: start after the end", start_time="2026-03-01T06:00:01Z")
tampered("time: start is the end", start_time="2026-03-01T06:00:00Z")
tampered("time: start after the end by its offset alone",
         start_time="2026-03-01T05:30:00-05:00", end_time="2026-03-01T06:00:00Z")
tampered("time: in the middle of hours", start_time="2026-03-01T01:30:00Z",
         end_time="2026-03-01T03:30:00Z")
tampered("time: within one hour", start_time="2026-03-01T02:10:00Z",
         end_time="2026-03-01T02:20:00Z")
tampered("time: before all digests", start_time="2026-02-01", end_time="2026-02-02")
tampered("time: after all digests", start_time="2026-04-01", end_time="2026-04-02")
tampered("time: long before all digests, to the end", start_time="2020-01-01")
built("time: a chain of odd minutes and seconds",
      lambda w: w.standard(hours=[n + 1234 / 3600 for n in range(1, 6)]))
built("time: over midnight and the end of the month",
      lambda w: w.standard(hours=range(741, 748)),
      start_time="2026-03-31T22:30:00Z", end_time="2026-04-01T02:00:00Z")


# ---- trails, regions, organizations --------------------------------------------------------

def member(prefix=None, region="us-east-1"):
    return replace(STANDARD, account=MEMBER, owner=ACCOUNT, organization=ORGANIZATION,
                   prefix=prefix, region=region)


def organization(name, chain=None, tamper=lambda world: None, **how):
    def build(world):
        world.organization = ORGANIZATION
        world.standard(chain=chain or member())
        tamper(world)
    built(f"organization: {name}", build, **how)


organization("a member's logs", account_id=MEMBER)
organization("a member's logs under a prefix", member("team/one"), account_id=MEMBER)
organization("a member's logs in another region", member(region="eu-west-1"), account_id=MEMBER)
organization("a member's log missing", tamper=lambda w: w.remove(w.log()), account_id=MEMBER)
organization("no --account-id")
organization("--account-id empty", account_id="")
organization("a member without digests", account_id="999999999999")
organization("--s3-bucket", account_id=MEMBER, s3_bucket=STANDARD.bucket)
organization("--s3-bucket, and the path as prefix", account_id=MEMBER, s3_bucket=STANDARD.bucket,
             s3_prefix=f"AWSLogs/{ORGANIZATION}")
organization("not part of one", tamper=lambda w: setattr(w, "organization", None),
             account_id=MEMBER)
organization("access denied", tamper=lambda w: w.fault(
    "DescribeOrganization", "", "AccessDeniedException",
    "You don't have permissions to access this resource."), account_id=MEMBER)
tampered("organization: --account-id of a trail that is none's", account_id=ACCOUNT)
tampered("trail: not found", lambda w: w.trails.clear())
tampered("trail: DescribeTrails says nothing of organizations", lambda w: w.trails.insert(
    0, Terse(w.trails.pop().arn, STANDARD.bucket)))
tampered("trail: one of several", lambda w: w.trails.insert(0, Trail(
    STANDARD.arn + "s", "elsewhere")))
tampered("trail: not found, but a bucket is given", lambda w: w.trails.clear(),
         s3_bucket=STANDARD.bucket)
tampered("trail: another bucket than is given", lambda w: w.bucket("empty-logs"),
         s3_bucket="empty-logs")



class Terse(Trail):
    """A trail as it was described before there were organizations' trails."""

    def described(self):
        return {name: value for name, value in super().described().items()
                if name in ("TrailARN", "S3BucketName")}


EUROPE = replace(STANDARD, region="eu-west-1")
built("region: digests of another than the home region", lambda w: w.standard(chain=EUROPE))
built("region: no digests there", lambda w: w.standard(chain=EUROPE), region="us-east-1")
built("region: no keys there", lambda w: (w.standard(chain=EUROPE), w.keys.pop("eu-west-1")))
built("region: digests of another than the home region, unknown key", lambda w: w.standard(
    chain=EUROPE, signer=w.other))
built("region: from the environment", lambda w: w.standard(chain=EUROPE), region=None,
      env={"AWS_DEFAULT_REGION": "eu-west-1"})
built("region: from the environment, keys of that region only",
      lambda w: (w.standard(), w.keys.pop("us-east-1")), region=None,
      env={"AWS_DEFAULT_REGION": "eu-west-1"})
built("region: from the environment, keys of the home region only",
      lambda w: (w.standard(), w.keys.pop("eu-west-1")), region=None,
      env={"AWS_DEFAULT_REGION": "eu-west-1"})
tampered("region: nowhere given", region=None, env={"AWS_DEFAULT_REGION": None})
tampered("region: one that is none", region="no region")
tampered("region: one that nobody knows", region="mars-north-1")
tampered("region: with a pattern", region="us.east.1")

for place in ("eu-west-1", "EU", "ap-southeast-2"):
    built(f"bucket: in {place}", lambda w, place=place: (
        w.bucket(location=place), w.standard(chain=STANDARD)))
built("bucket: in eu-west-1, digests of eu-west-1", lambda w: (
    w.bucket(location="eu-west-1"), w.standard(chain=EUROPE)))


# ---- buckets, prefixes, names --------------------------------------------------------------

for prefix in ("audit", "team one/über & co", "with.dot+plus(1)", "AWSLogs"):
    chain = replace(STANDARD, prefix=prefix)
    built(f"prefix: {prefix!r}", lambda w, chain=chain: w.standard(chain=chain))
    built(f"prefix: {prefix!r} with --s3-prefix", lambda w, chain=chain: w.standard(chain=chain),
          s3_bucket=STANDARD.bucket, s3_prefix=prefix)
PREFIXED = replace(STANDARD, prefix="audit")
built("prefix: not given beside --s3-bucket", lambda w: w.standard(chain=PREFIXED),
      s3_bucket=STANDARD.bucket)
built("prefix: with a slash at the end", lambda w: w.standard(chain=PREFIXED),
      s3_bucket=STANDARD.bucket, s3_prefix="audit/")
built("prefix: with a slash at the end, as are the keys",
      lambda w: w.standard(chain=replace(STANDARD, prefix="audit/")),
      s3_bucket=STANDARD.bucket, s3_prefix="audit/")
built("prefix: without a bucket, DescribeTrails overrides it",
      lambda w: w.standard(chain=PREFIXED), s3_prefix="elsewhere")


def changes(world, earlier, later):
    """The chain goes on in another place after its third hour."""
    world.chain = later
    world.trail()
    world.seal([4, 5, 6], follows=world.seal([1, 2, 3], chain=earlier))


ELSEWHERE = replace(STANDARD, bucket="older-logs")
built("place: the bucket changed", lambda w: changes(w, ELSEWHERE, STANDARD))
built("place: the bucket changed to one in another region", lambda w: (
    w.bucket("older-logs", "eu-west-1"), changes(w, ELSEWHERE, STANDARD)))
built("place: the prefix changed", lambda w: changes(w, PREFIXED, STANDARD))
built("place: bucket and prefix changed", lambda w: changes(
    w, replace(PREFIXED, bucket="older-logs"), STANDARD))
built("place: the bucket changed, a digest missing before", lambda w: (
    changes(w, ELSEWHERE, STANDARD), w.bucket("older-logs").pop(w.digest(2))))
built("place: the bucket changed, a digest missing just before", lambda w: (
    changes(w, ELSEWHERE, STANDARD), w.bucket("older-logs").pop(w.digest(3))))
built("place: the bucket changed, a digest missing just after", lambda w: (
    changes(w, ELSEWHERE, STANDARD), w.remove(w.digest(4))))
built("place: the prefix changed, a digest missing before", lambda w: (
    changes(w, PREFIXED, STANDARD), w.remove(w.digest(2, chain=PREFIXED))))
built("place: the bucket changed to one that is gone", lambda w: (
    changes(w, ELSEWHERE, STANDARD), w.buckets.pop("older-logs")))
built("place: the bucket changed, a gap at the same time", lambda w: (
    w.seal([1, 2], chain=ELSEWHERE), w.standard(hours=[5, 6])))

tampered("names: page of one key", lambda w: setattr(w, "page_size", 1))
tampered("names: bucket without any object", lambda w: w.bucket().clear())
tampered("names: no digest of the trail", lambda w: w.remove(
    *[key for key in w.bucket() if "-Digest" in key]))


def beside(world, *names):
    """Objects in the folder of the digests whose names end like this."""
    stem = world.digest().partition("_2026")[0]
    for name in names:
        world.put(stem + name, b"something")


tampered("names: some that are no digests", lambda w: [
    w.put(w.digest().rpartition("/")[0] + "/" + name, b"something")
    for name in ("", "readme.txt", "111122223333_CloudTrail_x.json.gz")])
tampered("names: one that ends otherwise", lambda w: beside(w, "_20260301T033000Z.json"))
tampered("names: one with a time that is none", lambda w: beside(w, "_2026zzz.json.gz"))
tampered("names: one with a time past the day", lambda w: beside(w, "_20260301T990000Z.json.gz"))
tampered("names: one with a word before its time", lambda w: beside(
    w, "_more_20260301T033000Z.json.gz"))
tampered("names: one that ends the listing", lambda w: beside(w, "_zzzzzzzzzzzzzzzzzzz.json.gz"))
built("names: one that ends the listing, a day before the end", lambda w: (
    w.standard(hours=range(22, 27)), beside(w, "_zzzzzzzzzzzzzzzzzzz.json.gz")),
    start_time="2026-03-01T20:00:00Z", end_time="2026-03-02T06:00:00Z")
tampered("names: one with the time alone", lambda w: beside(w, "20260301T033000Z.json.gz"))
tampered("names: a folder marker", lambda w: w.put(w.digest().rpartition("/")[0] + "/", b""))
tampered("names: a backfill digest's with a short time", lambda w: beside(
    w, "_0301T0330_backfill.json.gz"))
tampered("names: one with backfill in the middle", lambda w: beside(
    w, "_backfill_20260301T033000Z.json.gz"))
tampered("names: a day folder that is none", lambda w: w.put(
    w.digest().replace("/03/01/", "/x/01/"), b"something"))
tampered("names: a digest in the folder of another day", lambda w: w.put(
    w.digest().replace("/03/01/", "/03/05/"), b"something"))
tampered("names: digests of another trail", lambda w: w.seal(
    chain=replace(STANDARD, trail="another")))
tampered("names: digests of a trail whose name begins alike", lambda w: w.seal(
    chain=replace(STANDARD, trail="audit-2")))
tampered("names: digests of a trail whose name holds this one's and its region", lambda w: w.seal(
    chain=replace(STANDARD, trail="audit_us-east-1_b")))
tampered("names: digests of another home region", lambda w: w.seal(
    chain=replace(STANDARD, home_region="eu-west-1")))
tampered("names: digests of another account", lambda w: w.seal(
    chain=replace(STANDARD, account=MEMBER)))
built("names: a trail with dots and underscores", lambda w: w.standard(
    chain=replace(STANDARD, trail="my_trail.v1-x")))
tampered("names: digests of another region that begins alike", lambda w: w.seal(
    chain=replace(STANDARD, region="us-east-12")))


# ---- what answers --------------------------------------------------------------------------

SLOW = Fault("SlowDown", "Please reduce your request rate.", 503)
BROKEN = Fault("InternalError", "We encountered an internal error. Please try again.", 500)


def trouble(name, operation, which, fault, **how):
    """A fault of what `which` finds in the standard world."""
    def tamper(world):
        key = which(world) if which else ""
        of_s3 = operation in ("GetObject", "ListObjects", "GetBucketLocation")
        resource = f"{world.chain.bucket}/{key}" if key else world.chain.bucket if of_s3 else ""
        world.faults[operation, resource] = replace(fault)
    tampered(f"trouble: {name}", tamper, **how)


DENIED = Fault("AccessDenied", "Access Denied", 403)
ARCHIVED = Fault("InvalidObjectState",
                 "The operation is not valid for the object's storage class", 403)
ONE, TWO = {"AWS_MAX_ATTEMPTS": "1"}, {"AWS_MAX_ATTEMPTS": "2"}

trouble("access denied to a log", "GetObject", lambda w: w.log(), DENIED)
trouble("access denied to a log, not verbose", "GetObject", lambda w: w.log(), DENIED,
        verbose=False)
trouble("access denied to a digest", "GetObject", lambda w: w.digest(), DENIED)
trouble("access denied to the last digest", "GetObject", lambda w: w.digest(6), DENIED)
trouble("access denied to the listing", "ListObjects", None, DENIED)
trouble("access denied to the bucket's region", "GetBucketLocation", None, DENIED)
trouble("an archived log", "GetObject", lambda w: w.log(), ARCHIVED)
trouble("an archived digest", "GetObject", lambda w: w.digest(), ARCHIVED)
trouble("an unknown error with markup", "GetObject", lambda w: w.log(), Fault(
    "OddCode", "a <b> & \"c\"\nd", 400))
trouble("a log not found by another code", "GetObject", lambda w: w.log(), Fault(
    "NoSuchVersion", "The specified version does not exist.", 404))
tampered("trouble: a denied log after a missing one", lambda w: (
    w.remove(w.log(5)), w.denied("GetObject", w.log(3))))
tampered("trouble: a denied log before a missing one", lambda w: (
    w.remove(w.log(2)), w.denied("GetObject", w.log(3))))
trouble("access denied to the keys", "ListPublicKeys", None, Fault(
    "AccessDeniedException", "User: arn:aws:iam::111122223333:user/x is not authorized to perform:"
    " cloudtrail:ListPublicKeys"))
trouble("access denied to the trails", "DescribeTrails", None, Fault(
    "AccessDeniedException", "User: arn:aws:iam::111122223333:user/x is not authorized to perform:"
    " cloudtrail:DescribeTrails"))
trouble("an expired token at CloudTrail", "DescribeTrails", None, Fault(
    "ExpiredTokenException", "The security token included in the request is expired"))
trouble("an expired token at S3", "GetBucketLocation", None, Fault(
    "ExpiredToken", "The provided token has expired.", 400))
trouble("a wrong secret at S3", "ListObjects", None, Fault(
    "SignatureDoesNotMatch", "The request signature we calculated does not match the signature "
    "you provided. Check your key and signing method.", 403))
tampered("trouble: no such bucket", lambda w: w.buckets.clear())
tampered("trouble: no such bucket, given as --s3-bucket", s3_bucket="no-such-logs")
for attempts in (ONE, TWO):
    count = attempts["AWS_MAX_ATTEMPTS"]
    trouble(f"errors that last, of a log, {count} attempts", "GetObject", lambda w: w.log(), BROKEN,
            env=attempts)
    trouble(f"errors that last, of a digest, {count} attempts", "GetObject", lambda w: w.digest(),
            BROKEN, env=attempts)
trouble("errors that last, of the listing", "ListObjects", None, BROKEN, env=TWO)
trouble("errors that last, of the bucket's region", "GetBucketLocation", None, BROKEN, env=ONE)
trouble("errors that last, of CloudTrail", "ListPublicKeys", None, Fault(
    "InternalFailure", "An internal failure occurred.", 500), env=TWO)
trouble("throttling that lasts, of a log", "GetObject", lambda w: w.log(), SLOW, env=TWO)
trouble("throttling that lasts, of the keys", "ListPublicKeys", None, Fault(
    "ThrottlingException", "Rate exceeded"), env=TWO)
trouble("throttling that lasts, of the trails", "DescribeTrails", None, Fault(
    "ThrottlingException", "Rate exceeded"), env=ONE)
trouble("throttling that ends, of a log", "GetObject", lambda w: w.log(), replace(SLOW, times=1),
        env=TWO)
trouble("throttling that ends, of a digest", "GetObject", lambda w: w.digest(),
        replace(SLOW, times=2), env={"AWS_MAX_ATTEMPTS": None})
trouble("an error that ends, of the listing", "ListObjects", None, replace(BROKEN, times=1),
        env=TWO)
trouble("throttling that ends, of the keys", "ListPublicKeys", None, Fault(
    "ThrottlingException", "Rate exceeded", times=1), env=TWO)
trouble("connection reset in a log for good", "GetObject", lambda w: w.log(), Fault(reset=True))
trouble("connection reset in a log once", "GetObject", lambda w: w.log(),
        Fault(reset=True, times=1))
trouble("connection closed in a log for good", "GetObject", lambda w: w.log(), Fault())
trouble("connection closed in a log once", "GetObject", lambda w: w.log(), Fault(times=1))
trouble("connection reset in a digest for good", "GetObject", lambda w: w.digest(),
        Fault(reset=True))
trouble("connection reset in a digest once", "GetObject", lambda w: w.digest(),
        Fault(reset=True, times=1))
trouble("connection closed in a digest for good", "GetObject", lambda w: w.digest(), Fault())
tampered("trouble: nobody listens", env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
trouble("a slow log, others overtake it", "GetObject", lambda w: w.log(6), Fault(delay=0.5))
trouble("a slow digest", "GetObject", lambda w: w.digest(5), Fault(delay=0.5))
tampered("trouble: no credentials", env={"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None})


# ---- global flags --------------------------------------------------------------------------

PROFILES = ("[profile audit]\nregion = us-east-1\naws_access_key_id = a\n"
            "aws_secret_access_key = b\n[profile europe]\nregion = eu-west-1\n")
NO_KEYS = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
tampered("global: --profile", config=PROFILES, profile="audit", env=NO_KEYS)
tampered("global: --profile with the region", config=PROFILES, profile="audit", region=None,
         env=NO_KEYS | {"AWS_DEFAULT_REGION": None})
tampered("global: --profile that is not there", config=PROFILES, profile="nobody", env=NO_KEYS)
tampered("global: AWS_PROFILE that is not there", config=PROFILES,
         env=NO_KEYS | {"AWS_PROFILE": "nobody"})
tampered("global: --profile without credentials", config=PROFILES, profile="europe", env=NO_KEYS)
tampered("global: --endpoint-url, S3's from the environment", more=["--endpoint-url", "{url}"],
         env={"AWS_ENDPOINT_URL": None, "AWS_ENDPOINT_URL_S3": "{url}"})
tampered("global: --endpoint-url that is none", more=["--endpoint-url", "nowhere"])
tampered("global: --no-verify-ssl", more=["--no-verify-ssl"])
tampered("global: --ca-bundle that is not there", more=["--ca-bundle", "/nowhere/ca.pem"])


# ---- chains that say more than the listing -------------------------------------------------

built("chain: goes on before the requested start", lambda w: w.standard(hours=range(-3, 7)))
built("chain: starts in the middle of the range, others before it", lambda w: (
    w.standard(hours=range(-3, 3)), w.seal([4, 5, 6])))
built("chain: intervals of a day", lambda w: w.standard(hours=[24, 48, 72]),
      start_time="2026-02-28", end_time="2026-03-05")
edited("chain: names null, signature not", lambda d: d | NOTHING | {
    "previousDigestSignature": d["previousDigestSignature"]}, 4)
tampered("chain: digests of the next hour, beyond the end", lambda w: w.seal([7, 8, 9]),
         end_time="2026-03-01T06:00:00Z")
tampered("chain: a digest that ends in the hour after the end", lambda w: w.put(
    w.digest(6).replace(f"{at(6):{NAME}}", f"{at(6.5):{NAME}}"), b"no digest"))
