"""Opens HTML reports in Chromium: nothing runs, nothing loads, everything is there and readable.

Needs Chromium, its Python driver, npm and Java: apt-get install chromium npm default-jre-headless,
pip install -r tests/peer/requirements.txt.

    python3 tests/peer/html_report.py --trailseal target/debug/trailseal [--out SCREENSHOTS]
"""

import argparse
import io
import json
import re
import shutil
import sys
import time
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import sync_playwright
from pypdf import PdfReader

import html_checkers
import html_reports
from peers import Disagreement, Peers
from real_servers import Failed, Steps, expect, program, run_steps

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
# The widths of papers without their margins of 28 mm, at 96 px for 25.4 mm.
PAPERS = {"A4": 688, "Letter": 710}
TAB_STOPS = 150  # more are not walked through

# Text, its size and weight, and the colours that it is drawn in, of whatever is visible.
CONTRASTS = """() => {
  const parse = (text) => {
    const parts = text.match(/[0-9.]+/g).map(Number);
    return parts.length > 3 ? parts : [...parts, 1];
  };
  const light = ([r, g, b]) => {
    const part = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const poor = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode() && seen < 5000) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('title')) continue;
    if (!element.checkVisibility({contentVisibilityAuto: true})) continue;
    seen += 1;
    const style = getComputedStyle(element);
    const ink = parse(element.closest('svg') ? style.fill : style.color);
    let ground = element, paper = [0, 0, 0, 0];
    while (ground && paper[3] === 0) {
      paper = parse(getComputedStyle(ground).backgroundColor);
      ground = ground.parentElement;
    }
    const [a, b] = [light(ink), light(paper)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push([ratio.toFixed(2), walker.currentNode.data.trim().slice(0, 60)]);
  }
  return {seen, poor};
}"""
FOCUSABLE = """() => [...document.querySelectorAll('a[href], summary, [tabindex="0"]')]
  .filter((e) => e.checkVisibility({contentVisibilityAuto: true}))"""
# Whatever a page of ours never holds.
FOREIGN = """() => [...document.querySelectorAll(
  'script, img, iframe, object, embed, form, input, base, link, video, audio, ' +
  'meta[http-equiv=refresh], [style], style ~ style')]
  .map((e) => e.outerHTML.slice(0, 100)).concat([...document.querySelectorAll('*')]
  .flatMap((e) => [...e.attributes].filter((a) => /^on/i.test(a.name)
    || /^(href|src|action|xlink:href)$/i.test(a.name) && !/^(#|https:[/][/])/.test(a.value))
    .map((a) => e.tagName + ' ' + a.name + '=' + a.value.slice(0, 80))))"""


@dataclass
class Opened:
    """A page in a browser, and all that it did beside showing itself."""

    page: object
    url: str
    seconds: float
    noise: list = field(default_factory=list)
    requests: list = field(default_factory=list)
    refused: list = field(default_factory=list)

    def expect_quiet(self, what):
        expect(f"{what}: what the console, dialogs and errors say", self.noise, [])
        expect(f"{what}: what was asked for", self.requests, [self.url])
        expect(f"{what}: foreign elements", self.page.evaluate(FOREIGN), [])
        policy = self.page.locator("meta[http-equiv=Content-Security-Policy]")
        expect(f"{what}: policies", policy.count(), 1)
        told = policy.get_attribute("content")
        if not re.fullmatch(r"default-src 'none'; style-src 'sha256-[^ ]+'; base-uri 'none'; "
                            r"form-action 'none'", told):
            raise Failed(f"{what}: another policy: {told}")

    def expect_no_overflow(self, what):
        for size in (PHONE, DESKTOP):
            self.page.set_viewport_size(size)
            for _ in range(2):
                wide = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
                if wide[0] > wide[1]:
                    raise Failed(f"{what}: at {size['width']} px the page is {wide[0]} px wide")
                self.unfold()
            self.unfold(False)

    def expect_paper_holds_all(self, what):
        """Nothing is wider than the paper, or a browser shrinks all pages and cuts what is left."""
        self.page.emulate_media(media="print")
        for paper, width in PAPERS.items():
            self.page.set_viewport_size({"width": width, "height": 980})
            cut = self.page.evaluate("""() => [...document.querySelectorAll('body, .scroll')]
              .filter((e) => e.checkVisibility() && e.scrollWidth > Math.ceil(e.clientWidth))
              .map((e) => `${e.tagName} ${e.ariaLabel}: ${e.scrollWidth} of ${e.clientWidth}`)""")
            expect(f"{what} on {paper}: what is wider than the paper", cut, [])
            close = self.page.evaluate("""() => [...document.querySelectorAll('.axis')]
              .filter((e) => e.checkVisibility()).flatMap((axis) => {
                const boxes = [...axis.querySelectorAll('text')].map((e) => e.getBoundingClientRect());
                const ends = [...boxes.slice(1).map((b) => b.left), axis.getBoundingClientRect().right];
                return boxes.filter((b, at) => b.right > ends[at]).map((b) => `${b.right}`);
              })""")
            expect(f"{what} on {paper}: labels of the axis that touch", close, [])

    def unfold(self, open_them=True):
        self.page.evaluate("(open) => document.querySelectorAll('details').forEach("
                           "(d) => { d.open = open })", open_them)


@dataclass
class Desk:
    """What the steps work with."""

    browser: object
    peers: Peers
    work: Path
    out: Path | None
    checkers: Path
    steps: Steps
    reports: dict = field(default_factory=dict)

    def trailseal(self, *arguments):
        return self.peers.run([self.peers.trailseal, *arguments])

    def write(self, name, report):
        """Renders a report; gives the page's file."""
        run, page = self.work / f"{name}.json", self.work / f"{name}.html"
        run.write_text(json.dumps(report), "utf-8")
        self.peers.must("report", run, "--export", f"html={page}")
        self.reports[name] = report
        return page

    def open(self, name, **options):
        page = self.browser.new_page(viewport=DESKTOP, **options)
        url = (self.work / f"{name}.html").as_uri()
        opened = Opened(page, url, 0.0)
        page.on("console", lambda m: opened.noise.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda e: opened.noise.append(f"error: {e}"))
        page.on("dialog", lambda d: (opened.noise.append(f"dialog: {d.message}"), d.dismiss()))
        page.on("request", lambda r: opened.requests.append(r.url))
        page.on("requestfailed", lambda r: opened.refused.append((r.url, r.failure)))
        started = time.monotonic()
        page.goto(url, wait_until="load")
        page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        opened.seconds = time.monotonic() - started
        return opened

    def picture(self, opened, name):
        # Chromium takes no picture of more than 16,384 rows.
        full = opened.page.evaluate("document.documentElement.scrollHeight") < 16_000
        opened.page.screenshot(path=str(self.out / f"{name}.png"), full_page=full)


# ---- steps -------------------------------------------------------------------------------


def reports(desk):
    """Every page that the other steps open."""
    sample = html_reports.sample(desk.trailseal)
    desk.write("verified", sample)
    desk.write("restart", html_reports.restart(desk.trailseal))
    desk.write("damaged", html_reports.damaged(desk.trailseal, desk.work))
    desk.write("hostile", html_reports.hostile(sample))
    desk.write("colourful", html_reports.colourful(sample))
    desk.write("incomplete", html_reports.incomplete(desk.trailseal, desk.work))
    desk.write("empty", html_reports.empty(desk.trailseal, desk.work))
    desk.write("hundreds", html_reports.large(sample, html_reports.mostly_proven, 40, 200))
    desk.write("large", html_reports.large(sample, html_reports.mostly_proven))
    desk.write("alternating", html_reports.large(sample, html_reports.alternating))
    desk.write("findings", html_reports.large(sample, html_reports.mostly_proven, 20_000))
    verdicts = {"verified": "verified", "damaged": "violation", "incomplete": "incomplete",
                "empty": "incomplete"}
    expect("verdicts", {n: desk.reports[n]["verdict"] for n in verdicts}, verdicts)
    sizes = {n: (desk.work / f"{n}.html").stat().st_size for n in desk.reports}
    desk.steps.done("rendered", ", ".join(f"{n} {s / 1e6:.2f} MB" for n, s in sizes.items()))


def quiet(desk):
    """No page runs, loads or asks for anything."""
    told = []
    for name in desk.reports:
        opened = desk.open(name)
        opened.expect_quiet(name)
        nodes = opened.page.evaluate("document.querySelectorAll('*').length")
        told.append(f"{name} {opened.seconds:.2f} s ({nodes} elements)")
        opened.page.close()
    desk.steps.done("quiet, opened in", ", ".join(told))


def hostile_text(desk):
    """Hostile text is text, and would not run if it were not."""
    opened = desk.open("hostile")
    opened.unfold()
    text = " ".join(opened.page.locator("body").inner_text().split())
    for hostile in html_reports.HOSTILE:
        if hostile.isprintable() and " ".join(hostile.split()) not in text:
            raise Failed(f"the page does not show {hostile!r}")
    for steering in ("\\u{202e}gpj.exe", "a\\u{1b}[2J", "\\u{a}VERIFIED"):
        if steering not in text:
            raise Failed(f"the page does not show {steering!r}")
    raw = (desk.work / "hostile.html").read_text("utf-8")
    if found := re.search("[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e"
                          "\u2066-\u2069\ufeff\u061c]", raw):
        raise Failed(f"the file holds {found.group()!r}")
    expect("the title", opened.page.title().split(" ")[0], "VIOLATION")
    opened.expect_quiet("hostile, unfolded")
    # As if an escape had failed.
    opened.page.evaluate("""() => {
      const put = (html) => document.body.insertAdjacentHTML('beforeend', html);
      put('<img src=x onerror="window.ran = 1"><svg onload="window.ran = 1"></svg>');
      put('<style>body { display: none }</style><p style="color: red" onclick="window.ran = 1">');
      const script = document.createElement('script');
      script.textContent = 'window.ran = 1';
      document.body.append(script);
      document.querySelector('[onclick]').click();
    }""")
    opened.page.wait_for_timeout(200)
    expect("whether anything ran", opened.page.evaluate("window.ran"), None)
    expect("whether a foreign style held",
           opened.page.evaluate("getComputedStyle(document.body).display"), "block")
    expect("what was asked for, and why it failed", opened.refused,
           [(url, "csp") for url in opened.requests[1:]])
    if not any("Content Security Policy" in said for said in opened.noise):
        raise Failed("the policy refused nothing")
    opened.page.close()
    desk.steps.done("hostile text", f"{len(opened.noise)} attempts refused by the policy")


def layout(desk):
    """No page is wider than the window, folded or not."""
    for name in ("verified", "restart", "damaged", "hostile", "colourful", "hundreds"):
        opened = desk.open(name)
        opened.expect_no_overflow(name)
        opened.page.close()
    desk.steps.done("layout", "no overflow at 390 and 1280 px")


def keyboard(desk):
    """Whatever can have the focus gets it by Tab, shows it, and folds and unfolds by key."""
    for name, size in (("damaged", DESKTOP), ("hostile", PHONE), ("large", DESKTOP)):
        opened = desk.open(name)
        page = opened.page
        page.set_viewport_size(size)
        ids = page.evaluate(f"({FOCUSABLE})().map((e, at) => (e.dataset.at = at))")
        reached, visible = [], []
        for _ in ids[:TAB_STOPS]:
            page.keyboard.press("Tab")
            reached.append(page.evaluate("Number(document.activeElement.dataset.at ?? -1)"))
            visible.append(page.evaluate(
                "getComputedStyle(document.activeElement).outlineStyle !== 'none'"))
        expect(f"{name}: what Tab reaches, in order", reached, ids[:TAB_STOPS])
        expect(f"{name}: focus that cannot be seen", visible.count(False), 0)
        expect(f"{name}: the first stop", page.locator("[data-at='0']").get_attribute("class"),
               "skip")
        folded = page.locator("details").first
        if folded.count():
            folded.locator("summary").first.focus()
            page.keyboard.press("Enter")
            expect(f"{name}: opened by Enter", folded.evaluate("(d) => d.open"), True)
            page.keyboard.press("Space")
            expect(f"{name}: closed by Space", folded.evaluate("(d) => d.open"), False)
        page.close()
    desk.steps.done("keyboard", "in order, visible, details open and close")


def semantics(desk):
    """Landmarks, headings in order, heads of tables, names of regions, ids that are one."""
    for name in ("verified", "damaged", "colourful", "large"):
        opened = desk.open(name)
        page = opened.page
        for landmark in ("main", "header", "footer", "nav[aria-label]", "h1"):
            expect(f"{name}: {landmark}", page.locator(landmark).count(), 1)
        faults = page.evaluate("""() => [
          ...[...document.querySelectorAll('th')].filter((e) => !e.scope).map(() => 'th'),
          ...[...document.querySelectorAll('table')].filter((e) => !e.caption).map(() => 'table'),
          ...[...document.querySelectorAll('[role=region], [role=img], main section')]
            .filter((e) => !e.getAttribute('aria-label')
              && !document.getElementById(e.getAttribute('aria-labelledby')))
            .map((e) => 'no name: ' + e.outerHTML.slice(0, 80)),
          ...[...document.querySelectorAll('a[href^="#"]')]
            .filter((e) => !document.getElementById(e.hash.slice(1))).map((e) => e.hash),
          ...[...document.querySelectorAll('h2, h3')].reduce(([faults, last], e) => {
              const level = Number(e.tagName[1]);
              if (level > last + 1) faults.push('skips to ' + e.textContent);
              return [faults, level];
            }, [[], 1])[0],
        ]""")
        expect(f"{name}: faults", faults, [])
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
        expect(f"{name}: ids that are two", len(ids) - len(set(ids)), 0)
        page.close()
    desk.steps.done("semantics", "landmarks, headings, tables, regions, links")


def contrast(desk):
    """Text stands out from its ground, light and dark."""
    seen = 0
    for name in ("verified", "restart", "damaged", "colourful"):
        for scheme in ("light", "dark"):
            opened = desk.open(name, color_scheme=scheme)
            opened.unfold()
            told = opened.page.evaluate(CONTRASTS)
            expect(f"{name}, {scheme}: text of too little contrast", told["poor"], [])
            seen += told["seen"]
            opened.page.close()
    desk.steps.done("contrast", f"{seen} texts of 4.5 or more")


def checked(desk):
    """What others check pages for: the Nu Html Checker and axe find nothing."""
    script, jar = html_checkers.install(desk.checkers)
    names = ("verified", "damaged", "incomplete", "empty", "hundreds")
    bag = desk.work / "bag"
    desk.peers.must("evidence", "pack", html_reports.TESTDATA / "sample", "--keys",
                    html_reports.TESTDATA / "sample/keys/public-keys.json", "--output", bag)
    shutil.copy(bag / "verify.html", desk.work / "bag-page.html")
    files = [desk.work / f"{name}.html" for name in (*names, "bag-page")]
    excepted, passed = html_checkers.nu(jar, files), 0
    for name in (*names, "bag-page"):
        for scheme in ("light", "dark"):
            opened = desk.open(name, color_scheme=scheme)
            opened.unfold()
            for size in (PHONE, DESKTOP):
                opened.page.set_viewport_size(size)
                what = f"{name}, {scheme}, {size['width']} px"
                passed += html_checkers.axe(script, opened.page, what)
            opened.page.close()
    desk.steps.done("checked by others", f"{len(files)} pages, {passed} rules passed, "
                    f"{excepted} messages that are no fault")


def first_screen(desk):
    """Verdict, what and where, and a link to the first finding that opens it, at once."""
    for name in ("damaged", "incomplete", "hundreds"):
        for size in (PHONE, DESKTOP):
            opened = desk.open(name)
            opened.page.set_viewport_size(size)
            links = opened.page.locator(".problems a")
            link, wanted = links.first, ["#verdict-word", ".problems li:first-child b"]
            for what in [opened.page.locator(css).first for css in wanted] + [link]:
                box = what.bounding_box()
                if box["y"] < 0 or box["y"] + box["height"] > size["height"]:
                    raise Failed(f"{name}, {size['width']} px: {what} is not on the first screen")
            for at in range(links.count()):
                links.nth(at).click()
                target = opened.page.locator(":target")
                expect(f"{name}: problem {at + 1} leads to a finding that is seen",
                       target.evaluate("(e) => [e.className, e.checkVisibility({contentVisibilityAuto: true})]"),
                       ["finding", True])
            opened.page.close()
    desk.steps.done("first screen", "verdict, place and links to findings, phone and desktop")


def printed(desk):
    """Findings that are folded on the screen are printed, and every chain, on both papers."""
    told = []
    for name in ("verified", "damaged", "incomplete", "empty", "colourful", "hundreds"):
        report = desk.reports[name]
        # On a page of its own: Chromium prints less of one that showed itself as paper before.
        opened = desk.open(name)
        opened.expect_paper_holds_all(name)
        opened.page.close()
        opened = desk.open(name)
        for paper in ("A4", "Letter"):
            pdf = opened.page.pdf(format=paper, print_background=True, prefer_css_page_size=False)
            pages = [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]
            # Fonts join letters such as f and i.
            text = re.sub(r"\s+", "", unicodedata.normalize("NFKC", "".join(pages)))
            wanted = {f["code"] for f in report["findings"]}
            wanted |= {f["key"] for f in report["findings"][:15] if f["key"]}
            wanted |= {k["fingerprint"] for k in report["keys"]}
            wanted |= {f"account {c['account']}, {c['region']}," for c in report["chains"]}
            wanted |= set(report["not_proven"]) | {report["verdict"].upper(), "902(14)"}
            missing = [w for w in wanted if re.sub(r"\s+", "", w) not in text]
            expect(f"{name} on {paper}: what is not printed", missing, [])
            first = " ".join(unicodedata.normalize("NFKC", pages[0]).split())
            codes = {f["code"] for f in report["findings"] if f["severity"] == "violation"}
            unseen = [w for w in {report["verdict"].upper()} | codes if w not in first]
            expect(f"{name} on {paper}: what is not on the first page", unseen, [])
            told.append(f"{name} {paper} {len(pages)}")
            if desk.out:
                (desk.out / f"{name}-{paper}.pdf").write_bytes(pdf)
        opened.page.close()
    desk.steps.done("printed, pages", ", ".join(told))


def pictures(desk):
    """For people to look at; nothing is asserted."""
    if not desk.out:
        return
    for name in ("verified", "restart", "damaged", "hostile", "colourful", "large"):
        for label, size, options in (
                ("desktop", DESKTOP, {}), ("phone", PHONE, {}),
                ("dark", DESKTOP, {"color_scheme": "dark"})):
            opened = desk.open(name, **options)
            opened.page.set_viewport_size(size)
            desk.picture(opened, f"{name}-{label}")
            opened.page.close()
    opened = desk.open("colourful")
    opened.page.locator("#timeline").scroll_into_view_if_needed()
    session = opened.page.context.new_cdp_session(opened.page)
    for kind in ("protanopia", "deuteranopia", "tritanopia", "achromatopsia"):
        session.send("Emulation.setEmulatedVisionDeficiency", {"type": kind})
        opened.page.locator("#timeline").screenshot(path=str(desk.out / f"sight-{kind}.png"))
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": "none"})
    opened.page.emulate_media(media="print")
    opened.page.set_viewport_size({"width": 690, "height": 980})
    desk.picture(opened, "colourful-print")
    opened.page.close()
    desk.steps.done("pictures", str(desk.out))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trailseal", required=True, metavar="PATH")
    parser.add_argument("--chromium", metavar="PATH", help="the browser; else the one in PATH")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where screenshots go")
    parser.add_argument("--checkers", type=Path, metavar="DIR",
                        help="where npm has the checkers, or puts them")
    args = parser.parse_args()
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)

    def steps(work, steps):
        with sync_playwright() as driver:
            peers = Peers(program("trailseal", args.trailseal), "", work)
            # The sandbox needs rights that a container's root does not have.
            browser = driver.chromium.launch(
                executable_path=program("chromium", args.chromium), args=["--no-sandbox"])
            checkers = (args.checkers or work / "checkers").resolve()
            desk = Desk(browser, peers, work, args.out, checkers, steps)
            for step in (reports, quiet, hostile_text, layout, keyboard, semantics, contrast, checked,
                         first_screen, printed, pictures):
                step(desk)
            browser.close()
    return run_steps("html", steps, (Disagreement,))


if __name__ == "__main__":
    sys.exit(main())
