"""What all tests share. How notebooks are compared is in notebooks/conftest.py."""

import os

import pytest

collect_ignore = ["tests/benchmarks"]  # measurements, not tests: `make bench` runs them


def pytest_configure(config: pytest.Config) -> None:
    workers = getattr(config.option, "numprocesses", None)
    if workers:  # parallel tests share the cores, instead of each taking all of them
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))
