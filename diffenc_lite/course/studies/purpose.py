"""The results of `purpose`: learned against one image, at equal time, on digits and on photographs.

README.md has its code, purpose.md what was declared before it ran. The arms are forks of trained
VDMs, as in fork.py, three for each set of data, trained separately: the unit of the statistics. All
arms got the same processor time, so many updates as follow from SECONDS.
"""

from pathlib import Path

from ...files import PathLike
from .statistics import t_interval
from .study import Row

BASES = Path(__file__).with_name("bases")
START = 0.6  # depth; an encoder can do little below it, while a denoiser would still learn there
VDMS = range(3)
GAMMA_MAX = {"mnist": 5.0, "photos": 2.0}  # of the primary comparisons
ARMS = ("image", "learned")  # learned minus image
OTHERS = ("vdm", "unbounded", "affine", "matched", "fade", "inert")

SECONDS = {  # of an update of 64 images, measured beforehand
    "mnist": {
        "image": 0.0994, "learned": 0.1569, "vdm": 0.0874, "unbounded": 0.1529,
        "affine": 0.0998, "matched": 0.1079, "fade": 0.0975, "inert": 0.1574,
    },
    "photos": {
        "image": 0.0563, "learned": 0.0956, "vdm": 0.0452, "unbounded": 0.0914,
        "affine": 0.0586, "matched": 0.0608, "fade": 0.0631, "inert": 0.0947,
    },
}  # fmt: skip


def base(data: str, vdm: int) -> PathLike:
    """The name of a VDM: the first of MNIST is one of the pretrained models."""
    return "mnist-vdm" if (data, vdm) == ("mnist", 0) else BASES / f"{data}-{vdm}"


def differences(
    rows: list[Row], part: str, data: str, gamma_max: float, arms: tuple[str, str] = ARMS
) -> list[float]:
    """Total of the second arm minus that of the first, for each VDM that has both."""

    def totals(arm: str) -> dict[int, float]:
        wanted = {"part": part, "data": data, "gamma_max": gamma_max, "arm": arm}
        return {row["vdm"]: row["total"] for row in rows if wanted.items() <= row.items()}

    first, second = (totals(arm) for arm in arms)
    return [second[vdm] - first[vdm] for vdm in sorted(first.keys() & second.keys())]


def comparisons(rows: list[Row]) -> list[Row]:
    """Learned minus image for each set of data whose primary comparison is complete, beside X5.

    A row: data; differences, one for each VDM; mean; low and high, its 95 % interval over VDMs; and
    left, all that X5 leaves to a network: minus the ceiling without the mean's share.
    """
    complete = []
    for data, end in GAMMA_MAX.items():
        pairs = differences(rows, "primary", data, end)
        if len(pairs) < len(VDMS):
            continue
        low, high = t_interval(pairs)
        wanted = {"part": "allowance", "data": data, "gamma_max": end}
        (bounds,) = (row for row in rows if wanted.items() <= row.items())
        complete.append({
            "data": data, "differences": pairs, "mean": sum(pairs) / len(pairs),
            "low": low, "high": high, "left": bounds["mean"] - bounds["prior"],
        })  # fmt: skip
    return complete
