"""For each claim with evidence a piece of it that can be broken, and the verdict without it.

A measurement or a quoted gain is moved by about the least that changes the verdict."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import sympy
import torch

from ... import ledger
from . import evidence
from .claims import Entry, look

Patch = Callable[[], AbstractContextManager[Any]]


@contextmanager
def replaced(holder: dict[str, Any], name: str, value: Any) -> Iterator[None]:
    before = holder[name]
    holder[name] = value
    try:
        yield
    finally:
        holder[name] = before


def wrong_row(tag: str) -> AbstractContextManager[Any]:
    """The right side of a row's first form is doubled."""
    row = ledger.LEDGER[tag]
    name = next(form for form in row.claim if row[form].kind == "step")
    line = sympy.Eq(row[name].line.lhs, 2 * row[name].line.rhs, evaluate=False)
    return replaced(ledger.LEDGER, tag, row.with_line(name, line))


def instead(name: str, other: Callable[..., Any]) -> Patch:
    """`other` in place of a function of `evidence`, which it gets as its first argument."""
    functions = vars(evidence)
    return lambda: replaced(functions, name, partial(other, functions[name]))


def more(bits: float, term: str = "total") -> Patch:
    """In every study the learned encoder has so many bits per dimension more."""

    def read(stored: Any, name: str) -> dict[str, Any]:
        results = stored(name)
        for row in results["rows"]:
            if row.get("arm", row.get("variant")) == "learned":
                if term in row:
                    row[term] += bits
                for point in row["curve"] if name == "rivals" and row["part"] == "arm" else ():
                    point["pictures"] = [total + bits for total in point["pictures"]]
        return results

    return instead("read_results", read)


@contextmanager
def gain(name: str, bits: float) -> Iterator[None]:
    """The quoted figures show so large a gain."""
    vdm, _ = evidence.QUOTED[name]
    with replaced(evidence.QUOTED, name, (vdm, f"{float(vdm) - bits:.3f}")):
        yield


def curious(sample: Any, model: Any, n: int, steps: int, generator: Any) -> Any:
    """A sampler that asks the encoder"""
    model.encoder.shift(evidence.digits(model, 1), model.schedule(torch.zeros(1)).gamma)
    return sample(model, n, steps, generator=generator)


def dear_grid(stored: Any, *where: Any) -> dict[str, Any]:
    row = stored(*where)
    return {**row, "bits": row["bits"] + 0.132 * ("best grid" in where)}


BREAKS: dict[str, tuple[str, Patch]] = {
    **{
        name: (f"a wrong {tag}", partial(wrong_row, tag))
        for name, tag in {
            "marginals": "F2", "loss": "L4", "counterterm": "X6", "v-form": "G4", "variance": "W1",
            "w = 1": "W2", "weights": "W3", "larger class": "X6", "scaling, perfect": "X4",
        }.items()
    },
    "schedule": ("the best grid 0.132 bits/dim dearer", instead("stored_bound", dear_grid)),
    "sampling": ("a sampler that asks the encoder", instead("sample", curious)),
    "CIFAR-10, large": ("a gain of 0.008", partial(gain, "CIFAR-10, large", 0.008)),
    "split of the gain": ("a gain of 0.018", partial(gain, "CIFAR-10, large", 0.018)),
    "CIFAR-10, small": ("a gain of 0.002", partial(gain, "CIFAR-10, small", 0.002)),
    "ImageNet32": ("a gain of 0.006", partial(gain, "ImageNet32", 0.006)),
    "likelihood": ("learned worse by 0.0019", more(0.0019)),
    "from scratch": ("learned worse by 0.016", more(0.016)),
    "one image": ("learned better by 0.0015", more(-0.0015)),
    "simpler rivals": ("learned better by 0.0005", more(-0.0005)),
    "latent loss": ("0.0005 more diffusion loss", more(0.0005, term="diffusion")),
    "acts over t": (  # it does the same at all depths
        "the scaling encoder for all",
        instead("encoders", lambda learned: {"scaling": evidence.load_pretrained("mnist-scaling")}),
    ),
    "global near the end": (
        "coarse and fine exchanged", instead("coarse", lambda coarse, picture: 1 - coarse(picture)),
    ),
    "local to global": (
        "depth 0.1 later", instead("shift", lambda shift, model, x, t: shift(model, x, t + 0.1)),
    ),
}  # fmt: skip


def break_it(name: str) -> Entry:
    """Look at a claim while its piece of evidence is broken."""
    with BREAKS[name][1]():
        return look(name)
