"""Test notebooks in a real browser, with a kernel and without.

    pip install playwright      # and chromium or Chrome from the system
    python tools/check_browser.py                                   # every notebook
    python tools/check_browser.py notebooks/00_ten_minute_tour.ipynb

First the HTML page of each notebook is opened without a network: every stored picture must show.
Then the notebook is opened in JupyterLab, all cells are run, and every slider is moved with the
keyboard and the mouse. The program prints the time from each key press to its picture and the
errors of the browser's console, and writes screenshots into build/browser. The exit status is 1 if
a picture is missing or does not follow its slider, or if the console has an error. The notebooks do
not change.
"""

from __future__ import annotations

import json
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import nbformat
from browser import browser
from nbconvert.preprocessors import ClearOutputPreprocessor
from playwright.sync_api import BrowserContext, Locator, Page
from run_notebooks import ROOT, explorers, outputs, write_html

from diffenc_lite.course.lessons import notebooks_in, place

OUT = ROOT / "build" / "browser"
PRESSES = 12
PAUSE_MS = 200  # from a picture to the next key, as with a reader
LOST_S = 180  # longer than any cell takes
TIMEOUT_S = 600  # for all cells of a notebook


@contextmanager
def jupyter_lab(folder: Path) -> Iterator[str]:
    """JupyterLab for `folder` on a free port of this machine only; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = folder / ".settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    whole_page = json.dumps({"windowingMode": "none"})  # so that cells outside the window exist too
    (settings / "tracker.jupyterlab-settings").write_text(whole_page, encoding="utf-8")
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    options += ["--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"]
    options += [f"--ServerApp.root_dir={folder}"]
    options += [f"--LabApp.user_settings_dir={folder / '.settings'}"]
    command = [sys.executable, "-m", "jupyter", "lab", *options]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=1)
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait()


def run_all(page: Page) -> float:
    """Run > Run All Cells; returns the seconds until each cell has its number.

    A click is lost while the connection to the kernel is made. So it is repeated as long as no cell
    has a number or a star. If the connection breaks later, no new number comes: if none comes for
    LOST_S, the kernel is started again, once.
    """
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").first.wait_for()

    def choose(menu: str, item: str) -> None:
        page.get_by_role("menuitem", name=menu, exact=True).click()
        page.get_by_role("menuitem", name=item, exact=True).click()
        page.wait_for_timeout(3000)

    start = moved = time.perf_counter()
    done, again = 0, False
    while True:
        texts = [text for text in prompts.all_text_contents() if text]  # empty for collapsed cells
        before, done = done, sum(bool(re.search(r"\d", text)) for text in texts)
        if done != before:
            moved = time.perf_counter()
        if texts and done == len(texts):
            return time.perf_counter() - start
        if not any(re.search(r"\d|\*", text) for text in texts):
            choose("Run", "Run All Cells")
        elif not again and time.perf_counter() > moved + LOST_S:
            print(f"{done} cells have run, then none: the kernel is started again")
            again = True
            choose("Kernel", "Restart Kernel and Run All Cells…")
        if time.perf_counter() > start + TIMEOUT_S:
            raise TimeoutError(f"the notebook still runs after {TIMEOUT_S} s")
        page.wait_for_timeout(500)


def time_to_picture(image: Locator, act: Callable[[], None]) -> float:
    """Milliseconds from the first key or press of `act` to its picture; -1 for none."""
    image.evaluate("image => checks.timeNext(image)")
    act()
    return float(image.page.evaluate("checks.latency"))


def moves(handle: Locator, image: Locator) -> Iterator[float]:
    """Milliseconds from each move to its picture, for some keys, then one drag; -1 for none."""
    at_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
    two_keys = ["ArrowLeft", "ArrowRight"] if at_end else ["ArrowRight", "ArrowLeft"]
    for key in two_keys * (PRESSES // 2):
        handle.page.wait_for_timeout(PAUSE_MS)
        yield time_to_picture(image, partial(handle.press, key))
    track = handle.locator("xpath=../..")
    box = track.bounding_box()
    assert box is not None
    x, y = 1.0 if at_end else box["width"] - 1, box["height"] / 2
    yield time_to_picture(
        image, lambda: handle.drag_to(track, target_position={"x": x, "y": y}, force=True)
    )


def check(page: Page, name: str, stored: int, times: list[float]) -> bool:
    """Move every slider and press a button of each group; True if every picture followed.

    Args: stored, how many explorers to wait for, a minute at most, since a slow page may look idle
        too early; times, a list that gets the milliseconds from each key to its picture.
    """
    explorers = page.locator(".widget-vbox:has(> img.widget-image)")
    start = time.perf_counter()
    while explorers.count() < stored and time.perf_counter() < start + 60:
        page.wait_for_timeout(1000)
    print(f"{name}: {explorers.count()} of {stored} explorers")
    good = explorers.count() == stored
    for i in range(explorers.count()):
        explorer = explorers.nth(i)
        image = explorer.locator("img.widget-image")
        for j in range(explorer.locator(".noUi-handle").count()):
            *keys, drag = moves(explorer.locator(".noUi-handle").nth(j), image)
            good &= min(*keys, drag) >= 0
            times += keys
            median = statistics.median(keys)
            print(
                f"{name}, explorer {i}, slider {j}: key to picture {median:.0f} ms (median), "
                f"{max(keys):.0f} ms (longest); {'dragged' if drag >= 0 else 'drag failed'}"
            )
        for group in explorer.locator(".widget-toggle-buttons").all():
            button = group.locator("button:not(.mod-active)").first
            pressed = time_to_picture(image, partial(button.press, "Enter")) >= 0
            print(f"{name}, explorer {i}, buttons: {'pressed' if pressed else 'press failed'}")
            good &= pressed
        explorer.screenshot(path=OUT / f"{name}-{i}.png")
    return good


def check_page(context: BrowserContext, notebook: Path, folder: Path) -> bool:
    """Export the notebook to HTML and open it without a network; True if all its pictures show."""
    content = nbformat.read(notebook, as_version=4)
    shows = [output.get("data", {}) for output in outputs(content)]
    stored = sum("image/png" in data or "<img " in data.get("text/html", "") for data in shows)
    path = folder / notebook.with_suffix(".html").name
    write_html(content, notebook, path)
    context.set_offline(True)
    page = context.new_page()
    page.goto(path.as_uri(), wait_until="domcontentloaded")
    shown = page.evaluate(
        "[...document.querySelectorAll('.jp-OutputArea img')].filter(i => i.naturalWidth).length"
    )
    page.close()
    context.set_offline(False)
    print(f"{notebook.stem}: HTML page, network off: {shown} of {stored} pictures show")
    return shown == stored


def check_notebook(
    context: BrowserContext, address: str, notebook: Path, times: list[float]
) -> bool:
    """Run the notebook in JupyterLab and move its controls; True if there was no error."""
    stored = len(explorers(nbformat.read(notebook, as_version=4)))
    errors: list[str] = []
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    # JupyterLab may ask something at any moment, on a slow machine above all: say yes
    dialog = page.locator("dialog.jp-Dialog, .jp-Dialog[aria-modal=true]")
    page.add_locator_handler(dialog, lambda box: box.locator("button.jp-mod-accept").first.click())
    page.goto(f"{address}/lab/tree/{place(notebook).as_posix()}?reset")
    print(f"{notebook.stem}: run all: {run_all(page):.0f} s")
    good = check(page, notebook.stem, stored, times)
    page.close()
    for session in json.load(urllib.request.urlopen(f"{address}/api/sessions")):
        stop = urllib.request.Request(f"{address}/api/sessions/{session['id']}", method="DELETE")
        urllib.request.urlopen(stop)
    print(*(f"{notebook.stem}: console error: {error}\n" for error in errors), sep="", end="")
    return good and not errors


def main() -> int:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all")
    arguments = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    notebooks = [path.resolve() for path in arguments.notebooks] or notebooks_in(ROOT / "notebooks")
    failed = []
    times: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for notebook in notebooks:  # JupyterLab gets copies, without outputs
            copy = ClearOutputPreprocessor().preprocess(nbformat.read(notebook, 4), {})[0]
            target = Path(folder) / place(notebook)
            target.parent.mkdir(exist_ok=True)
            nbformat.write(copy, target)
        view = {"width": 1400, "height": 1000}
        with jupyter_lab(Path(folder)) as address, browser(viewport=view) as context:
            for notebook in notebooks:
                print(f"== {notebook.name}", flush=True)
                good = check_page(context, notebook, Path(folder))
                good &= check_notebook(context, address, notebook, times)
                if not good:
                    failed.append(notebook.name)
    print(f"screenshots are in {OUT}")
    if times:
        median, longest = statistics.median(times), max(times)
        print(f"key to picture, these notebooks: {median:.0f} ms (median; aim: 50)", end=", ")
        print(f"{longest:.0f} ms (longest; aim: 150)")
    print(f"FAILED: {', '.join(failed)}" if failed else f"{len(notebooks)} notebooks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
