"""For each claim with evidence a piece of it that can be broken, and the verdict without it."""

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


def numbers(study: str, arm: str, shift: float, term: str = "total") -> Patch:
    """An arm of a study has so many bits per dimension more."""
    key = "variant" if study == "encoders" else "arm"

    def read(stored: Any, name: str) -> dict[str, Any]:
        results = stored(name)
        if name == study:
            for row in results["rows"]:
                if term in row and row[key] == arm:
                    row[term] += shift
        return results

    return instead("read_results", read)


def pictures(shift: float) -> Patch:
    """The learned encoder has so many bits per dimension more on each photograph."""

    def read(stored: Any, name: str) -> dict[str, Any]:
        results = stored(name)
        for row in results["rows"] if name == "rivals" else ():
            if row["part"] == "arm" and row["arm"] == "learned":
                for point in row["curve"]:
                    point["pictures"] = [bits + shift for bits in point["pictures"]]
        return results

    return instead("read_results", read)


def figure(name: str, with_encoder: float) -> Patch:
    """Of the paper, as it is quoted, another."""
    vdm, _, places = evidence.QUOTED[name]
    return lambda: replaced(evidence.QUOTED, name, (vdm, with_encoder, places))


def curious(sample: Any, model: Any, n: int, steps: int, generator: Any) -> Any:
    """A sampler that asks the encoder"""
    model.encoder.shift(evidence.digits(model, 1), model.schedule(torch.zeros(1)).gamma)
    return sample(model, n, steps, generator=generator)


def dear_grid(stored: Any, *where: Any) -> dict[str, Any]:
    row = stored(*where)
    return {**row, "bits": row["bits"] + ("best grid" in where)}


BREAKS: dict[str, tuple[str, Patch]] = {
    **{
        name: (f"a wrong {tag}", partial(wrong_row, tag))
        for name, tag in {
            "marginals": "F2", "loss": "L4", "counterterm": "X6", "v-form": "G4", "variance": "W1",
            "w = 1": "W2", "weights": "W3", "larger class": "X6", "scaling, perfect": "X4",
        }.items()
    },
    "schedule": ("the best grid 1 bit dearer", instead("stored_bound", dear_grid)),
    "sampling": ("a sampler that asks the encoder", instead("sample", curious)),
    "CIFAR-10, large": ("2.640 with encoder", figure("CIFAR-10, large", 2.64)),
    "split of the gain": ("diffusion 2.615", figure("CIFAR-10, large, diffusion", 2.615)),
    "CIFAR-10, small": ("2.780 with encoder", figure("CIFAR-10, small", 2.78)),
    "ImageNet32": ("3.44 with encoder", figure("ImageNet32", 3.44)),
    "digits, forks": ("learned worse by 0.01", numbers("fork", "learned", 0.01)),
    "digits, from scratch": ("learned better by 0.1", numbers("encoders", "learned", -0.1)),
    "digits, equal time": ("learned worse by 0.01", numbers("purpose", "learned", 0.01)),
    "digits, image": ("learned better by 0.01", numbers("purpose", "learned", -0.01)),
    "photographs, forks": ("learned worse by 0.05", pictures(0.05)),
    "photographs, image": ("learned worse by 0.05", pictures(0.05)),
    "photographs, fade": ("learned better by 0.05", pictures(-0.05)),
    "photographs, noise": ("affine better by 0.05", pictures(-0.05)),
    "photographs, affine": ("learned better by 0.05", pictures(-0.05)),
    "latent loss, digits": ("0.01 more diffusion", numbers("fork", "learned", 0.01, "diffusion")),
    "latent loss, equal time": (
        "0.01 less diffusion", numbers("purpose", "learned", -0.01, "diffusion"),
    ),
    "latent loss, photographs": ("0.05 less diffusion", pictures(-0.05)),
    "scaling, trained": ("scaling worse by 0.1", numbers("encoders", "scaling", 0.1, "diffusion")),
    "learned > scaling": ("scaling worse by 0.1", numbers("encoders", "scaling", 0.1)),
    "length and order": ("learned worse by 0.01", numbers("fork", "learned", 0.01)),
    "acts over t": (  # it does the same at all depths
        "the scaling encoder for all",
        instead("encoders", lambda learned: {"scaling": evidence.load_pretrained("mnist-scaling")}),
    ),
    "global near the end": (
        "coarse and fine exchanged", instead("coarse", lambda coarse, picture: 1 - coarse(picture)),
    ),
    "local to global": (
        "a tenth more depth", instead("moved", lambda moved, model, x, t: moved(model, x, t + 0.1)),
    ),
}  # fmt: skip


def break_it(name: str) -> Entry:
    """Look at a claim while its piece of evidence is broken."""
    with BREAKS[name][1]():
        return look(name)
