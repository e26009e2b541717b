"""What a case of the comparison is, and how one is written down."""

from collections.abc import Callable
from dataclasses import dataclass, field

from forge import World

START, END = "2026-03-01T00:00:00Z", "2026-03-01T06:00:00Z"


@dataclass
class Case:
    """A world, and what both programs are asked of it.

    `options` are flags by name, with `_` for `-`: None leaves a flag out, True gives it without a
    value. `more` stands after them as it is. `env` changes the environment; None unsets a
    variable. `{url}` in any of them is the stand-in's address.
    """

    name: str
    build: Callable
    options: dict = field(default_factory=dict)
    more: list = field(default_factory=list)
    env: dict = field(default_factory=dict)
    config: str = ""  # what the file of profiles says

    def arguments(self, world, url):
        options = {"trail_arn": world.chain.arn, "start_time": START, "end_time": END,
                   "region": world.chain.region, "verbose": True} | self.options
        said = []
        for name, value in options.items():
            if value is True:
                said.append(f"--{name.replace('_', '-')}")
            elif value not in (None, False):
                said += [f"--{name.replace('_', '-')}", value]
        return [part.replace("{url}", url) for part in said + self.more]

    @property
    def until_now(self):
        """Whether the end is the time of the run, which both print."""
        return not self.options.get("end_time", END)


class Cases(list):
    """Cases in order. Each way to add one takes its name, and how it is built; `more`, `env` and
    `config` are a Case's own, any other keyword is a flag."""

    def built(self, name, build, *, more=(), env=None, config="", **options):
        """A world made from nothing."""
        assert all(case.name != name for case in self), name
        self.append(Case(name, build, options, list(more), env or {}, config))

    def tampered(self, name, tamper=lambda world: None, **how):
        """The standard chain, changed after it was sealed."""
        def build(world: World):
            world.standard()
            tamper(world)
        self.built(name, build, **how)

    def edited(self, name, edit, hour=3, **how):
        """The standard chain, one digest of which says something else, validly signed."""
        self.built(name, lambda world: world.standard(edits={hour: edit}), **how)


# ---- edits of a digest's fields, and of bytes ----------------------------------------------


def without(*names):
    return lambda fields: {name: value for name, value in fields.items() if name not in names}


def saying(**values):
    return lambda fields: fields | values


def first_log(**values):
    """Changes the first log entry of a digest; None takes a field out."""
    def edit(fields):
        entry = {name: value for name, value in (fields["logFiles"][0] | values).items()
                 if value is not None}
        return fields | {"logFiles": [entry, *fields["logFiles"][1:]]}
    return edit


def flip(body, at=None):
    at = len(body) // 2 if at is None else at
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]
