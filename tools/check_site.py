"""Read the site as a visitor would, in a real browser, from the file system, with the network off.

    pip install -e ".[browser]"      # and chromium or Chrome from the system
    python tools/make_site.py && python tools/check_site.py
    python tools/check_site.py lessons/06_the_noise_variance_ratio.html        # only these pages

Opens every page but listings of code, and moves every control by its keys. Ends with 1 and the list
of faults if a page asks the net for anything or has an error in its console; if a formula is not
typeset, a picture does not show or has no description, or something is wider than a phone or its
column; if a control does not change its picture; if axe finds a fault in a figure; if a lesson
cannot be downloaded as it is, or the search finds nothing. Screenshots, light and dark, go to
build/screenshots.
"""

import re
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from concurrent.futures import ProcessPoolExecutor
from importlib.resources import files

import nbformat
from browser import browser, watched
from playwright.sync_api import Locator, Page
from run_notebooks import ROOT, explorers

SITE, OUT = ROOT / "build" / "site", ROOT / "build" / "screenshots"
PHONE, DESK = 390, 1280
SEARCHED = "counterterm"
# MathJax sets a command that it does not know in red, without an error.
WRONG_FORMULA = "mjx-merror, [data-mjx-error], [data-mml-node='mtext'][fill='red']"
# Text outside of code in which TeX is left.
RAW_TEX = r"\$[^$\s][^$]*\$|\\(?:frac|left|right|sigma|alpha|gamma|begin|mathrm|hat|text|tag)\b"


def moved(explorer: Locator) -> list[str]:
    """The controls of an explorer that do not change its picture, or their own number."""
    still = []
    for control in explorer.locator("[data-control]").all():
        entry = control.locator("[type=range], :checked").first
        at_end = entry.get_attribute("value") == entry.get_attribute("max")
        picture = explorer.locator(".picture")
        before, told = picture.inner_html(), control.locator("output").all_inner_texts()
        entry.press("ArrowLeft" if at_end else "ArrowRight")
        for _ in range(60):
            if picture.inner_html() != before:
                break
            explorer.page.wait_for_timeout(50)
        else:
            still.append(f"{control.inner_text()!r} does not move its picture")
        if told and told == control.locator("output").all_inner_texts():
            still.append(f"{control.inner_text()!r} does not change its number")
    return still


def lesson_faults(page: Page, name: str) -> list[str]:
    """Of a lesson: its explorers are all there, and it downloads the notebook as it is."""
    source = ROOT / "notebooks" / name.removeprefix("lessons/").replace(".html", ".ipynb")
    wanted = len(explorers(nbformat.read(source, as_version=4)))
    has = page.locator(".explorer").count()
    faults = [f"{has} of {wanted} explorers move"] if has != wanted else []
    link = (SITE / name).parent / str(page.locator("a[download]").get_attribute("href"))
    if not link.is_file() or link.read_bytes() != source.read_bytes():
        faults.append("downloads another file than the notebook")
    return faults


def read(page: Page, name: str, axe: str) -> list[str]:
    """The faults of a page that its console does not say."""
    page.set_viewport_size({"width": DESK, "height": 900})
    page.goto((SITE / name).as_uri(), wait_until="load")
    page.add_style_tag(content="* { transition: none !important }")  # colours do not fade
    page.evaluate("checks.typeset()")
    faults = [f"TeX is left: {tex}" for tex in re.findall(RAW_TEX, page.evaluate("checks.text()"))]
    if wrong := page.locator(WRONG_FORMULA).count():
        faults.append(f"{wrong} formulas have errors")
    faults += [
        f"a picture is empty or nameless: {src}" for src in page.evaluate("checks.pictures()")
    ]
    for explorer in page.locator(".explorer").all():
        faults += moved(explorer)
    for theme, width in (("light", DESK), ("dark", PHONE)):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        page.set_viewport_size({"width": width, "height": 900})
        faults += [f"at {width}: {fault}" for fault in page.evaluate("checks.tooWide()")]
        figures = page.locator(".explorer, figure")
        if figures.count():
            figures.first.scroll_into_view_if_needed()
            page.evaluate(axe)
            faults += [f"{fault} ({theme})" for fault in page.evaluate("checks.access()")]
        page.screenshot(path=OUT / f"{name.replace('/', '-')}-{theme}.png")
    if name.startswith("lessons/"):
        faults += lesson_faults(page, name)
    if name == "search.html":
        page.goto(f"{(SITE / name).as_uri()}?q={SEARCHED}")
        page.locator("#search-results li").first.wait_for(timeout=20_000)
    return faults


def visit(names: list[str]) -> int:
    """How many faults these pages have; each is printed."""
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    total = 0
    with browser(offline=True) as context:
        for name in names:
            faults: list[str] = []
            page = watched(context, faults, alone=True)
            faults += read(page, name, axe)
            page.close()
            total += len(faults)
            print(f"{name}: {'; '.join(faults) or 'well'}", flush=True)
    return total


def main() -> int:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", help="default: all of build/site")
    pages = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
    pages = [name for name in pages if not name.startswith(("_static/", "_sources/", "_modules/"))]
    pages = parser.parse_args().pages or pages
    OUT.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(2) as pool:
        total = sum(pool.map(visit, (pages[k::8] for k in range(8))))
    print(f"{len(pages)} pages: {f'{total} faults' if total else 'all well'}")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
