"""Studies: experiments that take too long for a notebook, which reads their results instead."""

from .runner import (
    NAMES,
    SHIPPED,
    Options,
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
    "NAMES",
    "SHIPPED",
    "Options",
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
