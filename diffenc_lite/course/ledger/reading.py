"""Formulas as a reader types them, `w*delta**2/2`: read, and turned into SymPy.

A formula is made of names, numbers, + - * / ** (or ^) and the functions below. Nothing else is
read, so that typed text is never run as a program.
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import sympy

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "sqrt": sympy.sqrt,
    "exp": sympy.exp,
    "log": sympy.log,
    "ln": sympy.log,
    "sinh": lambda x: (sympy.exp(x) - sympy.exp(-x)) / 2,
    "cosh": lambda x: (sympy.exp(x) + sympy.exp(-x)) / 2,
    "tanh": lambda x: 1 - 2 / (1 + sympy.exp(2 * x)),
    "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
}
LONGEST = 500  # letters of a formula
HIGHEST = 20  # power: higher ones may take for ever to multiply out
OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.Pow: operator.pow,
}  # fmt: skip


class Unreadable(ValueError):
    """Not a formula; the text says why."""


def read(text: str, names: Collection[str] = ()) -> ast.expr:
    """The formula as a tree. Raises Unreadable, with what is meant if that is in these names."""
    if len(text) > LONGEST:
        raise Unreadable(f"it is longer than {LONGEST} letters")
    try:
        tree = ast.parse(text.strip().replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unreadable(
            "it cannot be read as a formula: write products with *, powers with **, and close "
            f"every bracket{_did_you_mean(text, names)}"
        ) from None
    try:
        to_sympy(tree, {name: sympy.Symbol(name) for name in names_in(tree)})
    except Unreadable as why:
        raise Unreadable(f"{why}{_did_you_mean(text, names)}") from None
    return tree


def _did_you_mean(given: str, names: Collection[str]) -> str:
    """With brackets after functions, and * wherever two things stand side by side"""
    known = "|".join(FUNCTIONS)
    meant = re.sub(rf"(?i)\b({known})\b(?=\s*\(|\s+\w)", lambda m: m[0].lower(), given)
    meant = re.sub(rf"\b({known})\s+(\w+)", r"\1(\2)", meant)
    side_by_side = r"(?<![\w.])(\d+\.?\d*)\s*(?=[A-Za-z_(])|(\))\s*(?=[\w(])|(\w)\s+(?=[\w(])"
    meant = re.sub(side_by_side, lambda m: f"{m[0].strip()}*", meant)
    meant = re.sub(rf"\b(?!(?:{known})\b)([A-Za-z_]\w*)\(", r"\1*(", meant)
    try:
        right_in_kind = meant != given and names_in(read(meant)) <= set(names)
    except Unreadable:
        return ""
    return f"; did you mean {meant.replace('**', '^')}?" * right_in_kind


def names_in(tree: ast.expr) -> set[str]:
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n not in called} - {"pi"}


# --- SymPy ----------------------------------------------------------------------------------------


def to_sympy(tree: ast.expr, symbols: Mapping[str, Any]) -> Any:
    """A SymPy expression in these symbols. Raises Unreadable; KeyError for a name without one."""
    match tree:
        case ast.BinOp(ast.UnaryOp(ast.USub(), left), ast.Div() as divided, right):
            return -to_sympy(ast.BinOp(left, divided, right), symbols)
        case ast.BinOp(left, sign, right) if type(sign) in OPERATORS:
            a, b = to_sympy(left, symbols), to_sympy(right, symbols)
            if isinstance(sign, ast.Pow) and b.is_number and not abs(b) <= HIGHEST:
                raise Unreadable(f"the power {ast.unparse(right)[:20]} is too high")
            return OPERATORS[type(sign)](a, b)
        case ast.UnaryOp(ast.USub(), operand):
            return -to_sympy(operand, symbols)
        case ast.UnaryOp(ast.UAdd(), operand):
            return to_sympy(operand, symbols)
        case ast.Call(ast.Name(name), [argument], []) if name in FUNCTIONS:
            return FUNCTIONS[name](to_sympy(argument, symbols))
        case ast.Call(ast.Name(name)) if name in FUNCTIONS:
            raise Unreadable(f"{name} takes one argument")
        case ast.Call(function):
            name, known = ast.unparse(function), ", ".join(FUNCTIONS)
            raise Unreadable(f"{name}(...) reads as a function: write products with *, or {known}")
        case ast.Constant(bool()):
            raise Unreadable("True and False are not numbers here")
        case ast.Constant(int() | float() as value) if math.isfinite(value):
            return sympy.Rational(str(value))
        case ast.Name(name):
            return sympy.pi if name == "pi" else symbols[name]
    raise Unreadable(f"{ast.unparse(tree)[:40]} cannot be part of a formula here")
