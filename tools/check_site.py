"""Read the site as a visitor would, in a real browser, from the file system, with the network off.

    pip install playwright axe-playwright-python      # and chromium or Chrome from the system
    python tools/make_site.py && python tools/check_site.py
    python tools/check_site.py lessons/06_the_noise_variance_ratio.html        # only these pages

Opens every page, moves every explorer, by key and by touch, prints every lesson. Ends with 1 and
the list of faults if anything is wrong with: requests, the console, formulas, pictures, weights,
accessibility (axe), the dark; code, formulas and figures that do not fit at any of five widths;
titles, controls and positions of explorers, those that the text names too; the still of the film;
links of tags; what paper shows; downloads; the search. Screenshots go to build/screenshots.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from html import unescape
from importlib.resources import files
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
from browser import browser
from PIL import Image
from playwright.sync_api import BrowserContext, Frame, Page
from run_notebooks import ROOT, explorers

from diffenc_lite.course.ledger import TAGS
from diffenc_lite.course.lessons import notebooks_in, place

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
WIDTHS = (360, 390, 768, 1280, 1440)
MAX_MB = 3  # of a page and all it loads before a reader scrolls
MAX_FIRST = 100  # formulas that are set before a reader sees one
# Text outside of code in which TeX is left.
RAW_TEX = r"\$[^$\s][^$]*\$|\\(?:frac|left|right|sigma|alpha|gamma|begin|mathrm|hat|text|tag)\b"
NOT_SEEN = r"# (?:noqa|fmt: skip|type: ignore)|### (?:BEGIN|END) SOLUTION"
HREFS = "links => links.map(link => link.getAttribute('href'))"


@dataclass
class Report:
    """What goes wrong on the pages, and their sizes in MB."""

    faults: list[str] = field(default_factory=list)
    sizes: dict[str, float] = field(default_factory=dict)

    def note(self, name: str, fault: str) -> None:
        self.faults.append(f"{name}: {fault}")
        print(f"{name}: {fault}", flush=True)


class Visit:
    def __init__(self, context: BrowserContext, axe: str):
        self.page, self.axe = context.new_page(), axe
        self.name, self.asked = "", set[str]()
        self.report = Report()
        self.page.on("request", lambda r: self.request(r.url))
        self.page.on("requestfailed", lambda r: self.failed(r.url, r.failure or ""))
        self.page.on("pageerror", lambda error: self.note(str(error)))
        self.page.on("console", lambda m: self.note(m.text) if m.type == "error" else None)

    def open(self, name: str) -> Page:
        page = self.page
        self.name, self.asked = name, set()
        page.set_viewport_size({"width": WIDTHS[-1], "height": 900})
        page.goto((SITE / name).as_uri(), wait_until="load")
        page.evaluate("checks.typeset()")
        paths = {Path(unquote(urlsplit(url).path)) for url in self.asked if url[:5] == "file:"}
        self.report.sizes[name] = sum(p.stat().st_size for p in paths if p.is_file()) / 1e6
        return page

    def request(self, url: str) -> None:
        self.asked.add(url)
        if not url.startswith(("file:", "data:", "blob:", "about:")):
            self.note(f"asks for {url}")

    def failed(self, url: str, why: str) -> None:
        if "ABORTED" not in why:  # as when the next page is opened
            self.note(f"no answer: {url[:200]}")

    def note(self, fault: str) -> None:
        self.report.note(self.name, fault)

    def read(self, name: str) -> None:
        """A page from top to bottom, at all widths; one of each kind in the dark, too."""
        page = self.open(name)
        if (first := page.evaluate("checks.first()")) > MAX_FIRST:
            self.note(f"{first} formulas are set before a reader sees one")
        if (size := self.report.sizes[name]) > MAX_MB:
            self.note(f"{size:.1f} MB before scrolling")
        text = page.evaluate("checks.text()")
        if left := re.findall(RAW_TEX, text):
            self.note(f"{len(left)} formulas are not typeset: {left[:3]}")
        if wrong := page.locator("mjx-merror, [data-mjx-error]").count():
            self.note(f"{wrong} formulas have errors")
        for shows, described, source in page.evaluate("checks.pictures()"):
            if not shows or not described:
                self.note(f"a picture {'has no alt' if shows else 'does not show'}: {source}")
        self.check_access(page.main_frame)
        if name.startswith(("lessons/", "index")):
            self.read_lesson(page, name)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            for fault in page.evaluate(f"checks.tooWide({width})"):
                self.note(f"at {width}: {fault}")
        page.set_viewport_size({"width": WIDTHS[-1], "height": 900})
        page.evaluate("checks.theme('dark')")
        if changed := page.evaluate("checks.changedInTheDark()"):
            self.note(f"{changed} pictures have other greys in the dark")
        if name in EXAMPLES:
            page.wait_for_timeout(500)  # colours fade
            self.check_access(page.main_frame, " (dark)")

    def read_lesson(self, page: Page, name: str) -> None:
        tags = page.evaluate(f"checks.unlinked({list(TAGS)})")
        if tags:
            self.note(f"{len(tags)} tags in the prose are not linked: {sorted({*tags})[:6]}")
        if seen := re.findall(NOT_SEEN, page.content()):
            self.note(f"what is said to tools is seen {len(seen)} times: {seen[0]}")
        frames = [f.get_attribute("data-src") for f in page.locator("iframe.explorer").all()]
        if len({*frames}) < len(frames) or None in frames:
            self.note(f"{len(frames)} explorers show {len({*frames} - {None})} different ones")
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 700, "height": 900})  # about a page of A4
        for fault in page.evaluate("checks.onPaper()"):
            self.note(f"on paper: {fault}")
        page.emulate_media(media="null")
        if not name.startswith("lessons/"):
            return
        source = ROOT / "notebooks" / Path(name).relative_to("lessons").with_suffix(".ipynb")
        link = page.locator("a[download]")
        if not link.count() or not link.first.is_visible():
            self.note("has no button to download the notebook")
        else:
            there = (SITE / name).parent / str(link.first.get_attribute("href"))
            if not there.is_file() or there.read_bytes() != source.read_bytes():
                self.note("downloads another file than the notebook")
        core = source.parent.name == "notebooks"
        if core:
            if page.locator(".path [aria-current=page]").all_text_contents() != [source.name[:2]]:
                self.note("does not say where in the course it stands")
            lessons = sorted(path.name for path in source.parent.glob("[0-9]*.ipynb"))
            i = lessons.index(source.name)
            near = [Path(other).stem + ".html" for other in lessons[max(0, i - 1) : i + 2]]
            links = page.locator(".prev-next-area a").evaluate_all(HREFS)
            if not {*near} - {Path(name).name} <= {*links}:
                self.note(f"has before and after it {links}")
        codes = page.locator(".bd-article .cell_input .highlight").count()
        if page.locator(".bd-article .copy").count() < codes:
            self.note("has code that cannot be copied by a button")
        images = page.locator(".cell_output :is(img, .picture)").count()
        if page.locator("figcaption b").count() < images - page.locator(".still").count():
            self.note("has figures without a number")
        page.pdf(path=OUT / f"{Path(name).stem}.pdf", format="A4")

    def check_access(self, frame: Frame, where: str = "") -> None:
        frame.evaluate(self.axe)
        for finding in frame.evaluate("checks.access()"):
            self.note(f"{finding}{where}")

    def move(self, name: str) -> None:
        """Every control of an explorer: one key, one tap; each time the picture must change."""
        page = self.open(name)
        for theme in ("light", "dark"):
            page.evaluate(f"checks.theme('{theme}')")
            self.check_access(page.main_frame, f" ({theme})")
        for width in WIDTHS[:2]:
            page.set_viewport_size({"width": width, "height": 800})
            wide = page.evaluate("() => document.documentElement.scrollWidth")
            boxes = page.locator(".picture").evaluate_all("all => all.map(e => e.scrollWidth)")
            if max([wide, *boxes]) > width:
                self.note(f"scrolls sideways on a phone of {width}")
        for label, changed in moves(page):
            if not changed:
                self.note(f"{label}: the picture stays")

    def search(self) -> None:
        page = self.open("search.html")
        for word in (SEARCHED, "ledger"):
            page.goto(f"{(SITE / 'search.html').as_uri()}?q={word}")
            first = page.locator("#search-results li").first.locator("a").first
            first.wait_for(timeout=20_000)
            page.wait_for_timeout(1500)
            if not page.locator("#search-results .excerpt").count():
                self.note("what is found has no excerpt")
        if (title := first.text_content()) != "The ledger":
            self.note(f"the page with the title 'The ledger' is not first, but {title!r}")

    def still_film(self, name: str) -> None:
        """Where motion is reduced, a still stands in place of the film."""
        self.page.emulate_media(reduced_motion="reduce")
        page = self.open(name)
        shown = page.evaluate("document.querySelector('figure picture img')?.currentSrc ?? ''")
        if "still" not in shown:
            self.note("the film moves where a reader asked for no motion")
        self.page.emulate_media(reduced_motion="no-preference")

    def photograph(self, name: str) -> None:
        page = self.open(name)
        for theme, width in product(("light", "dark"), WIDTHS):
            page.evaluate(f"checks.theme('{theme}')")
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(500)
            target = f"{name.removesuffix('.html').replace('/', '-')}-{theme}-{width}.png"
            page.screenshot(path=OUT / target)


def moves(page: Page) -> Iterator[tuple[str, bool]]:
    """Each control by a key, then by touch, and whether the picture changed."""

    def changed(before: str) -> bool:
        for _ in range(40):
            if page.evaluate("checks.drawn()") != before:
                return True
            page.wait_for_timeout(50)
        return False

    for i, control in enumerate(page.locator("[data-control]").all()):
        slides = control.get_attribute("type") == "range"
        before = page.evaluate("checks.drawn()")
        if slides:
            at_end = control.input_value() == control.get_attribute("max")
            control.press("ArrowLeft" if at_end else "ArrowRight")
        else:
            control.locator("input:checked").press("ArrowRight")
        yield f"control {i}, key", changed(before)
        before = page.evaluate("checks.drawn()")
        if slides:
            width = control.evaluate("slider => slider.clientWidth")
            last = float(control.get_attribute("max") or 1)
            share = 0.1 if float(control.input_value()) > last / 2 else 0.9
            control.tap(position={"x": share * width, "y": 20})
        else:
            control.locator("label:not(:has(:checked))").first.tap()
        yield f"control {i}, touch", changed(before)


# ---- what needs no browser -----------------------------------------------------------------------


def positions_of(document: str) -> dict[str, list[str]]:
    """Label -> the names of its positions, of each control in the page of an explorer."""
    labels = re.findall(r'(?:<label for="c\d+">|<legend>)([^<]*)<', document)
    (packed,) = re.findall(r'atob\("([^"]*)"', document)
    names = json.loads(gzip.decompress(base64.b64decode(packed)))["positions"]
    return dict(zip(map(unescape, labels), names, strict=True))


def check_explorers(site: Path, report: Report) -> None:
    """Each frame has the controls that its title promises; all of the notebooks' are there."""
    for page in [*site.rglob("lessons/**/*.html"), site / "explorers.html", site / "index.html"]:
        name = page.relative_to(site).as_posix()
        text = page.read_text(encoding="utf-8")
        for frame in re.findall(r'<iframe class="explorer".*?>', text, re.DOTALL):
            (heading,) = re.findall(r'title="([^"]*)"', frame)
            (source,) = re.findall(r'src="([^"]*)"', frame)
            document = (page.parent / source).read_text(encoding="utf-8")
            has = {label: len(names) for label, names in positions_of(document).items()}
            promised = re.findall(r"(?:of |, )(.+?) \((\d+) positions\)", unescape(heading))
            if promised != [(label, str(n)) for label, n in has.items()]:
                report.note(name, f"{heading!r} has the controls {has}")
    wanted = sum(len(explorers(nbformat.read(p, 4))) for p in notebooks_in(ROOT / "notebooks"))
    if (n := len(list(site.glob("explorers/*.html")))) != wanted:
        report.note("explorers", f"{n}, and the notebooks have {wanted}")


def check_film(site: Path, report: Report) -> None:
    page = site / "lessons" / "00_ten_minute_tour.html"
    shown = re.findall(r'<img[^>]*src="([^"]*\.(?:gif|webp))"', page.read_text(encoding="utf-8"))
    frames = max((getattr(Image.open(page.parent / s), "n_frames", 1) for s in shown), default=0)
    if frames < 2:
        report.note("lessons/00_ten_minute_tour.html", f"the film has {frames} frame")


def check_instructions(site: Path, report: Report) -> None:
    """A position that the text names ("go to T = 1000") is one of the explorer's."""
    for source in notebooks_in(ROOT / "notebooks"):
        cells = nbformat.read(source, as_version=4).cells
        pages = sorted((site / "explorers").glob(f"{source.stem}*.html"), key=lambda p: p.stem)
        shown = [
            i for i, c in enumerate(cells) for _ in explorers(nbformat.v4.new_notebook(cells=[c]))
        ]
        for i, page in zip(shown, pages, strict=False):
            text = " ".join(c.source for c in cells[i - 1 : i + 2] if "**Try" in c.source)
            text = re.sub(r"[$\\{}]", "", text).replace("gamma_1", "γ(1)").replace("−", "-")
            positions = positions_of(page.read_text(encoding="utf-8"))
            for label, names in positions.items():
                written = (name.replace("−", "-") for name in names)
                numbers = {float(n) for n in written if re.fullmatch(r"-?[\d.]+", n)}
                named = rf"(?<!\w){re.escape(label)}\s*(?:=|down to|to)\s*(-?\d+(?:\.\d+)?)"
                for value in re.findall(named, text) if numbers else []:
                    if min(abs(float(value) - n) for n in numbers) > 1e-9:
                        where = f"lessons/{place(source).with_suffix('.html').as_posix()}"
                        report.note(where, f"tells to go to {label} = {value}, which is missing")


# ---- the whole -----------------------------------------------------------------------------------


def visit(pages: Sequence[str], axe: str) -> Report:
    """Open these pages, one after the other, in a browser of their own."""
    OUT.mkdir(parents=True, exist_ok=True)
    with browser(has_touch=True, offline=True) as context:
        visitor = Visit(context, axe)
        for name in pages:
            print(name, flush=True)
            (visitor.move if name.startswith("explorers/") else visitor.read)(name)
            if name == "search.html":
                visitor.search()
            if name.startswith("lessons/00"):
                visitor.still_film(name)
            if name in EXAMPLES:
                visitor.photograph(name)
    return visitor.report


def main() -> int:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", help="default: all of build/site")
    asked = parser.parse_args().pages
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    shutil.rmtree(OUT, ignore_errors=True)
    pages = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
    pages = asked or [name for name in pages if not name.startswith(("_static/", "_sources/"))]
    still = Report()
    for check in (check_explorers, check_film, check_instructions):
        check(SITE, still)
    # A page keeps one core busy, so two browsers; by turns, since neighbours are of one kind
    halves = [half for half in (pages[0::2], pages[1::2]) if half]
    with ProcessPoolExecutor(len(halves), mp_context=get_context("spawn")) as pool:
        visits = [pool.submit(visit, half, axe) for half in halves]
        reports = [still, *(done.result() for done in visits)]
    faults = [fault for report in reports for fault in report.faults]
    size, largest = max((mb, name) for report in reports for name, mb in report.sizes.items())
    print(f"largest page with all it loads before scrolling: {largest}, {size:.1f} MB")
    for fault in faults:
        print(fault)
    print(f"{len(pages)} pages: {f'{len(faults)} faults' if faults else 'all well'}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
