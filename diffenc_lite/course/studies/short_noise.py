"""Names in the results of `short`, forks of a VDM whose noise ends early (README.md has its code).

An arm of `fork` with noise up to gamma_max = 5, 3, 2 or 1 became a model of its own. Its bound was
taken, and samples were drawn, with STEPS steps.
"""

from .study import Row

STEPS = (4, 8, 16, 32)
FIXED = "fixed"  # the end of the noise was; else it was trained, or the last step was a long one


def sample_array(row: Row, steps: int) -> str:
    """The array with nine samples in one image, of a row of results."""
    return f"sheet_{_title(row)}_{steps}"


def bound_array(row: Row) -> str:
    """The array with the bounds of every test image, (len(STEPS), images), of a row of results."""
    return f"bound_{_title(row)}"


def _title(row: Row) -> str:
    return "_".join(str(row[key]) for key in ("arm", "gamma_max", "end", "seed"))
