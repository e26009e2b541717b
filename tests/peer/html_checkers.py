"""The checkers that others wrote for pages: the Nu Html Checker of the W3C, and axe of Deque.

Both come from npm by name and version. The Nu checker needs Java.
"""

import json
import subprocess
from pathlib import Path

from real_servers import Failed, program

PACKAGES = {"axe-core": "4.14.1", "vnu-jar": "26.9.27"}
SECONDS = 300  # that the Nu checker may take for all pages

# What is said of a page and is no fault of it. Each must be said: what is said no more goes.
BUT_NO_FAULT = {
    # It hashes a style or a script as far as its first line. Chromium, which hashes all of it,
    # applies them, and refuses every other.
    "Inline style violates Content Security Policy",
    "Inline script violates Content Security Policy",
    # The page of an evidence bag takes a folder by it; every browser knows it, no standard has it.
    "Attribute “webkitdirectory” not allowed on element “input” at this point.",
}
# What axe leaves to people: text over pictures, and whatever another element covers. The contrast of
# every text is measured by `html_report.py`.
LEFT_OPEN = {"color-contrast"}

RUN_AXE = """() => axe.run(document, {resultTypes: ['violations', 'incomplete']}).then((run) => {
  const told = (results) => results.map((r) => [r.id, r.help, r.nodes.length, r.nodes[0].html.slice(0, 200)]);
  return {faults: told(run.violations), open: told(run.incomplete), passed: run.passes.length};
})"""


def install(folder):
    """Both checkers, from npm, unless they are there in these versions."""
    folder.mkdir(parents=True, exist_ok=True)
    there = {name: folder / "node_modules" / name / "package.json" for name in PACKAGES}
    if not all(file.exists() and json.loads(file.read_text("utf-8"))["version"] == PACKAGES[name]
               for name, file in there.items()):
        # The checker's own script would fetch a Java, which the machine has.
        subprocess.run([program("npm", None), "install", "--ignore-scripts", "--no-audit", "--no-fund",
                        "--silent", "--prefix", folder,
                        *(f"{name}@{version}" for name, version in PACKAGES.items())],
                       check=True, stdout=subprocess.DEVNULL)
    axe = folder / "node_modules" / "axe-core" / "axe.min.js"
    jar = folder / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
    return axe.read_text("utf-8"), jar


def nu(jar, pages):
    """Holds pages to no error and no warning of the Nu checker."""
    command = [program("java", None), "-jar", jar, "--format", "json", "--stdout", "--exit-zero-always",
               *pages]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    try:
        messages = json.loads(said.stdout)["messages"]
    except ValueError:
        raise Failed(f"the Nu checker said no JSON: {said.stdout}{said.stderr}") from None
    faults, unneeded = [], set(BUT_NO_FAULT)
    for message in messages:
        text = message["message"]
        known = {begin for begin in BUT_NO_FAULT if text.startswith(begin)}
        unneeded -= known
        if not known:
            place = f"{Path(message.get('url', '')).name}:{message.get('lastLine')}"
            faults.append(f"{place}: {message['type']}: {text} {message.get('extract', '')!r}")
    if faults:
        raise Failed("the Nu checker found faults\n  " + "\n  ".join(faults))
    if unneeded:
        raise Failed(f"the Nu checker says no more, so it is excepted no more: {unneeded}")
    return len(messages)


def axe(script, page, what):
    """Holds a page that is open to no violation of axe's rules; gives how many passed."""
    # Through the debugger, which the page's policy does not bind.
    page.evaluate(script)
    told = page.evaluate(RUN_AXE)
    faults = told["faults"] + [rule for rule in told["open"] if rule[0] not in LEFT_OPEN]
    if faults:
        lines = (f"{rule}: {text} ({number}, the first: {html})" for rule, text, number, html in faults)
        raise Failed(f"{what}: axe found faults\n  " + "\n  ".join(lines))
    return told["passed"]
