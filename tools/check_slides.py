"""Open decks in Chromium at 1280 x 720, with the network off, and measure every slide.

    pip install playwright      # and chromium or Chrome from the system
    python tools/check_slides.py build/slides/*.slides.html

A deck fails if it asks for anything beyond its file, if a part of a slide lies outside of its
room, if a slide is empty or its words are smaller than 12 pixels, if a formula is broken or left in
TeX, or if a page of its PDF is missing. With --shots, pictures of every slide go to `shots` beside
the deck.
"""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

from browser import browser
from playwright.sync_api import Page, Request

SMALLEST = 12  # pixels


def faults(page: Page, deck: Path, shots: bool) -> list[str]:
    complaints: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            complaints.append(f"asks for {request.url}")

    page.on("request", note)
    page.goto(deck.resolve().as_uri())
    page.evaluate("() => window.arranged")
    slides = page.evaluate("checks.slides()")
    for slide in slides:
        where = f"slide {slide['slide']}"
        if slide["over"] > 1:
            complaints.append(f"{where}: {slide['over']:.0f} pixels outside")
        if slide["size"] < SMALLEST:
            complaints.append(f"{where}: words of {slide['size']:.0f} pixels")
        complaints += [f"{where}: {key}" for key in ("empty", "broken", "tex") if slide[key]]
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    if pages != len(slides):
        complaints.append(f"{pages} pages of PDF for {len(slides)} slides")
    if shots:
        folder = deck.parent / "shots"
        folder.mkdir(exist_ok=True)
        for i in range(len(slides)):
            page.evaluate("i => show(i)", i)
            page.screenshot(path=folder / f"{deck.stem}-{i + 1:03}.png")
    smallest = min(slide["size"] for slide in slides)
    print(f"{deck.name}: {len(slides)} slides, smallest words {smallest:.0f} pixels", flush=True)
    return complaints


def main() -> int:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("decks", nargs="+", type=Path)
    parser.add_argument("--shots", action="store_true")
    arguments = parser.parse_args()
    bad = 0
    for deck in arguments.decks:
        with browser(viewport={"width": 1280, "height": 720}, offline=True) as context:
            for fault in faults(context.new_page(), deck, arguments.shots):
                bad += 1
                print(f"  {fault}", flush=True)
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
