"""What the comparisons with the real AWS CLI share: chains and their keys, logs, both programs."""

import gzip
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

SECONDS = 60  # that a program may take
START, END = "2026-03-01T00:00:00Z", "2026-03-02T06:00:00Z"
VALID = re.compile(r"^(?:\(backfill\) )?(Digest|Log) file\ts3://[^/]+/(.+)\tvalid$", re.M)


class Disagreement(Exception):
    """One side did not say what it has to say."""


# ---- names and bytes ----------------------------------------------------------------------


@dataclass(frozen=True)
class Chain:
    """One trail's digests in one account and region, and where they lie."""

    account: str
    region: str
    trail: str
    bucket: str
    start: str = START
    end: str = END
    home_region: str = "us-east-1"
    prefix: str | None = None
    organization: str | None = None
    owner: str | None = None  # the account of the trail's ARN, where it is another

    @property
    def arn(self):
        owner = self.owner or self.account
        return f"arn:aws:cloudtrail:{self.home_region}:{owner}:trail/{self.trail}"

    @property
    def folder(self):
        parts = [self.prefix, "AWSLogs", self.organization, self.account]
        return "/".join(part for part in parts if part)

    def digest_key(self, end):
        day = f"{end[:4]}/{end[4:6]}/{end[6:8]}"
        return (f"{self.folder}/CloudTrail-Digest/{self.region}/{day}/{self.account}"
                f"_CloudTrail-Digest_{self.region}_{self.trail}_{self.home_region}_{end}.json.gz")

    def log_key(self, minute, unique):
        day = f"{minute[:4]}/{minute[4:6]}/{minute[6:8]}"
        return (f"{self.folder}/CloudTrail/{self.region}/{day}/{self.account}"
                f"_CloudTrail_{self.region}_{minute}_{unique}.json.gz")


def a_log(text="nothing happened"):
    event = {"eventVersion": "1.11", "eventTime": "2026-03-01T12:01:00Z", "eventName": text}
    return gzip.compress(json.dumps({"Records": [event]}).encode(), mtime=0)


# ---- the two programs --------------------------------------------------------------------


@dataclass
class Said:
    """What one program said."""

    command: str
    status: int
    out: str
    err: str

    def show(self):
        out = self.out.rstrip()
        try:  # of a report, what matters here
            report = json.loads(out)
            out = json.dumps({name: report[name] for name in ("verdict", "totals", "findings")},
                             indent=2)
        except (ValueError, KeyError, TypeError):
            out, valid = VALID.subn("", out)
            out = re.sub(r"\n{2,}", "\n", out) + f"\n({valid} lines that say valid: left out here)"
        return (f"$ {self.command}\n[exit status {self.status}]\n"
                f"--- stdout\n{out}\n--- stderr\n{self.err.rstrip()}\n")


@dataclass
class Peers:
    """Runs both programs in an environment that holds nothing of the caller's."""

    trailseal: str
    aws: str
    work: Path

    @staticmethod
    def environment(env=None):
        """What a program finds set: little of the caller's, and this."""
        return {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR")
                if name in os.environ} | {"NO_COLOR": "1"} | (env or {})

    def run(self, command, env=None):
        env = self.environment(env)
        command = [str(part) for part in command]
        try:
            done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Disagreement(f"could not be run: {error}") from None
        out, err = (said.decode("utf-8", "backslashreplace")
                    for said in (done.stdout, done.stderr))
        return Said(" ".join(command), done.returncode, out, err)

    def must(self, *arguments):
        """Runs trailseal where anything but success is the end."""
        said = self.run([self.trailseal, *arguments])
        if said.status != 0:
            raise Disagreement(f"trailseal {arguments[0]} failed\n\n{said.show()}")
        return said

    def reach(self, url, region):
        """The environment in which a client finds a stand-in, and nothing else of AWS."""
        home = self.work / "home"
        home.mkdir(exist_ok=True)
        return {"AWS_ENDPOINT_URL": url, "NO_PROXY": "127.0.0.1",
                "AWS_ACCESS_KEY_ID": "stand-in", "AWS_SECRET_ACCESS_KEY": "stand-in",
                "AWS_DEFAULT_REGION": region, "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": "", "HOME": str(home),
                "AWS_CONFIG_FILE": str(home / "config"),
                "AWS_SHARED_CREDENTIALS_FILE": str(home / "credentials")}
