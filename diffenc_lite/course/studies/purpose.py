"""The results of `purpose`: learned against one image, at equal time, on digits.

README.md has its code, purpose.md what was declared before it ran. The arms are forks of three
VDMs, as in fork.py; these were trained separately and are the unit of the statistics.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...files import PathLike
from .study import Row

BASES = Path(__file__).with_name("bases")
VDMS = range(3)


def base(vdm: int) -> PathLike:
    """The name of a VDM: the first is one of the pretrained models."""
    return BASES / f"mnist-{vdm}" if vdm else "mnist-vdm"


def by_vdm(rows: list[Row], arm: str, loss: str = "total") -> NDArray[np.float64]:
    """Of an arm, in bits per dimension, one number for each VDM."""
    parts = ("primary", "control")
    of = {row["vdm"]: row[loss] for row in rows if row["part"] in parts and row["arm"] == arm}
    return np.array([of[vdm] for vdm in VDMS])
