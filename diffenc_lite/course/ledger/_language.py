"""The language of the rows: SymPy's words, the symbols of the notation, and what makes a row.

A row's file begins with `from ._language import *` and is then mathematics only.
"""
# ruff: noqa: F401, I001

from collections.abc import Callable

from sympy import (
    Derivative, Eq, Expr, Function, Ge, IndexedBase, Integer, Integral, Limit, Order,
    Rational, Subs, Sum, Symbol, diff, exp, log, oo, pi, sqrt, symbols, tanh,
)

from .row import Row, Use, row, use
from .notation import *
