"""Read the site as a visitor would, in a real browser, from the file system, with the network off.

    pip install playwright axe-playwright-python      # and chromium or Chrome from the system
    python tools/make_site.py && python tools/check_site.py
    python tools/check_site.py lessons/06_the_noise_variance_ratio.html        # only these pages

Opens every page and moves every explorer, by key and by touch. Ends with 1 if a page asks for
anything outside of the site or for a file that is not there, if the console has an error, if a
formula is not typeset, a picture does not show or has no alternative text, a page is wider than a
phone, an explorer stands still, the search does not find a word, or axe (a checker of
accessibility) finds something serious, in light or dark. Screenshots go to build/screenshots.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import unquote, urlsplit

from check_browser import BROWSERS, QUIET
from playwright.sync_api import BrowserContext, Frame, Page, sync_playwright
from run_notebooks import ROOT

SITE, OUT = ROOT / "build" / "site", ROOT / "build" / "screenshots"
SEARCHED = "counterterm"
EXAMPLES = (  # photographed, and looked at in the dark
    "index.html",
    "instructors.html",
    "explorers.html",
    "lessons/06_the_noise_variance_ratio.html",
    "lessons/11_what_did_the_encoder_learn.html",
    "ledger/index.html",
    "ledger/F2.html",
    "api/process.html",
)
WIDTHS = (360, 700, 800, 1400)  # 700 is what 1,400 leave at 200 %
MAX_MB = 3  # of a page and all it loads, without its explorers
# Text outside of code in which TeX is left.
RAW_TEX = r"\$[^$\s][^$]*\$|\\(?:frac|left|right|sigma|alpha|gamma|begin|mathrm|hat|text|tag)\b"
VISIBLE_TEXT = """() => {
    const body = document.body.cloneNode(true);
    for (const part of body.querySelectorAll("pre, code, script, style, mjx-container, iframe"))
        part.remove();
    return body.textContent;
}"""
PICTURES = """async () => {
    for (const image of document.images) image.loading = "eager";
    await Promise.allSettled([...document.images].map(image => image.decode()));
    return [...document.images].map(image => [
        image.naturalWidth > 0, image.alt.trim() !== "" || image.closest("a") !== null,
        image.src.slice(-60)]);
}"""
STRETCHED = """() => [...document.querySelectorAll(".bd-article img")].filter(image => Math.abs(
    image.width / image.height * image.naturalHeight / image.naturalWidth - 1) > 0.03).length"""
LOST = """() => [...document.querySelectorAll(".bd-article mjx-container[display=true]")].filter(
    formula => formula.getBoundingClientRect().left < 0).length"""
AXE = """async () => (
    await axe.run({include: [["html"]], exclude: [["mjx-container > *"]]},  // the parts of formulas
        {iframes: false, preload: false, resultTypes: ["violations"]})
).violations.filter(v => v.impact === "serious" || v.impact === "critical")
    .map(v => `${v.impact}: ${v.help} (${v.nodes.length}): `
        + v.nodes.slice(0, 3).map(n => n.html.slice(0, 150)).join(" | "))"""
TYPESET = """async () => {
    await window.mathjaxUnpacked;
    await window.MathJax?.startup?.promise;
}"""
THEME = "theme => { document.documentElement.dataset.theme = theme; }"
FIRST_PICTURE = """() => Math.max(0, ...performance.getEntriesByType("paint")
    .filter(e => e.name === "first-contentful-paint").map(e => e.startTime))"""


@dataclass
class Report:
    """What goes wrong on the pages, their sizes in MB, and the times to the first picture in ms."""

    faults: list[str] = field(default_factory=list)
    first_pictures: list[float] = field(default_factory=list)
    sizes: dict[str, float] = field(default_factory=dict)
    shared: float = 0.0  # MB of what pages share: scripts, fonts, style sheets


class Visit:
    def __init__(self, context: BrowserContext, axe: str):
        self.page, self.axe = context.new_page(), axe
        self.name, self.asked = "", set[str]()
        self.report = Report()
        self.page.on("request", lambda r: self.request(r.url))
        self.page.on("requestfailed", lambda r: self.note(self.name, f"no answer: {r.url[:200]}"))
        self.page.on("pageerror", lambda error: self.note(self.name, str(error)))
        self.page.on(
            "console", lambda m: self.note(self.name, m.text) if m.type == "error" else None
        )

    def open(self, name: str) -> Page:
        page = self.page
        self.name, self.asked = name, set()
        page.set_viewport_size({"width": WIDTHS[-1], "height": 900})
        page.goto((SITE / name).as_uri(), wait_until="load")
        page.evaluate(TYPESET)
        names = {unquote(urlsplit(url).path) for url in self.asked if url.startswith("file:")}
        paths = [Path(path) for path in names if "/explorers/" not in path]
        sizes = {path: path.stat().st_size / 1e6 for path in paths if path.is_file()}
        self.report.sizes[name] = sum(sizes.values())
        shared = sum(size for path, size in sizes.items() if "_static" in path.parts)
        self.report.shared = max(self.report.shared, shared)
        return page

    def request(self, url: str) -> None:
        self.asked.add(url)
        if not url.startswith(("file:", "data:", "blob:", "about:")):
            self.note(self.name, f"asks for {url}")

    def note(self, name: str, fault: str) -> None:
        self.report.faults.append(f"{name}: {fault}")
        print(f"{name}: {fault}", flush=True)

    def read(self, name: str) -> None:
        """A page from top to bottom; one of each kind in the dark, too."""
        page = self.open(name)
        self.report.first_pictures.append(page.evaluate(FIRST_PICTURE))
        text = page.evaluate(VISIBLE_TEXT)
        if left := re.findall(RAW_TEX, text):
            self.note(name, f"{len(left)} formulas are not typeset: {left[:3]}")
        if wrong := page.locator("mjx-merror, [data-mjx-error]").count():
            self.note(name, f"{wrong} formulas have errors")
        for shows, described, source in page.evaluate(PICTURES):
            if not shows or not described:
                self.note(name, f"a picture {'has no alt' if shows else 'does not show'}: {source}")
        if (size := self.report.sizes[name]) > MAX_MB:
            self.note(name, f"{size:.1f} MB without its explorers")
        self.check_access(page.main_frame, name)
        if name in EXAMPLES:
            page.evaluate(THEME, "dark")
            page.wait_for_timeout(500)  # colours fade
            self.check_access(page.main_frame, f"{name} (dark)")
        page.set_viewport_size({"width": WIDTHS[0], "height": 800})
        wide = page.evaluate("() => document.documentElement.scrollWidth")
        if wide > WIDTHS[0]:
            self.note(name, f"{wide} pixels wide on a phone of {WIDTHS[0]}")
        if stretched := page.evaluate(STRETCHED):
            self.note(name, f"{stretched} pictures are stretched on a phone")
        if lost := page.evaluate(LOST):
            self.note(name, f"{lost} formulas begin left of a phone's screen")

    def check_access(self, frame: Frame, name: str) -> None:
        frame.evaluate(self.axe)
        for finding in frame.evaluate(AXE):
            self.note(name, finding)

    def move(self, name: str) -> None:
        """Every control of an explorer: one key, one tap; each time the picture must change."""
        page = self.open(name)
        self.check_access(page.main_frame, name)
        for label, changed in moves(page):
            if not changed:
                self.note(name, f"{label}: the picture stays")

    def search(self) -> None:
        page = self.open("search.html")
        page.goto(f"{(SITE / 'search.html').as_uri()}?q={SEARCHED}")
        found = page.locator("#search-results li a")
        found.first.wait_for(timeout=20_000)
        print(
            f"search: {found.count()} pages with {SEARCHED!r}, first {found.first.text_content()}"
        )

    def photograph(self, name: str, theme: str, widths: Sequence[int]) -> None:
        page = self.open(name)
        page.evaluate(THEME, theme)
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(500)
            target = f"{name.removesuffix('.html').replace('/', '-')}-{theme}-{width}.png"
            page.screenshot(path=OUT / target)


def moves(page: Page) -> Iterator[tuple[str, bool]]:
    image = page.locator(".picture img")
    for i in range(page.locator("[data-control]").count()):
        control = page.locator("[data-control]").nth(i)
        before = image.get_attribute("src")
        if control.get_attribute("type") == "range":
            at_end = control.input_value() == control.get_attribute("max")
            control.press("ArrowLeft" if at_end else "ArrowRight")
            yield f"control {i}, key", image.get_attribute("src") != before
            before = image.get_attribute("src")
            place = float(control.input_value()) / float(control.get_attribute("max") or 1)
            far = 0.1 if place > 0.5 else 0.9
            box = control.bounding_box()
            assert box is not None
            middle = box["y"] + box["height"] / 2
            page.touchscreen.tap(box["x"] + box["width"] * far, middle)
            yield f"control {i}, touch", image.get_attribute("src") != before
        else:
            control.locator("input:checked").press("ArrowRight")
            yield f"control {i}, key", image.get_attribute("src") != before
            before = image.get_attribute("src")
            control.locator("label:not(:has(:checked))").first.tap()
            yield f"control {i}, touch", image.get_attribute("src") != before


def visit(pages: Sequence[str], browser: str, axe: str) -> Report:
    """Open these pages, one after the other, in a browser of their own."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder,
            executable_path=browser,
            viewport={"width": WIDTHS[-1], "height": 900},
            has_touch=True,
            args=["--no-sandbox", "--no-first-run", *QUIET],
        )
        context.set_offline(True)
        visitor = Visit(context, axe)
        for name in pages:
            print(name, flush=True)
            (visitor.move if name.startswith("explorers/") else visitor.read)(name)
            if name == "search.html":
                visitor.search()
            if name in EXAMPLES:
                visitor.photograph(name, "light", WIDTHS)
                visitor.photograph(name, "dark", WIDTHS)
        context.close()
    return visitor.report


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="*", help="default: all of build/site")
    arguments = parser.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        parser.error(f"no browser found; install one of {', '.join(BROWSERS)}")
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    pages = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
    pages = [name for name in pages if not name.startswith(("_static/", "_sources/"))]
    pages = arguments.pages or pages
    # A page keeps one core busy, so two browsers; by turns, since neighbours are of one kind
    parts = [part for part in (pages[0::2], pages[1::2]) if part]
    with ProcessPoolExecutor(len(parts), mp_context=get_context("spawn")) as pool:
        visits = [pool.submit(visit, part, browser, axe) for part in parts]
        reports = [done.result() for done in visits]
    faults = [fault for report in reports for fault in report.faults]
    lessons = sum(bool(re.match(r"lessons/\d\d", name)) for name in pages)
    explorers = sum(name.startswith("explorers/") for name in pages)
    if explorers < lessons and not arguments.pages:
        faults.append(f"explorers: {explorers} for {lessons} lessons")
    size, largest = max((mb, name) for report in reports for name, mb in report.sizes.items())
    shared = max(report.shared for report in reports)
    print(
        f"largest page with all it loads, without explorers: {largest}, {size:.1f} MB; "
        f"{shared:.1f} MB of it at most are shared by all pages"
    )
    if times := [ms for report in reports for ms in report.first_pictures]:
        median, longest = statistics.median(times), max(times)
        print(f"first picture: {median:.0f} ms (median), {longest:.0f} ms (longest)")
    for fault in faults:
        print(fault)
    print(f"{len(pages)} pages: {f'{len(faults)} faults' if faults else 'all well'}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
