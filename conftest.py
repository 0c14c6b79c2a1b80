"""How `pytest --nbval` compares notebooks here, whatever folder it is started from.

This lives in a conftest and not in `addopts`, where a path would depend on the folder.
Without nbval, or without `--nbval`, nothing below has any effect.
"""

import os
from pathlib import Path

import pytest

collect_ignore = ["tests/benchmarks"]  # measurements, not tests: `make bench` runs them

SANITIZE = Path(__file__).parent / "notebooks" / "sanitize.cfg"
CELL_TIMEOUT = 300.0  # seconds
NBVAL_CELL_TIMEOUT = 2000.0  # nbval's own default, which means that nobody asked for another
# Beside what nbval skips by itself (PNG, widget views): these differ from machine to machine.
NEVER_COMPARED = ("stderr", "text/html", "image/svg+xml", "application/javascript")


def pytest_configure(config: pytest.Config) -> None:
    option = config.option
    workers = getattr(option, "numprocesses", None)
    if workers:  # parallel tests share the cores, instead of each taking all of them
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
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
