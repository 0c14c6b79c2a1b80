"""What all tests share. How notebooks are compared is in notebooks/conftest.py."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

collect_ignore = ["tests/benchmarks"]  # measurements, not tests: `make bench` runs them


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="of tests/test_device.py: cuda, mps or cpu")


def pytest_configure(config: pytest.Config) -> None:
    workers = getattr(config.option, "numprocesses", None)
    if workers:  # parallel tests share the cores, instead of each taking all of them
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))


def pytest_runtest_makereport(item: Any, call: pytest.CallInfo[None]) -> None:
    """With DIFFENC_LITE_EXPORT=1, keep a notebook whose cells have all passed for `make site`."""
    if os.environ.get("DIFFENC_LITE_EXPORT") != "1" or not hasattr(item, "test_outputs"):
        return  # not a cell of a notebook
    if call.when != "call" or call.excinfo is not None:
        return
    file, notebook = item.parent, item.parent.nb
    item.cell.outputs = item.test_outputs
    file.passed = getattr(file, "passed", 0) + 1
    if file.passed == sum(cell.cell_type == "code" for cell in notebook.cells):
        sys.path.append(str(Path(__file__).with_name("tools")))
        from run_notebooks import keep

        keep(notebook, item.path)
