"""How `pytest --nbval` compares these notebooks, whatever folder it is started from.

This lives in a conftest and not in `addopts`, where a path would depend on the folder; and beside
the notebooks, so that a copy of the folder is compared in the same way.
Without nbval, or without `--nbval`, nothing below has any effect.
"""

from pathlib import Path

import pytest

SANITIZE = Path(__file__).with_name("sanitize.cfg")
CELL_TIMEOUT = 300.0  # seconds
NBVAL_CELL_TIMEOUT = 2000.0  # nbval's own default, which means that nobody asked for another
# Beside what nbval skips by itself (PNG, widget views): these differ from machine to machine.
NEVER_COMPARED = ("stderr", "text/html", "image/svg+xml", "application/javascript")


def pytest_configure(config: pytest.Config) -> None:
    option = config.option
    if getattr(option, "nbval", False) or getattr(option, "nbval_lax", False):
        if option.nbval_kernel_name is None:
            option.nbval_current_env = True
        if option.nbval_sanitize_with is None:
            option.nbval_sanitize_with = str(SANITIZE)
        if option.nbval_cell_timeout == NBVAL_CELL_TIMEOUT:
            option.nbval_cell_timeout = CELL_TIMEOUT


def pytest_collectstart(collector: pytest.Collector) -> None:
    if hasattr(collector, "skip_compare"):  # a notebook, as nbval collects it
        collector.skip_compare += NEVER_COMPARED
