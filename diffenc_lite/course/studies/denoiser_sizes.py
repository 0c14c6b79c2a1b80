"""Names in the results of `sizes`, VDMs trained with so many operations (README.md has its code).

CURVE are three sizes of the denoiser; CHANGES are the medium one with one thing changed. Operations
are those of convolutions and products of matrices, a product and a sum as two.
"""

from functools import partial

import torch
from torch.utils.flop_counter import FlopCounterMode

from ...model import DiffEnc
from .study import Row

CURVE = ("narrow", "small", "medium")
CHANGES = (
    "half the width at full resolution",
    "batches of 32",
    "half the learning rate",
    "features not passed on",  # v_hat = z + h_0
    "one block at full resolution",
    "Fourier powers of the paper",
    "one block at the coarsest",
    "smooth upsampling",
    "four blocks at full resolution",
)


def operations(model: DiffEnc) -> int:
    """Of one image: a forward pass, and a backward pass of twice as many."""
    assert model.shape is not None
    zeros = partial(torch.zeros, device=model.device)
    with FlopCounterMode(display=False) as counter:
        model.v_hat(zeros(1, *model.shape), zeros(1))
    return 3 * counter.get_total_flops()


def totals_array(row: Row) -> str:
    """The array with the bound of every test image, of a row of results."""
    return "_".join(["total", row["name"].replace(" ", "-"), str(row["share"]), str(row["seed"])])
