"""Browsers that open the page of an evidence bag over file:// and give it bags.

Chromium is driven by Playwright. Firefox is driven by its own remote agent (WebDriver BiDi), so that
Debian's firefox-esr will do. Neither may ask for anything but the page itself.
"""

import itertools
import json
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field

from playwright.sync_api import sync_playwright
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from real_servers import Failed, expect

# What the page says, once it has come to a result.
READ = """(() => {
  const of = (id) => document.getElementById(id);
  if (of('result').hidden) return null;
  const lines = (id) => [...of(id).children].map((item) => item.textContent);
  return JSON.stringify({word: of('word').textContent, facts: of('facts').textContent,
    FAULT: lines('faults'), OPEN: lines('open'), NOTE: lines('notes'),
    ran: typeof window.ran, foreign: document.querySelectorAll('img, iframe, a, form, svg').length});
})()"""
STATUS = {"VERIFIED by the keys in this bag": 0, "VIOLATION": 1, "NOT CHECKED": 2, "INCOMPLETE": 3}


@dataclass
class Result:
    """What the page said of a bag."""

    status: int
    lines: list
    facts: str

    @staticmethod
    def of(text):
        said = json.loads(text)
        expect("what ran, or was put into the page", (said["ran"], said["foreign"]), ("undefined", 0))
        lines = [f"{kind} {line}" for kind in ("FAULT", "OPEN", "NOTE") for line in said[kind]]
        return Result(STATUS[said["word"]], sorted(lines), said["facts"])


def waited(read, seconds):
    """The first answer that is one."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if answer := read():
            return answer
        time.sleep(0.05)
    raise Failed(f"no result in {seconds} s")


@dataclass
class Chromium:
    """Chromium with the page open."""

    executable: str
    page_file: object
    name: str = "Chromium"
    requests: list = field(default_factory=list)
    noise: list = field(default_factory=list)

    def __enter__(self):
        self.driver = sync_playwright().start()
        # The sandbox needs rights that a container's root does not have.
        self.browser = self.driver.chromium.launch(executable_path=self.executable, args=["--no-sandbox"])
        self.page = self.browser.new_page()
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.on("console", lambda m: self.noise.append(m.text))
        self.page.on("pageerror", lambda e: self.noise.append(str(e)))
        return self

    def __exit__(self, *_):
        self.browser.close()
        self.driver.stop()

    def open(self):
        self.page.goto(self.page_file.as_uri())

    def result(self, seconds):
        return Result.of(waited(lambda: self.page.evaluate(READ), seconds))

    def folder(self, bag, seconds=120):
        self.open()
        self.page.set_input_files("#folder", str(bag))
        return self.result(seconds)

    def archive(self, bag, seconds=120):
        self.open()
        self.page.set_input_files("#archive", str(bag))
        return self.result(seconds)

    def drop(self, bag, seconds=120):
        """As if the bag were dragged from the desktop."""
        self.open()
        session = self.page.context.new_cdp_session(self.page)
        data = {"items": [], "files": [str(bag)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            session.send("Input.dispatchDragEvent", {"type": kind, "x": 100, "y": 100, "data": data})
        return self.result(seconds)

    def expect_no_network(self):
        expect("what Chromium asked for", set(self.requests), {self.page_file.as_uri()})
        expect("what its console said", self.noise, [])
        # What the page's policy does to code of the page that asks for more.
        self.page.evaluate("""() => {
          window.refused = [];
          document.addEventListener('securitypolicyviolation', (e) => window.refused.push(e.effectiveDirective));
          const script = document.createElement('script');
          script.textContent = 'window.ran = 1';
          document.body.append(script);
          new Image().src = 'https://example.invalid/x.png';
          return fetch('https://example.invalid/').catch(() => {});
        }""")
        self.page.wait_for_timeout(300)
        refused = self.page.evaluate("window.refused")
        expect("what the policy refused", sorted(refused), ["connect-src", "img-src", "script-src-elem"])
        expect("whether other code ran", self.page.evaluate("window.ran"), None)


@dataclass
class Firefox:
    """Firefox with the page open. Its agent gives a page files, and no folders: those are given with
    their paths, as the page itself reads them from a folder."""

    executable: str
    page_file: object
    work: object
    name: str = "Firefox"

    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        profile = self.work / "firefox"
        shutil.rmtree(profile, ignore_errors=True)
        profile.mkdir()
        self.process = subprocess.Popen(
            [self.executable, "--headless", "--remote-debugging-port", str(port), "--profile", str(profile)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"HOME": str(profile), "PATH": "/usr/bin:/bin"})

        def opened():
            try:
                return connect(f"ws://127.0.0.1:{port}/session", max_size=None)
            except (OSError, WebSocketException):
                return None
        self.socket = waited(opened, 120)
        self.numbers = itertools.count(1)
        self.call("session.new", capabilities={})
        self.context = self.call("browsingContext.getTree")["contexts"][0]["context"]
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.process.terminate()
        self.process.wait(60)

    def call(self, method, **params):
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv(timeout=300))
            if answer.get("id") == number:
                if answer["type"] != "success":
                    raise Failed(f"Firefox: {method}: {answer['message']}")
                return answer["result"]

    def evaluate(self, expression):
        answer = self.call("script.evaluate", expression=expression, awaitPromise=False,
                           target={"context": self.context})
        if answer["type"] != "success":
            raise Failed(f"Firefox: {answer['exceptionDetails']['text']}")
        return answer["result"]

    def give(self, element, files):
        shared = {"sharedId": self.evaluate(element)["sharedId"]}
        self.call("input.setFiles", context=self.context, element=shared, files=[str(f) for f in files])

    def open(self):
        self.call("browsingContext.navigate", context=self.context, url=self.page_file.as_uri(), wait="complete")

    def result(self, seconds):
        return Result.of(waited(lambda: self.evaluate(READ).get("value"), seconds))

    def folder(self, bag, seconds=120):
        self.open()
        files = sorted(path for path in bag.rglob("*") if path.is_file())
        self.evaluate("""window.all = document.createElement('input');
            all.type = 'file'; all.multiple = true; document.body.append(all)""")
        self.give("window.all", files)
        paths = json.dumps([str(path.relative_to(bag)) for path in files])
        self.evaluate(f"""{{
            const paths = {paths};
            void check(new Map([...window.all.files].map((file, at) => [paths[at], fileOf(file)])));
        }}""")
        return self.result(seconds)

    def archive(self, bag, seconds=120):
        self.open()
        self.give("document.getElementById('archive')", [bag])
        return self.result(seconds)
