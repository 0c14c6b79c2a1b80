"""The language of the rows: SymPy's words, the symbols of the notation, `row`, `Step`, `Number`.

A row's file begins with `from ._language import *` and is then mathematics only.
"""
# ruff: noqa: F401

from collections.abc import Callable, Iterator

from sympy import (
    Derivative,
    E,
    Eq,
    Expr,
    Function,
    Ge,
    IndexedBase,
    Integer,
    Integral,
    Limit,
    Min,
    Order,
    Poly,
    Rational,
    Subs,
    Sum,
    Symbol,
    Tuple,
    collect,
    diff,
    exp,
    expand,
    expand_log,
    factor,
    factor_terms,
    integrate,
    log,
    oo,
    pi,
    series,
    simplify,
    solve,
    sqrt,
    symbols,
    tanh,
)

from ._row import row
from ._step import Number, Step
from .normal_form import sum_apart
from .notation import *
