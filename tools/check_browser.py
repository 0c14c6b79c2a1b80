"""Test notebooks in a real browser, with a kernel and without.

    pip install -e ".[browser]"      # and chromium or Chrome from the system
    python tools/check_browser.py                                   # every notebook
    python tools/check_browser.py notebooks/00_ten_minute_tour.ipynb

First the HTML page of each notebook is opened without a network: every stored picture must show.
Then the notebook is opened in JupyterLab, run up to its last explorer, and every slider and group
of buttons is moved by a key. Ends with 1 if a picture is missing or does not follow, or if the
browser's console has an error. Screenshots are in build/browser. The notebooks do not change.
"""

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from browser import browser, watched
from nbconvert.preprocessors import ClearOutputPreprocessor
from nbformat import from_dict
from playwright.sync_api import BrowserContext, Locator, Page
from playwright.sync_api import Error as PlaywrightError
from run_notebooks import ROOT, explorers, outputs, write_html

from diffenc_lite.course.lessons import notebooks_in, place

OUT = ROOT / "build" / "browser"
TIMEOUT_S = 150  # without a cell that ends


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
    options += [f"--LabApp.workspaces_dir={folder / '.workspaces'}"]  # not another one's layout
    command = [sys.executable, "-m", "jupyter", "lab", *options]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api/kernelspecs", timeout=9)  # slow once
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait()


def say_yes(dialog: Locator) -> None:
    """Accept a dialog. A click is lost while the dialog is being made, so it is repeated."""
    for _ in range(30):
        dialog.locator("button.jp-mod-accept").first.click()
        dialog.page.wait_for_timeout(500)
        if not dialog.first.is_visible():
            return
    raise TimeoutError(f"a dialog of JupyterLab stays: {dialog.first.inner_text()!r}")


def run_all(page: Page) -> None:
    """Run > Run All Cells, and wait until each cell has its number.

    A click is lost while the connection to the kernel is made, and the rest of the cells with a
    kernel that starts anew. So it is repeated when no cell has a star.
    """
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").first.wait_for()
    ended, since = 0, time.perf_counter()
    while time.perf_counter() < since + TIMEOUT_S:
        prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_text_contents()
        texts = [text for text in prompts if text]  # empty for collapsed cells
        numbered = sum(bool(re.search(r"\d", text)) for text in texts)
        if texts and numbered == len(texts):
            return
        if numbered != ended:
            ended, since = numbered, time.perf_counter()
        if not any("*" in text for text in texts):
            for item in ("Run", "Run All Cells"):
                page.get_by_role("menuitem", name=item, exact=True).click()
            page.wait_for_timeout(3000)
        page.wait_for_timeout(500)
    state = page.locator(".jp-Notebook-ExecutionIndicator").first.get_attribute("data-status")
    raise TimeoutError(f"no cell ended in {TIMEOUT_S} s; {ended} had; the kernel is {state}")


def follows(control: Locator, image: Locator) -> bool:
    """Whether a key on a slider, or on a button that is not pressed, brings another picture."""
    before = image.get_attribute("src")
    if control.get_attribute("role") == "slider":
        at_end = control.get_attribute("aria-valuenow") == control.get_attribute("aria-valuemax")
        control.press("ArrowLeft" if at_end else "ArrowRight")
    else:
        control.press("Enter")
    for _ in range(100):
        if image.get_attribute("src") != before:
            return True
        image.page.wait_for_timeout(100)
    return False


def check_page(context: BrowserContext, notebook: Path, folder: Path) -> list[str]:
    """Export the notebook to HTML and open it without a network: all its pictures must show."""
    content = nbformat.read(notebook, as_version=4)
    stored = sum("image/png" in o.get("data", {}) for o in outputs(content))
    path = folder / notebook.with_suffix(".html").name
    write_html(content, notebook, path)
    context.set_offline(True)
    page = context.new_page()
    page.goto(path.as_uri(), wait_until="domcontentloaded")
    images = "[...document.querySelectorAll('.jp-OutputArea img')]"
    shown = page.evaluate(f"{images}.filter(i => i.naturalWidth).length")
    page.close()
    context.set_offline(False)
    return [] if shown >= stored else [f"{shown} of {stored} pictures show, with the network off"]


def check_notebook(context: BrowserContext, address: str, notebook: Path) -> list[str]:
    """Run the notebook in JupyterLab and move its controls."""
    faults: list[str] = []
    page = watched(context, faults)
    page.set_default_timeout(120_000)
    # JupyterLab may ask something at any moment, on a slow machine above all: say yes
    dialog = page.locator("dialog.jp-Dialog, .jp-Dialog[aria-modal=true]")
    page.add_locator_handler(dialog, say_yes)
    page.goto(f"{address}/lab/tree/{place(notebook).as_posix()}?reset")
    try:
        run_all(page)
        faults += move_all(page, notebook)
    except (TimeoutError, PlaywrightError) as error:
        faults.append(str(error).partition("\n")[0])
    page.close()
    for session in json.load(urllib.request.urlopen(f"{address}/api/sessions")):
        stop = urllib.request.Request(f"{address}/api/sessions/{session['id']}", method="DELETE")
        urllib.request.urlopen(stop)
    return faults


def move_all(page: Page, notebook: Path) -> list[str]:
    """The controls of explorers that do not move their pictures."""
    faults: list[str] = []
    stored = len(explorers(nbformat.read(notebook, as_version=4)))
    shown = page.locator(".widget-vbox:has(> img.widget-image)")
    if stored:
        shown.nth(stored - 1).wait_for()
    for i, explorer in enumerate(shown.all()):
        image = explorer.locator("img.widget-image")
        controls = explorer.locator(".noUi-handle").all()
        groups = explorer.locator(".widget-toggle-buttons").all()
        controls += [group.locator("button:not(.mod-active)").first for group in groups]
        still = [k for k, control in enumerate(controls) if not follows(control, image)]
        faults += [f"explorer {i}: control {k} does not move the picture" for k in still]
        explorer.screenshot(path=OUT / f"{notebook.stem}-{i}.png")
    print(f"{notebook.stem}: {shown.count()} of {stored} explorers")
    return faults


def main() -> int:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all")
    arguments = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    notebooks = [path.resolve() for path in arguments.notebooks] or notebooks_in(ROOT / "notebooks")
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        for notebook in notebooks:  # JupyterLab gets copies, without outputs
            content = nbformat.read(notebook, 4)
            while explorers(content) and not explorers(from_dict({"cells": content.cells[-1:]})):
                content.cells.pop()  # nbval runs the rest
            copy = ClearOutputPreprocessor().preprocess(content, {})[0]
            target = Path(folder) / place(notebook)
            target.parent.mkdir(exist_ok=True)
            nbformat.write(copy, target)
        view = {"width": 1400, "height": 1000}
        with jupyter_lab(Path(folder)) as address, browser(viewport=view) as context:
            for notebook in notebooks:
                found = check_page(context, notebook, Path(folder))
                for _ in range(3):  # on a slow machine JupyterLab loses a kernel while it starts
                    if not (seen := check_notebook(context, address, notebook)):
                        break
                faults += [f"{notebook.name}: {fault}" for fault in found + seen]
    print(*faults, f"{len(notebooks)} notebooks, {len(faults)} faults; see {OUT}", sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
