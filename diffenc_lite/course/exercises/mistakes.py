"""Mistakes that are the same everywhere: a sign, a factor, a reciprocal, a logarithm's base."""

import math

import numpy as np
from numpy.typing import ArrayLike

FACTORS = {  # told of a single number too
    -1.0: "the sign is wrong",
    2.0: "off by a factor of 2",
    0.5: "off by a factor of 1/2",
    math.log(2): "off by a factor of ln 2 (in nats, where bits are asked for?)",
    1 / math.log(2): "off by a factor of 1/ln 2 (in bits, where nats are asked for?)",
    1 / math.log(10): "off by a factor of 1/ln 10 (the logarithm to base 10?)",
}


def simple_mistake(values: ArrayLike, right: ArrayLike, tolerance: float = 1e-5) -> str:
    """What turns all the right values into those given, if that is one simple thing; or nothing."""
    v, r = (np.asarray(numbers, dtype=complex).ravel() for numbers in (values, right))
    if v.shape != r.shape or not (np.isfinite([v, r]) & np.isreal([v, r])).all():
        return ""
    v, r = v.real, r.real
    if not v.any() or not r.any():
        return ""
    everywhere = " everywhere" * (r.size > 1)

    def same(one: np.ndarray, other: np.ndarray) -> bool:
        absolute = tolerance * float(np.median(abs(other))) if other.size > 1 else 0.0
        return np.allclose(one, other, tolerance, absolute)

    for factor, said in FACTORS.items():
        if same(v, factor * r):
            head, bracket, rest = said.partition(" (")
            return f"{head}{everywhere}{bracket}{rest}"
    if same(v * r, np.ones(r.size)):
        return "it is the reciprocal of what is asked for"
    factor, shift = float(v @ r / (r @ r)), float((v - r).mean())
    if r.size < 3 or same(r, np.full(r.size, r.mean())) or same(v, r):
        return ""  # any number is some factor times another
    if same(v, factor * r) and abs(factor - 1) > 0.01:
        shown = f"1/{1 / factor:.4g}" if 0 < factor < 0.5 else f"{factor:.4g}"  # 1/64 says more
        return f"off by a factor of {shown}{everywhere}"
    return f"off by the constant {shift:.4g}{everywhere}" if same(v, r + shift) else ""
