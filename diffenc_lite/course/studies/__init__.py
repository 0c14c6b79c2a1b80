"""Studies: experiments that take too long for a notebook, which reads their results instead."""

from .runner import (
    SHIPPED,
    Results,
    Study,
    find,
    load_arrays,
    load_results,
    options,
    parameters,
    read_results,
    run_study,
)

__all__ = [
    "SHIPPED",
    "Results",
    "Study",
    "find",
    "load_arrays",
    "load_results",
    "options",
    "parameters",
    "read_results",
    "run_study",
]
