"""The language of the rows: SymPy's words, the symbols of the notation, and the steps.

A row's file begins with `from ._language import *` and is then mathematics only.
"""
# ruff: noqa: F401, I001

from collections.abc import Callable

from sympy import (
    Derivative, E, Eq, Expr, Function, Ge, IndexedBase, Integer, Integral, Limit, Min, Order, Poly,
    Rational, Subs, Sum, Symbol, Tuple, collect, diff, exp, expand, expand_log, factor, integrate,
    log, oo, pi, series, simplify, solve, sqrt, symbols, tanh,
)

from .notation import *
from .row import Define, Digits, Line, Numbers, Steps, Words, row
from .zero import sum_apart
