"""Studies: experiments that take too long for a notebook, which reads their results instead."""

from .study import (
    SHIPPED,
    Results,
    Study,
    load_arrays,
    load_results,
    options,
    parameters,
    read_results,
)

__all__ = [
    "SHIPPED", "Results", "Study", "load_arrays", "load_results", "options", "parameters",
    "read_results",
]  # fmt: skip
