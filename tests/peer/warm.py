"""Runs the AWS CLI again and again in little time: its modules are loaded once, then it forks.

Started with the interpreter of the CLI's own environment and the path of `aws`. Each line of
standard input is a JSON object, {"arguments", "environment", "seconds"}; each line of standard
output is what the program said in a process of its own: {"status", "out", "err"}.
"""

import json
import os
import runpy
import signal
import sys
import tempfile


def run(program, arguments, environment, seconds, out, err):
    """In the child: the program itself, as if it had been started like this."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    signal.alarm(seconds)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [program, *arguments]
    status = 0
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as end:
        status = end.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def main():
    program, before = sys.argv[1], dict(os.environ)
    import awscli.clidriver  # noqa: F401
    import awscli.customizations.cloudtrail.validation  # noqa: F401
    # What the CLI's modules set for themselves as they are loaded: where their data lies.
    own = {name: value for name, value in os.environ.items() if before.get(name) != value}
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in os.fdopen(os.dup(0), "rb"):
        asked = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if child == 0:
                run(program, asked["arguments"], asked["environment"] | own, asked["seconds"], out,
                    err)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode("utf-8", "backslashreplace"))
        replies.write(json.dumps({"status": status, "out": said[0], "err": said[1]}) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
