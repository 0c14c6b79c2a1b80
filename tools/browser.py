"""The Chromium or Chrome of the system, for the checks that need a real browser."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = [f"--disable-{part}" for part in ("gpu", "quic", "background-networking", "sync")]


@contextmanager
def browser(**options: Any) -> Iterator[BrowserContext]:
    """A browser without a history; options as of Playwright's `new_context`.

    Its pages have the functions of checks.js.
    """
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit(f"error: no browser found; install one of {', '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--no-first-run", *QUIET]
        with playwright.chromium.launch(executable_path=program, args=arguments) as started:
            context = started.new_context(**options)
            context.add_init_script(path=Path(__file__).with_name("checks.js"))
            yield context


def watched(context: BrowserContext, faults: list[str], alone: bool = False) -> Page:
    """A page that notes its errors and, if it should be alone, what it asks the net for."""

    def ask(url: str) -> None:
        if alone and not url.startswith(("file:", "data:", "blob:", "about:")):
            faults.append(f"asks for {url}")

    page = context.new_page()
    page.on("request", lambda request: ask(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    return page
