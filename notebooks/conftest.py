"""How `pytest --nbval` compares these notebooks, whatever folder it is started from.

This lives in a conftest and not in `addopts`, where a path would depend on the folder; and beside
the notebooks, so that a copy of the folder is compared in the same way. A stored picture is
compared too: its words by nbval, and here what it looks like from afar.
Without nbval, or without `--nbval`, nothing below has any effect.
"""

import base64
import io
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

SANITIZE = Path(__file__).with_name("sanitize.cfg")
CELL_TIMEOUT = 300.0  # seconds
NBVAL_CELL_TIMEOUT = 2000.0  # nbval's own default, which means that nobody asked for another
# Beside what nbval skips by itself (PNG, widget views): these differ from machine to machine.
NEVER_COMPARED = ("stderr", "text/html", "image/svg+xml", "application/javascript")
AFAR, ALIKE = 64, 9.0  # pixels in a row of a picture from afar; how much one may differ


def pytest_configure(config: pytest.Config) -> None:
    option = config.option
    if getattr(option, "nbval", False) or getattr(option, "nbval_lax", False):
        if option.nbval_kernel_name is None:
            option.nbval_current_env = True
        if option.nbval_sanitize_with is None:
            option.nbval_sanitize_with = str(SANITIZE)
        if option.nbval_cell_timeout == NBVAL_CELL_TIMEOUT:
            option.nbval_cell_timeout = CELL_TIMEOUT
        if getattr(option, "dist", "") == "load":  # of -n alone, which parts a notebook's cells
            option.dist = "loadscope"


def pytest_collectstart(collector: pytest.Collector) -> None:
    if hasattr(collector, "skip_compare"):  # a notebook, as nbval collects it
        collector.skip_compare += NEVER_COMPARED


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: Any) -> Generator[None]:
    yield
    if getattr(item, "test_outputs", None) is not None:  # a cell of a notebook
        (html, pictures), (new_html, drawn) = map(_seen, (item.cell.outputs, item.test_outputs))
        varies = not item.options["check"] or any(map(_without_numbers, item.cell.outputs))
        if any(_differ(*pair, varies) for pair in zip(pictures, drawn, strict=False)):
            item.raise_cell_error("The stored picture looks different.")
        if html != new_html:
            item.raise_cell_error("The stored HTML is different.")


def _without_numbers(output: Any) -> bool:
    """As the words of a picture are where the page has trained the model"""
    return "image/png" in output.get("data", ()) and "#" in output.data["text/plain"]


def _seen(outputs: list[Any]) -> tuple[list[str], list[Image.Image]]:
    """The HTML of outputs that are no pictures, and the pictures"""
    data = [output.data for output in outputs if "data" in output]
    packed = (base64.b64decode(each["image/png"]) for each in data if "image/png" in each)
    pictures = [Image.open(io.BytesIO(each)).convert("RGB") for each in packed]
    html = [each["text/html"] for each in data if "text/html" in each and "image/png" not in each]
    return html, pictures


def _differ(one: Image.Image, other: Image.Image, varies: bool = False) -> bool:
    """In size, or from afar: in two runs no pixel differs by more than 1 of 255, and some do by 34
    or more if a curve, a tick or the legend is another. Where it varies with the machine, half of
    the ink may lie elsewhere."""
    size = AFAR, max(1, AFAR * one.height // one.width)
    blank = Image.new("RGB", other.size, "white")
    shrunk = [each.resize(size, Image.Resampling.BOX) for each in (one, other, blank)]
    apart, ink = (ImageStat.Stat(ImageChops.difference(shrunk[1], each)) for each in shrunk[::2])
    most = max(apart.rms) - max(ink.rms) / 2 if varies else max(high for _, high in apart.extrema)
    return one.size != other.size or most > ALIKE
